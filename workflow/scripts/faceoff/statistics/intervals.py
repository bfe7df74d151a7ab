"""Compute confidence intervals of shares, means and paired differences (protocol §13, §17).

Conventions
-----------
correct
    (n,) bool: end-to-end correctness of one pipeline; not covered is False.
difference
    A minus B: positive where A is better; b counts samples that only A gets right, c those that
    only B gets right.
clusters
    (n,) any sortable labels (actor, subject, video), one per sample; G is the number of different
    ones.
interval
    Two-sided, `level` 0.95 unless given; NaN bounds where it is undefined (no samples, one
    cluster).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri, stdtrit

from faceoff.statistics.arrays import Floats, Labels, Numbers
from faceoff.statistics.folds import group_index

LEVEL = 0.95
LEAST_CLUSTERS = 6  # below it there is no test, no rank, no resampled interval (protocol §17)
TOO_FEW: Final = "too few clusters"
NO_SPREAD = 1e-12  # a standard error up to this is rounding


@dataclass(frozen=True)
class Interval:
    """A point estimate and its two-sided confidence limits, in the unit of the estimate."""

    estimate: float
    low: float
    high: float


# ---------------------------------------------------------------- independent samples


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Return the score interval of a proportion.

    (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)

    Parameters
    ----------
    successes, n
        Counts, 0 ≤ successes ≤ n; n = 0 gives NaN.
    level
        Coverage, such as 0.95.

    Returns
    -------
    Interval in 0–1.

    Raises
    ------
    ValueError
        If the counts or the level are impossible.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    if n < 0 or not 0 <= successes <= n:
        raise ValueError(f"successes, n: {successes} of {n} given, expected 0 ≤ successes ≤ n")
    if n == 0:
        return undefined(float("nan"))
    z, share = _z(level), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return Interval(share, low, high)


def mean_share(successes: Numbers, n: Numbers, level: float = LEVEL) -> Interval:
    """Return the mean of the shares of k independent groups of samples, as UAR is of recalls.

    Every group is given 2/k successes and 2/k failures more, p̃_j = (successes_j + 2/k) / (n_j +
    4/k), and the limits are mean p̃_j ± z √Σ p̃_j (1 − p̃_j) / (n_j + 4/k) / k: Agresti and Coull's
    for one group, Agresti and Caffo's for two.

    Parameters
    ----------
    successes, n
        (k,) counts of each group. Groups of n_j = 0 are left out; NaN if all are.
    level
        Coverage, such as 0.95.

    Returns
    -------
    Interval in 0–1.

    Raises
    ------
    ValueError
        If the counts are impossible.

    References
    ----------
    Price & Bonett (2004), An improved confidence interval for a linear function of binomial
    proportions, Computational Statistics & Data Analysis 45.
    """
    hits, size = np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if hits.ndim != 1 or hits.shape != size.shape or not ((hits >= 0) & (hits <= size)).all():
        raise ValueError(
            f"successes, n: {successes} of {n} given, expected 0 ≤ successes ≤ n of each group"
        )
    hits, size = hits[size > 0], size[size > 0]
    k = len(size)
    if k == 0:
        return undefined(float("nan"))
    share = (hits + 2 / k) / (size + 4 / k)
    centre, half = (
        float(share.mean()),
        _z(level) * float(np.sqrt((share * (1 - share) / (size + 4 / k)).sum())) / k,
    )
    return clip(Interval(float((hits / size).mean()), centre - half, centre + half), (0.0, 1.0))


def tango_interval(b: int, c: int, n: int, level: float = LEVEL) -> Interval:
    """Return the score interval of a paired difference of proportions, (b − c)/n.

    Its limits d solve (b − c − n d)² = z² n (2q + d(1 − d)), q the probability of cell c restricted
    to a difference of d; found by bracketing between the estimate and ±1. b = c = 0 gives ± z²/(n +
    z²).

    Parameters
    ----------
    b, c
        Samples that only A, only B gets right.
    n
        All samples; 0 gives NaN.
    level
        Coverage, such as 0.95.

    Returns
    -------
    Interval in −1 … 1.

    Raises
    ------
    ValueError
        If the counts are impossible.

    References
    ----------
    Tango (1998), Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17, equations 24–26.
    """
    if min(b, c) < 0 or b + c > n:
        raise ValueError(f"b, c, n: {b}, {c}, {n} given, expected b, c ≥ 0 and b + c ≤ n")
    if n == 0:
        return undefined(float("nan"))
    z = _z(level)
    return Interval((b - c) / n, -_tango_upper(c, b, n, z), _tango_upper(b, c, n, z))


def _tango_upper(b: int, c: int, n: int, z: float) -> float:
    """Return the upper limit of `tango_interval`."""
    if b == n:
        return 1.0
    # In these two cases the variance vanishes at the estimate, which is then a root without
    # meaning; the other root is closed.
    if b == c == 0:
        return z * z / (n + z * z)
    if c == n:
        return (z * z - n) / (n + z * z)

    from scipy.optimize import brentq  # half the start-up of a scoring job, which has no need of it

    def excess(d: float) -> float:
        linear = (2 * n - b + c) * d - b - c
        restricted = (np.sqrt(max(linear**2 + 8 * n * c * d * (1 - d), 0.0)) - linear) / (4 * n)
        return float(b - c - n * d + z * np.sqrt(n * max(2 * restricted + d * (1 - d), 0.0)))

    return float(brentq(excess, (b - c) / n, 1.0, xtol=1e-14, rtol=1e-14))


# ---------------------------------------------------------------- clusters


def too_few(groups: int, what: str, kind: str = "clusters") -> str:
    """Return why so few clusters do not give `what`; empty if they are enough.

    kind: what is counted, clusters or samples.
    """
    return (
        ""
        if groups >= LEAST_CLUSTERS
        else f"too few {kind}: {groups}, and {what} needs {LEAST_CLUSTERS}"
    )


def cluster_interval(
    values: Numbers,
    clusters: Labels,
    level: float = LEVEL,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Return the mean over all samples ± t_{G−1} times its standard error by cluster.

    Parameters
    ----------
    values
        (n,) of levels (correctness) or paired differences alike.
    clusters
        (n,) labels.
    level
        Coverage, such as 0.95.
    bounds
        Limits are clipped to these.

    Raises
    ------
    ValueError
        If there are no samples, or not one label per sample.
    """
    error, groups = cluster_error(values, clusters)
    estimate = float(np.mean(values))
    if groups < 2:
        return undefined(estimate)
    half = float(stdtrit(groups - 1, (1 + level) / 2) * error)
    return clip(Interval(estimate, estimate - half, estimate + half), bounds)


