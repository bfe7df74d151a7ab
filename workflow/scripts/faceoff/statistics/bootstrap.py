"""Bootstrap intervals of functions of summed counts, studentised or bias-corrected.

Conventions as in `intervals`. Every random result is a function of its arguments and its seed
alone (numpy PCG64).
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from faceoff.statistics.arrays import Floats, Ints, Labels
from faceoff.statistics.folds import group_index
from faceoff.statistics.intervals import (
    LEAST_CLUSTERS,
    LEVEL,
    NO_SPREAD,
    Interval,
    clip,
    undefined,
)

REPLICATES = 10_000
# Above this number of units, equal units are drawn by kind and, where still as many kinds are left,
# the jackknife is linearised: it would score each replicate once per unit.
MANY_UNITS = 500
CHUNK_VALUES = 4_000_000  # floats held at a time by the resampling loops (32 MB)

Score = Callable[[Floats], Floats]  # confusion matrices (..., k, k+1) -> scores (...)


def bootstrap_t(
    statistic: Callable[[Floats], Floats],
    units: Floats,
    multiplicity: Ints | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Return the studentised bootstrap interval of a function of summed counts.

    Standard errors are the jackknife's, with more than MANY_UNITS units the infinitesimal
    jackknife's. Replicates whose standard error is 0 or NaN are left out.

    Parameters
    ----------
    statistic
        Vectorised: totals (R, cells) -> (R,).
    units
        (U, cells) counts of each kind of resampled unit: a cluster's cells, or one sample's.
    multiplicity
        (U,) how many units of that kind there are, default 1 each: independent samples need one row
        per *kind* of sample.
    seed, replicates
        Of the bootstrap.
    level
        Coverage, such as 0.95.
    bounds
        Limits are clipped to these.

    Returns
    -------
    Interval. Limits are NaN below six units, and where the estimate's standard error is 0: units
    that are all alike (everything right) tell nothing about others.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Efron (1982), The jackknife, the bootstrap and other resampling plans.
    Davison & Hinkley (1997), Bootstrap methods and their application, §2.7 and §5.2.
    """
    units, copies = _checked(units, multiplicity)
    n = int(copies.sum())
    studentised, width = _studentised, units.size
    if len(units) > MANY_UNITS:
        units, copies = _by_kind(units, copies)
        width = units.size
    if len(units) > MANY_UNITS:
        studentised, width = _linearised, max(len(units), units.shape[1] ** 2)
    (estimate,), (error,) = studentised(statistic, units, copies[None])
    if n < LEAST_CLUSTERS or np.isnan(estimate) or not error > NO_SPREAD:
        return undefined(float(estimate))
    random = np.random.default_rng(seed)
    pivots = []
    for rows in chunks(replicates, width):
        score, deviation = studentised(statistic, units, _drawn(random, copies, rows))
        usable = deviation > NO_SPREAD
        pivots.append((score[usable] - estimate) / deviation[usable])
    pivot = np.concatenate(pivots)
    if len(pivot) == 0:
        return undefined(float(estimate))
    lower, upper = np.quantile(pivot, [(1 - level) / 2, (1 + level) / 2])
    return clip(
        Interval(float(estimate), float(estimate - upper * error), float(estimate - lower * error)),
        bounds,
    )


def jackknife(
    statistic: Callable[[Floats], Floats], units: Floats, multiplicity: Ints | None = None
) -> tuple[float, float, int]:
    """Return a function of summed counts, its jackknife standard error, and the number of units.

    Parameters
    ----------
    statistic, units, multiplicity
        As for `bootstrap_t`.

    Returns
    -------
    (estimate, error, units); the error is NaN where leaving out a unit leaves nothing defined.

    References
    ----------
    Efron (1982), The jackknife, the bootstrap and other resampling plans.
    """
    units, copies = _checked(units, multiplicity)
    (estimate,), (error,) = _studentised(statistic, units, copies[None])
    return float(estimate), float(error), int(copies.sum())


