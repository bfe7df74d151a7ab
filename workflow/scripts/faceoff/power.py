"""How small a difference these samples could have shown: the minimum detectable difference of a paired comparison. Pure functions.

It is about the design, not about the result: with no more samples than these, a true difference below it will mostly stay "no difference".
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtri, stdtrit

from faceoff.intervals import cluster_means

POWER = 0.8
ALPHA = 0.05


def detectable_difference(
    correct_a: np.ndarray, correct_b: np.ndarray, clusters: np.ndarray | None = None, power: float = POWER, alpha: float = ALPHA
) -> float:
    """The smallest true difference of two accuracies, 0–1, that the two-sided test at `alpha` finds with probability `power`.

    Independent samples: McNemar's test at the observed share of samples on which exactly one is right (`mcnemar_detectable`). Clusters: the t test of
    G cluster differences at their observed spread (`cluster_detectable`). NaN for no samples or a single cluster.
    """
    difference = np.asarray(correct_a, np.float64) - np.asarray(correct_b, np.float64)
    if difference.ndim != 1:
        raise ValueError(f"correct_a, correct_b: shapes {np.shape(correct_a)} and {np.shape(correct_b)} given, expected (n,) twice")
    if len(difference) == 0:
        return float("nan")
    if clusters is None:
        return mcnemar_detectable(len(difference), float((difference != 0).mean()), power, alpha)
    means = cluster_means(difference, clusters)
    return cluster_detectable(len(means), float(means.std(ddof=1)), power, alpha) if len(means) > 1 else float("nan")


def mcnemar_detectable(n: int, discordance: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """δ with δ √n = z(1−α/2) √ψ + z(power) √(ψ − δ²) (Miettinen 1968; Connor 1987), ψ the share of discordant samples; at most 1.

    A difference needs as many discordant samples: where δ would exceed `discordance`, ψ is δ itself.
    """
    _shares(power, alpha)
    if n < 1 or not 0 <= discordance <= 1:
        raise ValueError(f"n, discordance: {n} and {discordance} given, expected n ≥ 1 and a share")
    reject, reach = ndtri(1 - alpha / 2), ndtri(power)

    def excess(delta: float) -> float:
        share = max(discordance, delta)
        return delta * np.sqrt(n) - reject * np.sqrt(share) - reach * np.sqrt(max(share - delta**2, 0.0))

    # Just above 0: without any discordant sample, 0 itself solves the equation and is not meant.
    return 1.0 if excess(1.0) <= 0 else float(brentq(excess, 1e-12, 1.0, xtol=1e-12))


def cluster_detectable(groups: int, spread: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """The mean difference that a t test of `groups` cluster differences of standard deviation `spread` finds, from the noncentral t distribution."""
    _shares(power, alpha)
    if groups < 2 or spread < 0:
        raise ValueError(f"groups, spread: {groups} and {spread} given, expected at least two clusters and a standard deviation")
    df, limit = groups - 1, stdtrit(groups - 1, 1 - alpha / 2)

    def missing(noncentrality: float) -> float:
        return power - (1 - nctdtr(df, noncentrality, limit) + nctdtr(df, noncentrality, -limit))

    upper = 1.0
    while missing(upper) > 0:
        upper *= 2
    return float(brentq(missing, 0.0, upper, xtol=1e-10) * spread / np.sqrt(groups))


def _shares(power: float, alpha: float) -> None:
    if not (0 < alpha < power < 1):
        raise ValueError(f"power, alpha: {power} and {alpha} given, expected 0 < alpha < power < 1")