def cluster_error(values: Numbers, clusters: Labels) -> tuple[float, int]:
    """Return the standard error of the mean if whole clusters are drawn, and G.

    √((G−1)/G · Σ_g (r_g / (n − n_g))²), r_g = Σ_{i∈g} (x_i − x̄). The mean is a ratio of two
    cluster totals, and this is its jackknife. Where all clusters have equally many samples it is sd
    / √G of the cluster means, as is the linearised √(G/(G−1) · Σ r_g²) / n; where sizes differ much
    that one is too small, as the largest clusters pull the mean towards themselves.

    Parameters
    ----------
    values
        (n,) numbers.
    clusters
        (n,) labels.

    Returns
    -------
    (standard error, G); the error is NaN for one cluster.

    Raises
    ------
    ValueError
        If there are no samples, or not one label per sample.

    References
    ----------
    Särndal, Swensson & Wretman (1992), Model assisted survey sampling, chapter 11.
    Cochran (1977), Sampling techniques, chapter 6.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("values: no samples")
    sizes = cluster_sums(np.ones(len(values)), clusters)
    groups = len(sizes)
    if groups < 2:
        return float("nan"), groups
    residuals = cluster_sums(values, clusters) - sizes * values.mean()
    return float(
        np.sqrt((groups - 1) / groups * ((residuals / (len(values) - sizes)) ** 2).sum())
    ), groups


def design_effect(values: Numbers, clusters: Labels) -> float:
    """Return the variance of the mean by cluster over that of independent samples.

    Intervals widen by its square root.

    Parameters
    ----------
    values
        (n,) numbers.
    clusters
        (n,) labels.

    Returns
    -------
    A ratio ≥ 0; NaN if the values are constant or there is one cluster.

    References
    ----------
    Kish (1965), Survey sampling.
    """
    values = np.asarray(values, dtype=np.float64)
    error, groups = cluster_error(values, clusters)
    if groups < 2 or np.ptp(values) == 0:
        return float("nan")
    return float(error**2 / (values.var(ddof=1) / len(values)))


def cluster_sums(values: Numbers, clusters: Labels) -> Floats:
    """Return the sum (G,) of the values (n,) of each cluster, in the clusters' order."""
    values = np.asarray(values, dtype=np.float64)
    return np.bincount(group_index(clusters, len(values)), weights=values).astype(np.float64)


# ---------------------------------------------------------------- inside


def _z(level: float) -> float:
    """Return the two-sided quantile of the normal distribution for this level."""
    if not 0 < level < 1:
        raise ValueError(f"level: {level} given, expected a number between 0 and 1, as 0.95")
    return float(ndtri((1 + level) / 2))


def undefined(estimate: float) -> Interval:
    """Return an estimate without limits."""
    return Interval(estimate, float("nan"), float("nan"))


def clip(interval: Interval, bounds: tuple[float, float] | None) -> Interval:
    """Return the interval with its limits inside these bounds."""
    if bounds is None:
        return interval
    return Interval(interval.estimate, max(interval.low, bounds[0]), min(interval.high, bounds[1]))
