"""Score states per frame against the truth per frame (protocol §46, §47).

Conventions
-----------
truth
    (n,) class index of each frame, -1 where it has no label.
said
    (n,) class index that a pipeline states, -1 where it has no state.

A score is over frames whose truth shows a face with a label; no state is wrong there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.records import Number
from faceoff.scoring.task import share_interval
from faceoff.scoring.time_records import FrameScores, LagScores, Timing
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.bootstrap import bootstrap_t_confusion
from faceoff.temporal.episodes import Course, Segment, course, frame_seconds, segments

COLLAR_S = 0.1  # on either side of a change of the truth
EARLY_S = 0.2  # before a change, from when a new label counts as following it
LEAST_SEGMENT_S = 0.4
IOUS = (0.1, 0.25, 0.5)
WITHIN_S = (0.1, 0.25)
_EXACT_S = 1e-6


@dataclass(frozen=True)
class FrameTruth:
    """The truth of a dataset's frames, clip after clip.

    Attributes
    ----------
    clip
        (n,) number of the clip, rising from 0.
    times
        (n,) seconds, rising within a clip.
    truth
        (n,) see above.
    faceless
        (n,) whether the truth is that no face is seen.
    people
        (clips,) whose each clip is: its subject, else the clip itself.
    k
        Number of classes.
    neutral
        The index of the class neutral, None where there is none.
    intensity
        (n,) how strong the expression is; NaN where that is not known.
    talking
        (n,) whether the person speaks; None where that is not known.
    """

    clip: Ints
    times: Floats
    truth: Ints
    faceless: Bools
    people: Labels
    k: int
    neutral: int | None
    intensity: Floats
    talking: Bools | None = None

    @cached_property
    def labelled(self) -> Bools:
        """Return (n,) whether the frame is scored."""
        return self.truth >= 0

    @cached_property
    def every_clip(self) -> list[slice]:
        """Return the frames of each clip."""
        starts = np.searchsorted(self.clip, np.arange(len(self.people) + 1)).tolist()
        return [slice(*ends) for ends in pairwise(starts)]

    @cached_property
    def slices(self) -> list[slice]:
        """Return the frames of each clip that has a labelled one."""
        return [part for part in self.every_clip if self.labelled[part].any()]

    @property
    def unlabelled(self) -> "FrameTruth":
        """Return the same clips without their labels."""
        return replace(self, truth=np.full(len(self.truth), -1))

    @cached_property
    def clusters(self) -> Ints:
        """Return (n,) whose each frame is, as a number."""
        codes: Ints = np.unique(self.people, return_inverse=True)[1]
        return codes[self.clip] if len(self.clip) else np.empty(0, np.int64)

    @cached_property
    def minutes(self) -> float:
        """Return how long the clips are that are scored."""
        return sum(float(frame_seconds(self.times[part]).sum()) for part in self.slices) / 60

    @cached_property
    def segments(self) -> list[list[Segment]]:
        """Return the segments of the truth of each scored clip."""
        return [segments(self.times[part], self.truth[part]) for part in self.slices]

    @cached_property
    def collar(self) -> Bools:
        """Return (n,) whether a frame is scored and no change of the truth is within ±0.1 s."""
        clear = self.labelled.copy()
        for part, pieces in zip(self.slices, self.segments, strict=True):
            for piece in pieces[1:]:
                near = np.abs(self.times[part] - piece.start_s) <= COLLAR_S + _EXACT_S
                clear[part] &= ~near
        return clear

    @cached_property
    def changes(self) -> int:
        """Return how often the truth changes from label to label."""
        return sum(switches(self.truth[part]) for part in self.slices)


def switches(states: Ints) -> int:
    """Return how often a state differs from the last one; moments without a state do not count."""
    known = states[states >= 0]
    return int((np.diff(known) != 0).sum())


def switches_of(truth: FrameTruth, said: Ints) -> int:
    """Return how often the state changes over all scored clips."""
    return sum(switches(said[part]) for part in truth.slices)


def uar(truth: FrameTruth, said: Ints) -> float:
    """Return the mean recall over the classes that the scored frames have; NaN without frames."""
    scored = truth.labelled
    return metrics.balanced_accuracy(truth.truth[scored], said[scored], truth.k)


def frame_scores(truth: FrameTruth, said: Ints, seed: int) -> FrameScores:
    """Return every score of the states of one pipeline.

    Parameters
    ----------
    truth
        Of n frames.
    said
        (n,).
    seed
        Of the bootstrap.
    """
    scored, clear = truth.labelled, truth.collar
    right = (said == truth.truth)[scored]
    clusters = truth.clusters[scored]
    interval = bootstrap_t_confusion(
        metrics.balanced_accuracy_of,
        truth.truth[scored],
        said[scored],
        truth.k,
        clusters,
        seed=seed,
    )
    level = share_interval(right, clusters)
    faceless = truth.faceless
    per_minute = 1 / truth.minutes if truth.minutes else float("nan")
    switched = switches_of(truth, said)
    return {
        "n": int(scored.sum()),
        "accuracy": float(right.mean()),
        "accuracy_interval": [level.low, level.high],
        "uar": uar(truth, said),
        "uar_interval": [interval.low, interval.high],
        "uar_collar": metrics.balanced_accuracy(truth.truth[clear], said[clear], truth.k)
        if clear.any()
        else None,
        "accuracy_collar": float((said == truth.truth)[clear].mean()) if clear.any() else None,
        "without_state": float((said[scored] < 0).mean()),
        "false_alarms": float((said[faceless] >= 0).mean()) if faceless.any() else None,
        "faceless": int(faceless.sum()),
        "switches_per_minute": switched * per_minute,
        "flicker": (switched - truth.changes) * per_minute,
        "lag": lag(truth, said),
        "segmental_f1": {str(iou): segmental_f1(truth, said, iou) for iou in IOUS},
        "talking_accuracy": _accuracy_where(truth, said, truth.talking),
        "silent_accuracy": _accuracy_where(
            truth, said, None if truth.talking is None else ~truth.talking
        ),
    }


def _accuracy_where(truth: FrameTruth, said: Ints, part: Bools | None) -> Number:
    """Return the accuracy on the scored frames of a part; None without any."""
    if part is None or not (part & truth.labelled).any():
        return None
    return float((said == truth.truth)[part & truth.labelled].mean())


def lag(truth: FrameTruth, said: Ints) -> LagScores:
    """Return how late a pipeline follows the truth's changes (protocol §46).

    A change is one from label to label at T, whose new segment lasts 0.4 s at least. It is hit at
    the first frame in [T − 0.2 s, end of the segment) with the new label; the lag is that time
    minus T. `mean_s` counts a miss as the length of its segment.
    """
    hits: list[float] = []
    all_lags: list[float] = []
    for part, pieces in zip(truth.slices, truth.segments, strict=True):
        times, states = truth.times[part], said[part]
        for before, piece in pairwise(pieces):
            if min(before.state, piece.state) < 0 or piece.seconds < LEAST_SEGMENT_S - _EXACT_S:
                continue
            inside = (times >= piece.start_s - EARLY_S - _EXACT_S) & (
                times < piece.end_s - _EXACT_S
            )
            there = times[inside & (states == piece.state)]
            if len(there):
                hits.append(round(float(there[0] - piece.start_s), 6))
            all_lags.append(hits[-1] if len(there) else piece.seconds)
    return {
        "changes": len(all_lags),
        "hit_rate": len(hits) / len(all_lags) if all_lags else None,
        "median_s": float(np.median(hits)) if hits else None,
        "mean_s": float(np.mean(all_lags)) if all_lags else None,
        "hits_s": hits,
    }


def segmental_f1(truth: FrameTruth, said: Ints, iou: float) -> Number:
    """Return the F1 of segments: matched by label and overlap, one to one, earliest first.

    None where neither side has a segment. Lea et al. (2017), Temporal convolutional networks for
    action segmentation and detection.
    """
    right = wrong = missed = 0
    for part, pieces in zip(truth.slices, truth.segments, strict=True):
        open_ones = [piece for piece in pieces if piece.state >= 0]
        for found in segments(truth.times[part], said[part]):
            if found.state < 0:
                continue
            match = next((piece for piece in open_ones if _overlap(found, piece) >= iou), None)
            if match is None:
                wrong += 1
            else:
                right += 1
                open_ones.remove(match)
        missed += len(open_ones)
    total = 2 * right + wrong + missed
    return 2 * right / total if total else None


def _overlap(a: Segment, b: Segment) -> float:
    """Return the intersection over union of two segments of one label; 0 of different labels."""
    if a.state != b.state:
        return 0.0
    shared = min(a.end_s, b.end_s) - max(a.start_s, b.start_s)
    whole = max(a.end_s, b.end_s) - min(a.start_s, b.start_s)
    return max(shared, 0.0) / whole if whole > 0 else 0.0


def timing(truth: FrameTruth, intensity: Floats) -> dict[str, Timing]:
    """Return the errors of onset, apex and offset (protocol §47), by name.

    Clips count whose truth has one label besides neutral and whose intensity is known.

    Parameters
    ----------
    truth
        Of n frames.
    intensity
        (n,) what the pipeline reads, NaN where it read nothing.
    """
    pairs = list(_courses(truth, intensity))
    return {
        name: _timing([_apart(pair, moment) for pair in pairs]) for name, moment in _MOMENTS.items()
    }


_MOMENTS: dict[str, Callable[[Course], float]] = {
    "onset": lambda found: found.onset_s,
    "apex": lambda found: found.apex_s,
    "offset": lambda found: found.offset_s,
}


def _courses(truth: FrameTruth, intensity: Floats) -> Iterator[tuple[Course, Course | None]]:
    """Yield the true course of each clip with one expression, and the one that was read."""
    for part, pieces in zip(truth.slices, truth.segments, strict=True):
        labels = {piece.state for piece in pieces} - {-1, truth.neutral}
        actual = course(truth.times[part], truth.intensity[part])
        if len(labels) == 1 and actual is not None:
            yield actual, course(truth.times[part], intensity[part])


def _apart(pair: tuple[Course, Course | None], moment: Callable[[Course], float]) -> float:
    actual, read = pair
    return float("inf") if read is None else abs(moment(read) - moment(actual))


def _timing(errors: Sequence[float]) -> Timing:
    """Return a summary of absolute errors in seconds; infinite ones were not read."""
    values = np.array(errors)
    found = values[np.isfinite(values)]
    return {
        "clips": len(values),
        "read": len(found),
        "median_s": float(np.median(found)) if len(found) else None,
        "within": {
            str(limit): float((values <= limit + _EXACT_S).mean()) if len(values) else None
            for limit in WITHIN_S
        },
    }
