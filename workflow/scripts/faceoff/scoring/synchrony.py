"""Say whether the faces and sounds of clips run in step, one by one and together (protocol §55)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceoff.scoring.task import owners
from faceoff.statistics.arrays import Floats, Labels
from faceoff.statistics.bootstrap import bca
from faceoff.statistics.intervals import cluster_interval
from faceoff.statistics.paired_tests import holm
from faceoff.storage import columns
from faceoff.temporal.channels import SHIFTS_S
from faceoff.temporal.lag_curve import (
    LEAST_S,
    SPARSE_S,
    SURROGATES,
    Course,
    LagCurve,
    curve,
    of_lips,
    p_value,
    peak,
    together_s,
    usual_step,
)

Place = tuple[str, str]  # a group and its level
LEVEL = 0.05  # p from which a peak counts
OFF_S = 0.1  # a peak further from 0 is said: syllables blur by about as much (docs/speech.md)
LEAST_CLIPS = 2  # of a level of a group, to have a curve of its own
MOST_LEVELS = 20  # of a group; names of people or files tell nothing of their clips
REPLICATES = 1_000  # of the peak's interval
UNMEASURED = "unmeasured"  # lips and sound are there, but too little of them, or they rest


@dataclass(frozen=True)
class Clip:
    """Hold what is known of one clip before its curve.

    times, openness: (n,) of its frames in seconds, and of the chosen face's lips, NaN where there
    is none; sound: its loudness, None with a `missing` (state, reason).
    """

    sample_id: str
    times: Floats
    openness: Floats
    sound: Course | None = None
    missing: tuple[str, str] | None = None


@dataclass(frozen=True)
class _Level:
    """Gather the curves of some clips.

    known: how many clips they are; measured: the places of those with a curve; chance: the sum over
    these of their curves by chance.
    """

    known: int
    measured: list[int] = field(default_factory=list)
    chance: Floats = field(default_factory=lambda: np.zeros((SURROGATES, len(SHIFTS_S))))


def synchrony(
    clips: Iterable[Clip],
    subjects: Mapping[str, str | None],
    groups: Mapping[str, Mapping[str, str]],
    seed: int,
) -> dict[str, Any]:
    """Return the curve of each clip, and of all of them and of each group of clips together.

    `clips`: each with state and reason, and where it is ok the peak's lag and height, its p and
    whether it is significant, and the curve. `parts`: the mean curve of all clips, then of each
    level of each group with its interval by subject (else clip), the same of the peak, p (after
    Holm over the levels of groups), and `off`: whether a significant peak is more than `OFF_S`
    from 0.

    subjects, groups: of each sample.
    """
    told: list[dict[str, Any]] = []
    heights: list[Floats] = []
    levels = _levels(groups)
    for number, clip in enumerate(clips):
        found = _unmeasured(clip)
        measured = None if found or clip.sound is None else _curve(clip, clip.sound, seed + number)
        if measured is None:
            state, reason = found or (UNMEASURED, "the lips or the loudness do not change")
            told.append({"sample_id": clip.sample_id, "state": state, "reason": reason})
            continue
        for place in (None, *groups[clip.sample_id].items()):
            if place in levels:
                levels[place].measured.append(len(heights))
                levels[place].chance[:] += measured.by_chance
        heights.append(measured.heights)
        told.append(_of_clip(clip.sample_id, measured))
    ids = [clip["sample_id"] for clip in told if clip["state"] == columns.OK]
    whose = owners(ids, [subjects[name] for name in ids])
    return {
        "lags_s": list(SHIFTS_S),
        "parts": _parts(levels, np.array(heights), whose, seed),
        "clips": told,
    }


def _levels(groups: Mapping[str, Mapping[str, str]]) -> dict[Place | None, _Level]:
    """Return all clips, then the levels of groups that have a few levels of some clips each."""
    known = Counter(place for own in groups.values() for place in own.items())
    sizes = Counter(group for group, _ in known)
    return {None: _Level(len(groups))} | {
        place: _Level(known[place])
        for place in sorted(known)
        if known[place] >= LEAST_CLIPS and 1 < sizes[place[0]] <= MOST_LEVELS
    }


def _curve(clip: Clip, sound: Course, seed: int) -> LagCurve | None:
    return curve(of_lips(clip.times, clip.openness), sound, seed)


def _unmeasured(clip: Clip) -> tuple[str, str] | None:
    """Return (state, reason) of a clip that has no curve, None for one that may have one."""
    if clip.missing or clip.sound is None:
        return clip.missing or (columns.UNREADABLE, "no sound")
    if not np.isfinite(clip.openness).any():
        return columns.NO_FACE, "no lips are seen"
    if (step := usual_step(clip.times)) > SPARSE_S:
        said = "one frame" if np.isinf(step) else f"frames are {step:.2g} s apart"
        return UNMEASURED, f"{said}; raise fps to at least {1 / SPARSE_S:.0f}"
    seconds = together_s(of_lips(clip.times, clip.openness), clip.sound)
    if seconds < LEAST_S:
        return UNMEASURED, f"lips are seen with sound for {seconds:.1f} s, less than {LEAST_S:g} s"
    return None


def _of_clip(sample_id: str, measured: LagCurve) -> dict[str, Any]:
    lag, height = peak(measured.heights)
    p = p_value(measured.heights, measured.by_chance)
    return {
        "sample_id": sample_id,
        "state": columns.OK,
        "reason": None if p < LEVEL else "no significant peak",
        "peak_s": lag,
        "height": height,
        "p": p,
        "significant": p < LEVEL,
        "curve": measured.heights.tolist(),
    }


def _parts(
    levels: Mapping[Place | None, _Level], heights: Floats, whose: Labels, seed: int
) -> list[dict[str, Any]]:
    """Return all clips together, then each level of a group of which enough are measured."""
    parts = [
        _part(place, level, heights[level.measured], whose[level.measured], seed)
        for place, level in levels.items()
        if len(level.measured) >= (LEAST_CLIPS if place else 1)
    ]
    for part, p in zip(parts[1:], holm([part["p"] for part in parts[1:]]), strict=True):
        part["p"] = float(p)
    for part in parts:
        part["significant"] = part["p"] < LEVEL
        part["off"] = part["significant"] and abs(part["peak_s"]) > OFF_S + 1e-9
    return parts


def _part(
    place: Place | None, level: _Level, heights: Floats, whose: Labels, seed: int
) -> dict[str, Any]:
    """Return the mean curve of some clips, with intervals over their subjects."""
    mean = heights.mean(axis=0)
    lag, height = peak(mean)
    spans = [cluster_interval(values, whose) for values in heights.T]
    return {
        "group": place[0] if place else None,
        "level": place[1] if place else None,
        "clips": level.known,
        "measured": len(heights),
        "peak_s": lag,
        "peak_interval": _peak_interval(heights, whose, seed),
        "height": height,
        "p": p_value(mean, level.chance / len(heights)),
        "curve": mean.tolist(),
        "low": [_limit(span.low) for span in spans],
        "high": [_limit(span.high) for span in spans],
    }


def _peak_interval(heights: Floats, whose: Labels, seed: int) -> list[float | None]:
    """Return the interval of the mean curve's peak over resampled subjects, None for too few."""
    _, owner = np.unique(whose, return_inverse=True)
    units = np.zeros((owner.max() + 1, heights.shape[1]))
    np.add.at(units, owner, heights)

    def lags(totals: Floats) -> Floats:
        return np.array([peak(total)[0] for total in totals])

    found = bca(lags, units, seed=seed, replicates=REPLICATES)
    return [_limit(found.low), _limit(found.high)]


def _limit(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def warnings(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each part whose curve peaks off 0."""
    return [_warning(part) for part in parts if part["off"]]


def _warning(part: Mapping[str, Any]) -> str:
    lag, (low, high) = part["peak_s"], part["peak_interval"]
    sure = "" if low is None else f"; 95 %: {low:+.2f} to {high:+.2f}"
    return (
        f"{named(part)}: the sound comes {abs(lag):.2f} s too {'late' if lag > 0 else 'early'} "
        f"(mean of {part['measured']} clips{sure})"
    )


def named(part: Mapping[str, Any]) -> str:
    """Return which clips a part is about."""
    return f"{part['group']} {part['level']}" if part["group"] else "all clips"
