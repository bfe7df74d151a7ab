"""Say how small a difference these samples could have shown: the minimum detectable difference.

It is about the design, not about the result: with no more samples than these, a true difference
below it will mostly stay "no difference".
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtri, stdtrit

from faceoff.statistics.arrays import Bools, Labels
from faceoff.statistics.intervals import NO_SPREAD, cluster_error, too_few
from faceoff.statistics.paired_tests import least_p

POWER = 0.8
ALPHA = 0.05


@dataclass(frozen=True)
class Detectable:
    """The smallest true `difference` of two accuracies, 0–1, that a test finds.

    It is None, with a `reason`, where there is none.
    """

    difference: float | None
    reason: str = ""


def detectable_difference(
    correct_a: Bools,
    correct_b: Bools,
    clusters: Labels | None = None,
    family: int = 1,
) -> Detectable:
    """Return the smallest true difference that the paired test of two members finds four times in
    five.

    The test is two-sided at 5 %, one of a `family`. Holm's first step, which a difference passes
    whatever the other tests say, asks p to be below 5 % / family: that is the level here.
    Independent samples: McNemar's test at the observed share of samples on which exactly one is
    right (`mcnemar_detectable`). Clusters: the sign-flip test at their observed spread
    (`sign_flip_detectable`).

    Parameters
    ----------
    correct_a, correct_b
        (n,) correctness.
    clusters
        (n,) labels; None where samples are independent.
    family
        Number of tests.

    Returns
    -------
    The difference, 0–1; None for no samples, below six clusters, where even the smallest possible p
    is not below the level, and where the clusters' differences have no spread to go by.

    Raises
    ------
    ValueError
        If the shapes differ, or the family is empty.
    """
    difference = np.asarray(correct_a, np.float64) - np.asarray(correct_b, np.float64)
    if difference.ndim != 1:
        raise ValueError(
            f"correct_a, correct_b: shapes {np.shape(correct_a)} and {np.shape(correct_b)} given, "
            "expected (n,) twice"
        )
    if family < 1:
        raise ValueError(f"family: {family} given, expected a number of tests")
    n, alpha = len(difference), ALPHA / family
    if n == 0:
        return Detectable(None, "no samples")
    if clusters is None:
        if 0.5**n >= alpha:  # mid-p with all samples on one side
            return Detectable(None, _never(0.5**n, family))
        return Detectable(mcnemar_detectable(n, float((difference != 0).mean()), POWER, alpha))
    error, groups = cluster_error(difference, clusters)
    if reason := too_few(groups, "the test"):
        return Detectable(None, reason)
    if least_p(groups) >= alpha:
        return Detectable(None, _never(least_p(groups), family))
    if error <= NO_SPREAD:
        return Detectable(None, "no spread: the two differ by as much in every cluster")
    return Detectable(sign_flip_detectable(groups, error * np.sqrt(groups), POWER, alpha))


def _never(least: float, family: int) -> str:
    """Return why no result could be significant."""
    where = f" / {family}, the first step of {family} tests" if family > 1 else ""
    return (
        f"no result could be significant: p is {least:.2g} at least, and would have to be below "
        f"{ALPHA:g}{where}"
    )


def mcnemar_detectable(
    n: int, discordance: float, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Return δ with δ √n = z(1−α/2) √ψ + z(power) √(ψ − δ²), ψ the share of discordant samples.

    A difference needs as many discordant samples: where δ would exceed `discordance`, ψ is δ
    itself.

    Parameters
    ----------
    n
        Samples.
    discordance
        Share of samples on which exactly one of two is right, 0–1.
    power, alpha
        Probability of finding it; level of the test.

    Returns
    -------
    δ, at most 1.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Miettinen (1968), The matched pairs design in the case of all-or-none responses, Biometrics 24.
    Connor (1987), Sample size for testing differences in proportions for the paired-sample design,
    Biometrics 43.
    """
    _shares(power, alpha)
    if n < 1 or not 0 <= discordance <= 1:
        raise ValueError(f"n, discordance: {n} and {discordance} given, expected n ≥ 1 and a share")
    reject, reach = ndtri(1 - alpha / 2), ndtri(power)

    def excess(delta: float) -> float:
        share = max(discordance, delta)
        return float(
            delta * np.sqrt(n)
            - reject * np.sqrt(share)
            - reach * np.sqrt(max(share - delta**2, 0.0))
        )

    # Just above 0: without any discordant sample, 0 itself solves the equation and is not meant.
    return 1.0 if excess(1.0) <= 0 else float(brentq(excess, 1e-12, 1.0, xtol=1e-12))


def cluster_detectable(
    groups: int, spread: float, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Return the mean difference that a t test of cluster differences finds.

    From the noncentral t distribution.

    Parameters
    ----------
    groups
        Number of clusters, at least 2.
    spread
        Standard deviation of the clusters' differences.
    power, alpha
        Probability of finding it; level of the test.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    _shares(power, alpha)
    if groups < 2 or spread < 0:
        raise ValueError(
            f"groups, spread: {groups} and {spread} given, expected at least two clusters and a "
            "standard deviation"
        )
    df, limit = groups - 1, stdtrit(groups - 1, 1 - alpha / 2)

    def missing(noncentrality: float) -> float:
        # Significant on the wrong side is practically impossible at a power worth asking for, and
        # far out `nctdtr` is NaN.
        return power - (1 - float(nctdtr(df, noncentrality, limit)))

    upper = 1.0
    while missing(upper) > 0:
        upper *= 2
    return float(brentq(missing, 0.0, upper, xtol=1e-10) * spread / np.sqrt(groups))


def sign_flip_detectable(
    groups: int, spread: float, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Return `cluster_detectable` at the largest p below `alpha` that the sign-flip test can give.

    With few clusters its p are few. Where only the smallest is below, all clusters must lie on one
    side: Φ(δ / spread)^groups = power, if that δ is larger.

    Parameters
    ----------
    groups, spread, power, alpha
        As for `cluster_detectable`.

    Raises
    ------
    ValueError
        If no p of so many clusters is below alpha.
    """
    least = least_p(groups)
    level = (np.ceil(alpha / least) - 1) * least
    if not level > 0:
        raise ValueError(
            f"groups, alpha: {groups} and {alpha} given, and the smallest p of so many clusters "
            f"is {least:.2g}"
        )
    detectable = cluster_detectable(groups, spread, power, level)
    return (
        max(detectable, float(spread * ndtri(power ** (1 / groups))))
        if level == 2.0 ** (1 - groups)
        else detectable
    )


def _shares(power: float, alpha: float) -> None:
    """Raise ValueError unless 0 < alpha < power < 1."""
    if not (0 < alpha < power < 1):
        raise ValueError(f"power, alpha: {power} and {alpha} given, expected 0 < alpha < power < 1")
