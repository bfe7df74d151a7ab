"""Test whether levels of an attribute differ, where whole subjects are the units (protocol §42).

Conventions
-----------
values
    (units, levels) float64: what each unit (a subject, or a sample where there are no subjects)
    contributes to each level, NaN where it has no sample of that level. The mean of a column is
    the level's score. In a *nested* table every unit has one level; else it is *crossed*.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import stdtr, stdtrit

from faceoff.statistics.arrays import Floats
from faceoff.statistics.intervals import LEVEL, NO_SPREAD

SHUFFLES = 2_000
EQUAL_WITHIN = 0.05  # of a share, ±: levels this near count as equal (TOST)


@dataclass(frozen=True)
class LevelTest:
    """The largest difference of two levels. best, worst: their columns; gap ≥ 0.

    low, high: inside −1 … 1, simultaneous over all pairs of levels, NaN where there is no spread;
    p: None then; equal: every two levels are shown to differ by less than ±5 points.
    """

    best: int
    worst: int
    gap: float
    low: float
    high: float
    p: float | None
    test: str
    equal: bool


def compare_levels(values: Floats, seed: int, shuffles: int = SHUFFLES) -> LevelTest:
    """Test the largest difference between two levels.

    Two levels: Welch's t on the units (crossed: t of their paired differences). More: the largest
    |t| over all pairs against its distribution when the levels are exchanged between whole units
    (crossed: within each unit).

    Parameters
    ----------
    values
        (units, levels).
    seed, shuffles
        Of the permutations.

    References
    ----------
    Welch (1947), The generalization of "Student's" problem, Biometrika 34.
    Westfall & Young (1993), Resampling-based multiple testing.
    Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach,
    Journal of Pharmacokinetics and Biopharmaceutics 15.
    """
    means = np.nanmean(values, axis=0)
    best, worst = int(means.argmax()), int(means.argmin())
    gap = float(means[best] - means[worst])
    if best == worst:
        worst = (best + 1) % values.shape[1]
    nested = bool((~np.isnan(values)).sum(axis=1).max() <= 1)
    pairs = list(combinations(range(values.shape[1]), 2))
    differences, errors = _differences(values[None], pairs, nested=nested)
    difference, error = np.abs(differences[0]), errors[0]
    if len(pairs) == 1:
        name = "Welch t over units" if nested else "paired t over units"
        degrees = _degrees(values, nested=nested)
        p = float(2 * stdtr(degrees, -difference[0] / error[0])) if error[0] > NO_SPREAD else None
        half, inside = (stdtrit(degrees, q) for q in ((1 + LEVEL) / 2, LEVEL))
    else:
        name = "max-T permutation of whole units" if nested else "max-T permutation within units"
        largest = _permuted(values, pairs, seed, shuffles, nested=nested)
        centred = _permuted(values - means, pairs, seed + 1, shuffles, nested=nested)
        observed = np.max(np.where(error > NO_SPREAD, difference / _positive(error), 0.0))
        p = float((1 + (largest >= observed - 1e-9).sum()) / (1 + shuffles))
        half, inside = np.quantile(centred, [LEVEL, 2 * LEVEL - 1])
    widest = error[pairs.index((min(best, worst), max(best, worst)))]
    known = bool(widest > NO_SPREAD)
    return LevelTest(
        best,
        worst,
        gap,
        max(-1.0, gap - float(half * widest)) if known else float("nan"),
        min(1.0, gap + float(half * widest)) if known else float("nan"),
        p if known else None,
        name,
        known and bool((difference + inside * error < EQUAL_WITHIN).all()),
    )


def differing_gaps(values: Floats, seed: int, shuffles: int = SHUFFLES) -> float:
    """Return p of the hypothesis that two pipelines differ by the same in every level.

    The statistic is the range over levels of the mean difference; the sign of each unit's
    deviation from the mean difference is flipped at random.

    Parameters
    ----------
    values
        (units, levels) what each unit contributes to the difference of the two pipelines.
    seed, shuffles
        Of the flips.
    """
    overall = np.nanmean(values, axis=0).mean()
    deviation = values - overall
    observed = np.ptp(np.nanmean(deviation, axis=0))
    random = np.random.default_rng(seed)
    filled, count = np.nan_to_num(deviation), (~np.isnan(values)).sum(axis=0)
    signs = random.integers(0, 2, size=(shuffles, len(values))) * 2 - 1
    spread = np.ptp((signs @ filled) / count, axis=1)
    return float((1 + (spread >= observed - 1e-12).sum()) / (1 + shuffles))


def _positive(error: Floats) -> Floats:
    return np.where(error > NO_SPREAD, error, 1.0)


def _differences(
    tables: Floats, pairs: list[tuple[int, int]], *, nested: bool
) -> tuple[Floats, Floats]:
    """Return differences and standard errors (r, pairs) of tables (r, units, levels)."""
    there = ~np.isnan(tables)
    count = np.maximum(there.sum(axis=1), 1)
    filled = np.where(there, tables, 0.0)
    means = filled.sum(axis=1) / count
    residual = np.where(there, tables - means[:, None], 0.0) / count[:, None]
    first, second = np.array(pairs).T
    if nested:
        correction = count / np.maximum(count - 1, 1)
        variance = correction * (residual**2).sum(axis=1)
        error = np.sqrt(variance[:, first] + variance[:, second])
    else:
        units = tables.shape[1]
        apart = residual[:, :, first] - residual[:, :, second]
        error = np.sqrt(units / max(units - 1, 1) * (apart**2).sum(axis=1))
    return means[:, first] - means[:, second], error


def _degrees(values: Floats, *, nested: bool) -> float:
    """Return the degrees of freedom of the t of two levels: Satterthwaite's, or units − 1."""
    if not nested:
        return float(len(values) - 1)
    count = (~np.isnan(values)).sum(axis=0)
    parts = np.nanvar(values, axis=0, ddof=1) / count
    spread = (parts**2 / (count - 1)).sum()
    return float(parts.sum() ** 2 / spread) if spread > 0 else float(count.sum() - 2)


def _permuted(
    values: Floats, pairs: list[tuple[int, int]], seed: int, shuffles: int, *, nested: bool
) -> Floats:
    """Return (shuffles,) the largest |t| over the pairs when levels are exchanged."""
    random = np.random.default_rng(seed)
    found, rows = [], max(1, 2_000_000 // values.size)
    for start in range(0, shuffles, rows):
        many = min(rows, shuffles - start)
        if nested:
            code, own = np.nanargmax(~np.isnan(values), axis=1), np.nansum(values, axis=1)
            tables = np.full((many, *values.shape), np.nan)
            mixed = random.permuted(np.broadcast_to(own, (many, len(own))), axis=1)
            tables[:, np.arange(len(own)), code] = mixed
        else:
            tables = random.permuted(np.broadcast_to(values, (many, *values.shape)), axis=2)
        differences, errors = _differences(tables, pairs, nested=nested)
        t = np.where(errors > NO_SPREAD, np.abs(differences) / _positive(errors), 0.0)
        found.append(t.max(axis=1))
    return np.concatenate(found)
