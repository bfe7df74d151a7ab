"""Find by how much the sound of a clip lags behind the lips: cross-correlation and its peak.

A lag above 0 says that the sound is late, as in `channels.synchrony`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Bools, Floats
from faceoff.statistics.bootstrap import chunks
from faceoff.temporal.channels import SHIFTS_S
from faceoff.temporal.stretches import stretches

HOP_S = 0.02  # of the grid on which both courses are laid
SURROGATES = 1_999
LEAST_S = 1.0  # of lips seen while there is sound
SPARSE_S = 0.25  # frames further apart than a syllable say little of it
LOUD_DB, SILENT_DB = 30.0, -55.0  # as of the segmenter `energy`: below the loud part; of full scale
_LOUDEST = 95  # percentile of the levels; a click is no level
_SMOOTH_S = 0.08  # of the means of the level: about the time in which lips open
_STEPS = np.round(np.array(SHIFTS_S) / HOP_S).astype(int)
_REACH = int(_STEPS.max())


@dataclass(frozen=True)
class Course:
    """Hold numbers over time, on a grid of `HOP_S`.

    first: the place of the first value; value i is that of the time (first + i) · HOP_S.

    values: (n,), NaN where unknown.
    """

    first: int
    values: Floats


@dataclass(frozen=True)
class LagCurve:
    """Hold the cross-correlation of lips and sound at each lag of `SHIFTS_S`.

    heights: (41,) from −1 to 1; by_chance: (SURROGATES, 41) of sounds that have nothing to do with
    these lips.
    """

    heights: Floats
    by_chance: Floats


def p_value(heights: Floats, by_chance: Floats) -> float:
    """Return (1 + b) / (1 + B), where b of B curves by chance peak as high as this one.

    Each curve counts with its maximum over the lags, so that looking at many of them is paid for.
    """
    as_high = (by_chance.max(axis=1) >= heights.max() - 1e-12).sum()
    return float((1 + as_high) / (1 + len(by_chance)))


def peak(heights: Floats) -> tuple[float, float]:
    """Return the lag in seconds and the height of a curve's maximum.

    The lag is the vertex of the parabola through the maximum and its neighbours; at either end of
    the curve it is the end.
    """
    place = int(np.argmax(heights))
    lag, height = SHIFTS_S[place], float(heights[place])
    if 0 < place < len(heights) - 1:
        before, after = float(heights[place - 1]), float(heights[place + 1])
        bend = before - 2 * height + after
        if bend < 0:
            lag += (SHIFTS_S[1] - SHIFTS_S[0]) * (before - after) / (2 * bend)
    return lag, height


def of_lips(times: Floats, openness: Floats) -> Course:
    """Return the opening of the mouth as lines from frame to frame.

    It is NaN where no mouth is seen: a longer gap than 0.5 s ends a stretch (`stretches`).

    times: (n,) seconds, rising; openness: (n,), NaN where it is not seen.
    """
    seen = np.isfinite(openness)
    if not seen.any():
        return Course(0, np.empty(0))
    known = times[seen]
    first, last = int(np.ceil(known[0] / HOP_S - 1e-9)), int(np.floor(known[-1] / HOP_S + 1e-9))
    grid = HOP_S * np.arange(first, last + 1)
    values = np.full(len(grid), np.nan)
    for places in stretches(times, seen, len(times)):
        start, end = times[places[0]] - 1e-9, times[places[-1]] + 1e-9
        inside = (grid >= start) & (grid <= end)
        values[inside] = np.interp(grid[inside], times[places], openness[places])
    return Course(first, values)


def of_sound(times: Floats, levels: Floats) -> Course:
    """Return the loudness of a sound: its level in dB above the floor, as means over 0.08 s.

    The floor is `LOUD_DB` below the loud part of the sound, at least `SILENT_DB` of full scale.

    times: (n,) seconds of evenly spaced levels, their middles, rising; levels: (n,) dB of full
    scale. An empty course for a sound that is silent or shorter than a mean.
    """
    width = round(_SMOOTH_S / (times[1] - times[0])) if len(times) > 1 else 0
    if not 0 < width <= len(times):
        return Course(0, np.empty(0))
    floor = max(float(np.percentile(levels, _LOUDEST)) - LOUD_DB, SILENT_DB)
    above = np.maximum(levels - floor, 0.0)
    if not above.any():
        return Course(0, np.empty(0))
    means = np.convolve(above, np.full(width, 1 / width), "valid")
    middles = np.convolve(times, np.full(width, 1 / width), "valid")
    first, last = int(np.ceil(times[0] / HOP_S)), int(np.floor(times[-1] / HOP_S))
    grid = HOP_S * np.arange(first, last + 1)
    return Course(first, np.interp(grid, middles, means))


def together_s(lips: Course, sound: Course) -> float:
    """Return the seconds in which lips are seen while there is sound."""
    low = max(lips.first, sound.first)
    high = min(lips.first + len(lips.values), sound.first + len(sound.values))
    seen = lips.values[max(0, low - lips.first) : max(0, high - lips.first)]
    return float(np.isfinite(seen).sum() * HOP_S)


def curve(lips: Course, sound: Course, seed: int, surrogates: int = SURROGATES) -> LagCurve | None:
    """Return the normalised cross-correlation of lips and sound at the lags of `SHIFTS_S`.

    r(τ) = Σ_t x(t) y(t + τ) / √(Σ x² Σ y²), where x is the opening and y the loudness, each
    less its mean and 0 where it is unknown. The divisor is the same at every lag, so that a short
    overlap cannot make a high peak (Box & Jenkins, Time series analysis, the estimate of the
    cross-correlation function). Only the sound within 2 s of the lips counts. None where one of
    them does not change.

    What peaks by chance is learnt from sounds with the spectrum of y and random phases, which keep
    its autocorrelation (Theiler et al. 1992, Physica D 58; Ebisuzaki 1997, Journal of Climate 10).
    """
    start = min(lips.first, sound.first) - _REACH
    end = max(lips.first + len(lips.values), sound.first + len(sound.values)) + _REACH
    opening, level = (_laid(course, start, end) for course in (lips, sound))
    near = _widened(np.isfinite(opening))
    x, y = _centred(opening), _centred(np.where(near, level, np.nan))
    if x is None or y is None:
        return None
    kept = np.flatnonzero(near)
    x, y = x[kept[0] : kept[-1] + 1], y[kept[0] : kept[-1] + 1]
    heard = np.flatnonzero(y)
    low, high = int(heard[0]), int(heard[-1]) + 1
    own, n = y[low:high], high - low
    padded = np.pad(x, _REACH)
    # (n, 41): the lips that each moment of the sound meets at each lag
    met = np.stack([padded[low + _REACH - step : high + _REACH - step] for step in _STEPS], axis=1)
    heights = own @ met / (np.linalg.norm(x) * np.linalg.norm(own))
    # By Parseval, a sum over frequencies: so no unrelated sound is ever made. All but the first
    # frequency, and the last of an even n, stand for two.
    twice = np.full(n // 2 + 1, 2.0)
    twice[0] = 1.0
    twice[-1] = 1.0 if n % 2 == 0 else 2.0
    strength = np.abs(np.fft.rfft(own))
    weights = (twice * strength / n)[:, None] * np.conj(np.fft.rfft(met, axis=0))
    random = np.random.default_rng(seed)
    unrelated = []
    for rows in chunks(surrogates, n):
        phases = 2 * np.pi * random.random((rows, len(strength)))
        real, imaginary = np.cos(phases), np.sin(phases)
        power = np.where(twice == 1.0, real**2, 2.0) @ (strength**2 / n)
        summed = real @ weights.real - imaginary @ weights.imag
        unrelated.append(summed / (np.linalg.norm(x) * np.sqrt(power))[:, None])
    return LagCurve(heights, np.concatenate(unrelated))


def _laid(course: Course, start: int, end: int) -> Floats:
    """Return the values of a course at the places from start to end, NaN outside of it."""
    laid = np.full(end - start, np.nan)
    laid[course.first - start : course.first - start + len(course.values)] = course.values
    return laid


def _widened(seen: Bools) -> Bools:
    """Return where a place that is seen lies within the reach of the lags."""
    count = np.concatenate([[0], np.cumsum(seen)])
    places = np.arange(len(seen))
    low = np.maximum(places - _REACH, 0)
    high = np.minimum(places + _REACH + 1, len(seen))
    near: Bools = count[high] > count[low]
    return near


def _centred(values: Floats) -> Floats | None:
    """Return values less their mean, 0 where they are unknown; None where they do not change."""
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) <= 1e-9:
        return None
    return np.where(known, values - values[known].mean(), 0.0)


def usual_step(times: Sequence[float] | Floats) -> float:
    """Return the usual distance of a clip's frames in seconds, inf for fewer than two."""
    return float(np.median(np.diff(times))) if len(times) > 1 else np.inf
