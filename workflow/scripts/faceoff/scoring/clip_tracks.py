"""Score the tracks and identities of a dataset's clips (protocol §51).

Every score is a function of sums over clips, so that its interval resamples whole clips.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from faceoff.scoring import tracks
from faceoff.scoring.tracks import TrackedFrame, changes, cluster_scores, on_people, reentry
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.bootstrap import bootstrap_t

LEFT_S = 0.2  # seconds out of sight from which a person has left


@dataclass(frozen=True)
class FollowedClip:
    """The faces of a clip beside the true ones.

    kind: what happens in it, None where the dataset does not say; seconds: (t,) times of its
    frames; people: names of the true people by their number; frames: with the numbers of the
    tracks; identities: of each frame (m,) the identities of the same faces; chosen: of each frame
    the place of the face that the policy chooses, None for none.
    """

    sample_id: str
    kind: str | None
    seconds: Floats
    people: tuple[str, ...]
    frames: Sequence[TrackedFrame]
    identities: Sequence[Ints]
    chosen: Sequence[int | None]

    @cached_property
    def by_identity(self) -> list[TrackedFrame]:
        """Return the frames with the numbers of the identities."""
        return [
            TrackedFrame(frame.truth, numbers, frame.overlap)
            for frame, numbers in zip(self.frames, self.identities, strict=True)
        ]

    @cached_property
    def on(self) -> list[Ints]:
        """Return the person on whom each face lies, frame by frame (m,), -1 for nobody."""
        return [on_people(frame) for frame in self.frames]

    @property
    def interest(self) -> int:
        """Return how much a follower can get wrong: further people, and returns."""
        return len(self.people) - 1 + reentry(self.by_identity, self.least)[1]

    @property
    def least(self) -> int:
        """Return the frames out of sight from which a person has left."""
        step = float(np.median(np.diff(self.seconds))) if len(self.seconds) > 1 else 0.0
        return max(1, round(LEFT_S / step)) if step > 0 else 1


@dataclass(frozen=True)
class ClipCounts:
    """What the scores of a clip are made of.

    tracks, identities: (COUNTS,) of `tracks.track_counts`; returns: recognised, all; changes: of
    the chosen person, and the minutes; clusters: faces on people, and the sums of their B³
    precision and recall as found, all in one, each apart (7,); surplus: identities found minus
    people; ari, v_measure: None for a clip of one person.
    """

    tracks: Floats
    identities: Floats
    returns: tuple[int, int]
    changes: tuple[int, float]
    clusters: Floats
    people: int
    found: tuple[int, int]
    ari: float | None
    v_measure: float | None

    @property
    def surplus(self) -> int:
        """Return the identities found minus the true people."""
        return self.found[1] - self.people


def counts_of(clip: FollowedClip) -> ClipCounts:
    """Return what the scores of a clip are made of."""
    chosen = [
        None if place is None or people[place] < 0 else int(people[place])
        for place, people in zip(clip.chosen, clip.on, strict=True)
    ]
    spent = float(clip.seconds[-1] - clip.seconds[0]) / 60
    person, identity = np.concatenate(clip.on), np.concatenate(clip.identities)
    track = np.concatenate([frame.predicted for frame in clip.frames])
    truth, found = person[person >= 0], identity[person >= 0]
    several = len(clip.people) > 1 and len(truth) > 0
    sums: Floats = np.zeros(7)
    if len(truth):
        ways = (found, np.zeros(len(truth), np.int64), np.arange(len(truth)))
        scores = [cluster_scores(truth, way) for way in ways]
        parts = [part for score in scores for part in (score.precision, score.recall)]
        sums = np.array([1.0, *parts]) * float(len(truth))
    return ClipCounts(
        tracks.track_counts(clip.frames),
        tracks.track_counts(clip.by_identity),
        reentry(clip.by_identity, clip.least),
        (changes(chosen), spent),
        sums,
        len(clip.people),
        (len(np.unique(track)), len(np.unique(identity))),
        scores[0].ari if several else None,
        scores[0].v_measure if several else None,
    )


@dataclass(frozen=True)
class Measure:
    """A score of a set of clips.

    counts: what is summed over the clips (cells,); value: totals (R, cells) -> (R,); bounds: of its
    interval.
    """

    counts: Callable[[ClipCounts], Any]
    value: Callable[[Floats], Floats]
    bounds: tuple[float, float] | None = (0.0, 1.0)


def _ratio(totals: Floats) -> Floats:
    """Return the first total per second one; NaN where that is 0."""
    whole = totals[..., 1]
    return np.where(whole > 0, totals[..., 0] / np.where(whole > 0, whole, 1), np.nan)


def _f1(totals: Floats) -> Floats:
    """Return the F1 of sums (…, 3): faces, their precision, their recall."""
    precision, recall = _ratio(totals[..., [1, 0]]), _ratio(totals[..., [2, 0]])
    return 2 * precision * recall / (precision + recall)


MEASURES: Mapping[str, Measure] = {
    "mota": Measure(lambda c: c.tracks[:6], tracks.mota, (-np.inf, 1.0)),
    "idf1": Measure(lambda c: c.tracks[:6], tracks.idf1),
    "hota": Measure(lambda c: c.tracks, tracks.hota),
    "deta": Measure(lambda c: c.tracks, tracks.deta),
    "assa": Measure(lambda c: c.tracks, tracks.assa),
    "identity_idf1": Measure(lambda c: c.identities[:6], tracks.idf1),
    "identity_hota": Measure(lambda c: c.identities, tracks.hota),
    "reentry": Measure(lambda c: c.returns, _ratio),
    "changes_per_minute": Measure(lambda c: c.changes, _ratio, (0.0, np.inf)),
    "b3_precision": Measure(lambda c: c.clusters[[1, 0]], _ratio),
    "b3_recall": Measure(lambda c: c.clusters[[2, 0]], _ratio),
    "b3_f1": Measure(lambda c: c.clusters[[0, 1, 2]], _f1),
    "surplus": Measure(lambda c: (c.surplus, 1), _ratio, None),
    "surplus_size": Measure(lambda c: (abs(c.surplus), 1), _ratio, (0.0, np.inf)),
    "b3_f1_all_one": Measure(lambda c: c.clusters[[0, 3, 4]], _f1),
    "b3_f1_all_apart": Measure(lambda c: c.clusters[[0, 5, 6]], _f1),
}


def intervals(clips: Sequence[ClipCounts], seed: int) -> dict[str, list[float]]:
    """Return the 95 % interval of each measure, by clip; NaN where there is none."""
    found = {}
    for name, measure in MEASURES.items():
        units = np.array([measure.counts(clip) for clip in clips], float)
        limits = bootstrap_t(measure.value, units, seed=seed, bounds=measure.bounds)
        found[name] = [limits.low, limits.high]
    return found


def scored(clips: Sequence[ClipCounts]) -> dict[str, Any]:
    """Return the scores of a set of clips, of at least one.

    `counts` are whole numbers; of `values` ARI and V-measure are means over the clips of several
    people. A value is NaN where nothing defines it.
    """
    values = {}
    for name, measure in MEASURES.items():
        units = np.array([measure.counts(clip) for clip in clips], float)
        values[name] = float(measure.value(units.sum(axis=0)))
    several = [clip for clip in clips if clip.ari is not None]
    for name in ("ari", "v_measure"):
        values[name] = float(np.mean([getattr(clip, name) for clip in several] or [np.nan]))
    sums = np.sum([clip.tracks for clip in clips], axis=0).astype(int).tolist()
    return {
        "n": len(clips),
        "counts": {
            "faces": sums[tracks.TRUE],
            "found": sums[tracks.PREDICTED],
            "misses": sums[tracks.MISSES],
            "false_alarms": sums[tracks.FALSE_ALARMS],
            "switches": sums[tracks.SWITCHES],
            "recognised": sum(clip.returns[0] for clip in clips),
            "returns": sum(clip.returns[1] for clip in clips),
            "changes": sum(clip.changes[0] for clip in clips),
            "people": sum(clip.people for clip in clips),
            "tracks": sum(clip.found[0] for clip in clips),
            "identities": sum(clip.found[1] for clip in clips),
        },
        "values": values,
    }


def of_clip(clip: FollowedClip, counts: ClipCounts) -> dict[str, Any]:
    """Return the scores of one clip, without intervals."""
    names = ("mota", "idf1", "hota", "identity_idf1", "b3_f1")
    return {
        "sample_id": clip.sample_id,
        "kind": clip.kind,
        "frames": len(clip.frames),
        "people": counts.people,
        "tracks": counts.found[0],
        "identities": counts.found[1],
        "switches": int(counts.tracks[tracks.SWITCHES]),
        "recognised": counts.returns[0],
        "returns": counts.returns[1],
        "changes": counts.changes[0],
        **{
            name: float(MEASURES[name].value(np.array(MEASURES[name].counts(counts), float)))
            for name in names
        },
    }


def of_kinds(
    clips: Sequence[FollowedClip], counts: Sequence[ClipCounts], seed: int
) -> list[dict[str, Any]]:
    """Return the scores of all clips (kind None), then of each kind of several, by name.

    Only those of all have `intervals`: a kind has few clips, and most of them alike.
    """
    kinds = sorted({clip.kind for clip in clips if clip.kind is not None})
    every = {"kind": None, **scored(counts), "intervals": intervals(counts, seed)}
    parts: list[dict[str, Any]] = [every]
    for kind in kinds if len(kinds) > 1 else ():
        own = [found for clip, found in zip(clips, counts, strict=True) if clip.kind == kind]
        parts.append({"kind": kind, **scored(own), "intervals": {}})
    return parts