def bca(
    statistic: Callable[[Floats], Floats],
    units: Floats,
    multiplicity: Ints | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval of a function of summed counts.

    Limits are quantiles of the replicates, so they respect the range of the statistic. The
    acceleration is the jackknife's; replicates equal to the estimate count half in the bias
    correction. Replicates that are not finite are left out.

    Parameters
    ----------
    statistic, units, multiplicity, seed, replicates, level
        As for `bootstrap_t`.

    Returns
    -------
    Interval. Limits are NaN without finite replicates, below six units, where all units are alike,
    and where leaving out one unit leaves nothing finite.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, JASA 82.
    """
    units, copies = _checked(units, multiplicity)
    n = int(copies.sum())
    estimate = float(statistic(copies[None].astype(np.float64) @ units)[0])
    without = statistic(copies @ units - units)
    if (
        n < LEAST_CLUSTERS
        or not np.isfinite([estimate, *without]).all()
        or np.ptp(without) <= NO_SPREAD
    ):
        return undefined(estimate)
    random = np.random.default_rng(seed)
    drawn = np.concatenate(
        [
            statistic(random.multinomial(n, copies / n, size=rows).astype(np.float64) @ units)
            for rows in chunks(replicates, units.size)
        ]
    )
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return undefined(estimate)
    below = (
        (drawn < estimate - 1e-12).sum() + (np.abs(drawn - estimate) <= 1e-12).sum() / 2
    ) / len(drawn)
    bias = ndtri(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    deviation = (copies @ without) / n - without
    spread = copies @ deviation**2
    acceleration = float(copies @ deviation**3 / (6 * spread**1.5)) if spread > 0 else 0.0
    shifted = bias + ndtri([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(drawn, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return Interval(estimate, float(low), float(high))


def bootstrap_t_confusion(
    score: Score,
    truth: Ints,
    predicted: Ints,
    k: int,
    clusters: Labels | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Interval:
    """Return the bootstrap-t interval of a score of the confusion matrix: macro-F1, UAR by cluster
    …

    Parameters
    ----------
    score
        Vectorised: confusion matrices (..., k, k+1) -> (...), for example `metrics.macro_f1_of`.
    truth
        (n,) class index.
    predicted
        (n,) class index, -1 where not covered.
    k
        Number of classes.
    clusters
        (n,) labels that are drawn whole; None: samples are independent.
    seed, replicates, level
        As for `bootstrap_t`.

    Returns
    -------
    Interval in 0–1; NaN without samples.

    Raises
    ------
    ValueError
        If the shapes differ or a class is out of range.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or predicted.shape != truth.shape:
        raise ValueError(
            f"truth, predicted: shapes {truth.shape} and {predicted.shape} given, expected (n,) "
            "twice"
        )
    if len(truth) == 0:
        return undefined(float("nan"))
    if truth.min() < 0 or truth.max() >= k or predicted.min() < -1 or predicted.max() >= k:
        raise ValueError(
            f"truth, predicted: expected classes 0 to {k - 1}, and -1 only in predicted"
        )
    units, multiplicity = cell_counts(
        truth * (k + 1) + np.where(predicted == -1, k, predicted), k * (k + 1), clusters
    )
    return bootstrap_t(
        lambda totals: score(totals.reshape(-1, k, k + 1)),
        units,
        multiplicity,
        seed=seed,
        replicates=replicates,
        level=level,
        bounds=(0.0, 1.0),
    )


def cell_counts(cell: Ints, cells: int, clusters: Labels | None) -> tuple[Floats, Ints | None]:
    """Return samples (n,) by the cell of a table that they fall into, to resample.

    Independent samples are drawn by kind, which is as fast for any n; clusters whole.

    Returns
    -------
    (units, multiplicity) as `bootstrap_t` takes them.
    """
    if clusters is None:
        kinds, multiplicity = np.unique(cell, return_counts=True)
        return np.eye(cells)[kinds], multiplicity
    group = group_index(clusters, len(cell))
    units = np.zeros((group.max() + 1, cells))
    np.add.at(units, (group, cell), 1)
    return units, None


def _checked(units: Floats, multiplicity: Ints | None) -> tuple[Floats, Ints]:
    """Return units and their multiplicity as arrays. Raises ValueError if the shapes do not fit."""
    units = np.asarray(units, dtype=np.float64)
    if units.ndim != 2 or len(units) == 0:
        raise ValueError(
            f"units: shape {units.shape} given, expected (units, cells) with at least one unit"
        )
    multiplicity = (
        np.ones(len(units), dtype=np.int64) if multiplicity is None else np.asarray(multiplicity)
    )
    if multiplicity.shape != units.shape[:1] or multiplicity.min() < 1:
        raise ValueError(
            f"multiplicity: shape {multiplicity.shape} given, expected ({len(units)},) integers ≥ 1"
        )
    return units, multiplicity


def _studentised(
    statistic: Callable[[Floats], Floats], units: Floats, weights: Ints
) -> tuple[Floats, Floats]:
    """Return the statistic and its jackknife standard error, each (R,).

    weights: (R, U) of the units; every row has the same sum.
    """
    n = int(weights[0].sum())
    totals = weights @ units
    drawn, unit = np.nonzero(weights)
    without = np.zeros(weights.shape)
    without[drawn, unit] = statistic(totals[drawn] - units[unit])
    undefined = np.isnan(without).any(axis=1)
    mean = (weights * without).sum(axis=1) / n
    spread = (weights * (without - mean[:, None]) ** 2).sum(axis=1)
    return statistic(totals), np.where(undefined, np.nan, np.sqrt((n - 1) / n * spread))


def _linearised(
    statistic: Callable[[Floats], Floats], units: Floats, weights: Ints
) -> tuple[Floats, Floats]:
    """Return the statistic and its infinitesimal jackknife standard error, each (R,).

    The derivative with regard to each total comes from two totals close by. It does not matter
    where nothing was drawn of a cell. weights: (R, U) of the units; every row has the same sum.
    """
    n = int(weights[0].sum())
    totals = weights @ units
    cells = totals.shape[1]
    steps = _STEP * (weights @ np.abs(units))
    aside = steps[:, :, None] * np.eye(cells)  # (R, cell that is moved, cells)
    rise = statistic((totals[:, None] + aside).reshape(-1, cells)) - statistic(
        (totals[:, None] - aside).reshape(-1, cells)
    )
    slope = np.divide(rise.reshape(-1, cells), 2 * steps, out=np.zeros_like(steps), where=steps > 0)
    influence = slope @ units.T
    influence -= ((slope * totals).sum(axis=1) / n)[:, None]
    spread = (weights * influence**2).sum(axis=1)
    value = statistic(totals)
    return value, np.where(np.isnan(value), np.nan, np.sqrt((n - 1) / n * spread))


_STEP = 1e-4  # of a total without signs: the error of a derivative is about its square


def _by_kind(units: Floats, copies: Ints) -> tuple[Floats, Ints]:
    """Return the different units and how many there are of each."""
    kinds, place = np.unique(units, axis=0, return_inverse=True)
    return kinds, np.bincount(place.ravel(), weights=copies, minlength=len(kinds)).astype(np.int64)


def _drawn(random: np.random.Generator, copies: Ints, rows: int) -> Ints:
    """Return how often each unit is drawn: (rows, U), with replacement, as many as there are."""
    n, units = int(copies.sum()), len(copies)
    if units <= MANY_UNITS:
        return random.multinomial(n, copies / n, size=rows)
    # Drawing one by one is faster than a binomial number per unit.
    owner = np.repeat(np.arange(units), copies)
    drawn = owner[random.integers(0, n, (rows, n))] + units * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)


def chunks(replicates: int, width: int) -> list[int]:
    """Return row counts that add up to `replicates`.

    They are a fixed function of the sizes, so that the random stream is too.
    """
    rows = max(1, CHUNK_VALUES // max(width, 1))
    return [min(rows, replicates - start) for start in range(0, replicates, rows)]
