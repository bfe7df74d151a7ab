"""Cut states over time into segments, and find onset, apex and offset of an intensity (§47)."""

from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Floats, Ints

ONSET_SHARE = 0.2  # of the apex above the baseline
BASELINE_SHARE = 1 / 3  # of the clip, its lowest part


@dataclass(frozen=True)
class Segment:
    """A stretch of one state: frames first … last, seconds start … end."""

    state: int
    first: int
    last: int
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """Return the length."""
        return self.end_s - self.start_s


def borders(times: Floats) -> Floats:
    """Return the ends of the moments (n + 1,), of one or more: each stands until the next one.

    The last lasts as long as the one before it, a single one for a second.
    """
    last = times[-1] - times[-2] if len(times) > 1 else 1.0
    return np.append(times, times[-1] + last)


def frame_seconds(times: Floats) -> Floats:
    """Return (n,) how long each frame is shown: until the next; the last one for the median."""
    steps = np.diff(times)
    last = float(np.median(steps)) if len(steps) else 0.0
    return np.append(steps, last)


def segments(times: Floats, states: Ints) -> list[Segment]:
    """Return the stretches of one state in order of time, those without a state (-1) too."""
    if not len(states):
        return []
    ends = times + frame_seconds(times)
    cuts = np.flatnonzero(np.diff(states)) + 1
    firsts, lasts = np.append(0, cuts), np.append(cuts, len(states)) - 1
    # A segment ends where the next one begins.
    return [
        Segment(int(states[first]), int(first), int(last), float(times[first]), float(ends[last]))
        for first, last in zip(firsts, lasts, strict=True)
    ]


@dataclass(frozen=True)
class Course:
    """When an intensity rises, peaks and falls, in seconds. apex: the first of its greatest."""

    onset_s: float
    apex_s: float
    offset_s: float
    peak: float


def course(times: Floats, intensity: Floats) -> Course | None:
    """Return the course of an intensity over a clip (protocol §47), None where it never rises.

    Onset and offset are its crossings, next to the apex, of 20 % of the apex above the baseline,
    interpolated between frames. The baseline is the median of the lowest third of the frames.

    Parameters
    ----------
    times
        (n,) seconds.
    intensity
        (n,), NaN where it was not read.
    """
    known = np.isfinite(intensity)
    times, intensity = times[known], intensity[known]
    if not len(times):
        return None
    lowest = np.sort(intensity)[: max(1, int(np.ceil(len(intensity) * BASELINE_SHARE)))]
    baseline, apex = float(np.median(lowest)), int(intensity.argmax())
    height = float(intensity[apex]) - baseline
    if not height > 0:
        return None
    level = baseline + ONSET_SHARE * height
    below = np.flatnonzero(intensity < level)
    before, after = below[below < apex], below[below > apex]
    onset = _crossing(times, intensity, before[-1], level) if len(before) else float(times[0])
    offset = _crossing(times, intensity, after[0] - 1, level) if len(after) else float(times[-1])
    return Course(onset, float(times[apex]), offset, float(intensity[apex]))


def _crossing(times: Floats, intensity: Floats, place: int, level: float) -> float:
    """Return when the line from this frame to the next one meets the level."""
    rise = intensity[place + 1] - intensity[place]
    share = (level - intensity[place]) / rise if rise else 0.0
    return float(times[place] + share * (times[place + 1] - times[place]))
