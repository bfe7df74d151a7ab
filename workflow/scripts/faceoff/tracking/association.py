"""Follow faces from frame to frame by their boxes alone.

Each track predicts where its face is at the time of the next frame, by the velocity that it had,
which dies away while the face is not seen. Tracks and faces are assigned one to one by the largest
sum of their likeness (Kuhn 1955), as SORT does by overlap alone (Bewley et al. 2016, Simple online
and realtime tracking). Overlap fails where a face moves by more than its own width between two
frames, so nearness counts too. All constants are in seconds and in heights of the face, so that
videos of any rate and size are followed alike.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment

from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.overlap import iou_of

GAP_S = 1.0
_VELOCITY_S = 0.1  # time constant of the mean velocity
_COAST_S = 0.5  # a face that is not seen moves on by at most its velocity times this
_REACH = 2.0  # heights from its prediction within which a face is looked for
_GROWTH = 1.6  # most by which a face's height changes between two sights
_STILL = 0.8  # overlap with a track above which a face has not left its place


@dataclass(frozen=True)
class Moment:
    """The faces of one frame. time_s: its time; boxes: (n, 4) x, y, w, h in pixels."""

    time_s: float
    boxes: Floats


@dataclass
class _Track:
    """A face that is followed. velocity: of x, y, w, h in pixels per second."""

    number: int
    box: Floats
    seen_s: float
    velocity: Floats

    def predicted(self, time_s: float) -> Floats:
        """Return the box (4,) at a later time."""
        coasted = _COAST_S * -math.expm1(-max(0.0, time_s - self.seen_s) / _COAST_S)
        moved = self.box + coasted * self.velocity
        return np.concatenate([moved[:2], np.maximum(moved[2:], 1.0)])

    def see(self, box: Floats, time_s: float) -> None:
        """Take a face as the box, and its change as the velocity."""
        passed = time_s - self.seen_s
        if passed > 0:
            old = math.exp(-passed / _VELOCITY_S)
            self.velocity = old * self.velocity + (1 - old) * (box - self.box) / passed
        self.box, self.seen_s = box, time_s


class Follower:
    """Follow faces moment by moment; it remembers only the faces that are still followed.

    gap_s: longest time in seconds that a face may be out of sight within its track; count: how many
    tracks there have been.
    """

    def __init__(self, gap_s: float = GAP_S):
        self._gap_s = gap_s
        self._tracks: list[_Track] = []
        self.count = 0

    def ended(self, numbers: Iterable[int]) -> set[int]:
        """Return those of these tracks that no face will be joined to any more."""
        return set(numbers) - {track.number for track in self._tracks}

    def step(self, moment: Moment, is_cut: Callable[[], bool] = lambda: False) -> Ints:
        """Return the track of each face of the next moment, (n,), numbers from 0.

        is_cut: tells whether the scene changed since the moment before. It is asked only where a
        face left its place; a cut ends all tracks.
        """
        tracks = [track for track in self._tracks if moment.time_s - track.seen_s <= self._gap_s]
        ahead = _boxes([track.predicted(moment.time_s) for track in tracks])
        overlap = np.maximum(
            _overlap(ahead, moment.boxes),
            _overlap(_boxes([track.box for track in tracks]), moment.boxes),
        )
        if overlap.size and (overlap.max(axis=0) < _STILL).any() and is_cut():
            tracks, ahead, overlap = [], ahead[:0], overlap[:0]
        near = _nearness(ahead, moment.boxes)
        likeness = np.where(near > 0, near + overlap, 0.0)
        numbers = np.full(len(moment.boxes), -1)
        for row, column in zip(*linear_sum_assignment(-likeness), strict=True):
            if likeness[row, column] > 0:
                tracks[row].see(moment.boxes[column], moment.time_s)
                numbers[column] = tracks[row].number
        for column in np.flatnonzero(numbers < 0):
            numbers[column] = self.count
            tracks.append(_Track(self.count, moment.boxes[column], moment.time_s, np.zeros(4)))
            self.count += 1
        self._tracks = tracks
        return numbers


def follow(
    moments: Sequence[Moment],
    gap_s: float = GAP_S,
    is_cut: Callable[[int], bool] = lambda _: False,
) -> list[Ints]:
    """Return the track of every face: for each moment (n,), numbers from 0 by first appearance.

    Parameters
    ----------
    moments
        In order of time. A time that does not increase counts as no time passed.
    gap_s
        Longest time in seconds that a face may be out of sight within its track.
    is_cut
        Tells whether the scene changes between a moment, given its place, and the one before. It is
        asked only where a face left its place; a cut ends all tracks.
    """
    follower = Follower(gap_s)
    return [follower.step(moment, partial(is_cut, place)) for place, moment in enumerate(moments)]


def _boxes(boxes: Sequence[Floats]) -> Floats:
    return np.array(boxes, float).reshape(-1, 4)


def _overlap(tracks: Floats, faces: Floats) -> Floats:
    """Return the intersection over union of each track and face, (tracks, n)."""
    return iou_of(tracks[:, None], faces[None])


def _nearness(tracks: Floats, faces: Floats) -> Floats:
    """Return how near each face is to each track, (tracks, n): 1, falling to 0 at `_REACH`.

    It is 0 where their heights differ too much.
    """
    one, other = tracks[:, None], faces[None]
    apart = one[..., :2] + one[..., 2:] / 2 - other[..., :2] - other[..., 2:] / 2
    heights = np.maximum(one[..., 3], other[..., 3])
    near = 1 - np.hypot(apart[..., 0], apart[..., 1]) / (_REACH * heights)
    growth = heights / np.minimum(one[..., 3], other[..., 3])
    kept: Floats = np.where((growth <= _GROWTH) & (near > 0), near, 0.0)
    return kept
