"""Combine several raters' ratings over time, and interpolate between them.

All functions are pure: arrays in, arrays or floats out.

Conventions
    ratings      (raters, times) float; NaN where a rater gave none
    seconds      (times,) float, increasing
"""

import numpy as np


def evaluator_weights(ratings: np.ndarray) -> np.ndarray:
    """Return the weights (raters,) of the evaluator-weighted estimator (Grimm & Kroschel 2005).

    A weight is the rater's Pearson correlation with the mean of all raters, over the moments that
    the rater rated. Negative correlations weigh 0, and so do constant raters, whose correlation is
    undefined.
    """
    ratings = _ratings(ratings)
    mean = _mean(ratings, np.ones(len(ratings)))
    weights = np.zeros(len(ratings))
    # a mean that should be constant varies by rounding
    steady = 1e-9 * np.max(np.abs(ratings), where=np.isfinite(ratings), initial=0.0)
    for index, rating in enumerate(ratings):
        there = np.isfinite(rating)
        own, others = rating[there], mean[there]
        if len(own) > 1 and np.ptp(own) > steady and np.ptp(others) > steady:
            weights[index] = max(0.0, np.corrcoef(own, others)[0, 1])
    return weights


def evaluator_weighted(ratings: np.ndarray) -> np.ndarray:
    """Return the evaluator-weighted estimate (times,), Σ r·x / Σ r over the raters of each moment.

    See Grimm & Kroschel 2005, ASRU, 381–385. It is NaN where nobody rated, and the plain mean where
    no rater has a positive weight (all constant, or opposed to the rest).
    """
    ratings = _ratings(ratings)
    return _mean(ratings, evaluator_weights(ratings))


def at(seconds: np.ndarray, values: np.ndarray, moment_s: float, reach_s: float) -> float | None:
    """Return the value at a moment, interpolated linearly between its neighbours.

    Returns None more than `reach_s` before the first or after the last finite value.
    """
    seconds, values = np.asarray(seconds, float), np.asarray(values, float)
    there = np.isfinite(values)
    seconds, values = seconds[there], values[there]
    if len(seconds) == 0 or moment_s < seconds[0] - reach_s or moment_s > seconds[-1] + reach_s:
        return None
    return float(np.interp(moment_s, seconds, values))


def _ratings(ratings: np.ndarray) -> np.ndarray:
    ratings = np.asarray(ratings, float)
    if ratings.ndim != 2 or len(ratings) == 0:
        raise ValueError(
            f"ratings of shape {ratings.shape}: (raters, times) is needed, with at least one rater"
        )
    return ratings


def _mean(ratings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean over raters of each moment.

    It is plain where the weights sum to 0, and NaN where nobody rated.
    """
    there = np.isfinite(ratings)
    shares = there * weights[:, None]
    shares = np.where(shares.sum(axis=0) > 0, shares, there)
    total = shares.sum(axis=0)
    return np.divide(
        (shares * np.where(there, ratings, 0.0)).sum(axis=0),
        total,
        out=np.full(ratings.shape[1], np.nan),
        where=total > 0,
    )
