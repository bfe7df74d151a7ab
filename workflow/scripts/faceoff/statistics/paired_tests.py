"""Test pairs and families of pipelines, and judge them, as protocol §17 fixes it.

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
p
    Two-sided; None where the protocol allows no test ("too few clusters").
seed
    Every random result is a function of its arguments and its seed alone (numpy PCG64).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, gammaln

from faceoff.statistics.agreement import correct_pair
from faceoff.statistics.arrays import Bools, Floats, Labels, Numbers
from faceoff.statistics.bootstrap import REPLICATES, chunks
from faceoff.statistics.intervals import (
    LEVEL,
    TOO_FEW,
    cluster_interval,
    cluster_sums,
    tango_interval,
    too_few,
)
from faceoff.statistics.verdict import Verdict

EPSILON = 1e-9
ENUMERATE_CLUSTERS = 16  # 2^16 sign patterns


@dataclass(frozen=True)
class McNemar:
    """b: only A right, c: only B right; `exact` and `mid_p` are two-sided p values."""

    b: int
    c: int
    exact: float
    mid_p: float


@dataclass(frozen=True)
class SignFlip:
    """statistic: sum of differences; groups: clusters; p: None, with a `reason`, below six
    clusters.
    """

    statistic: float
    groups: int
    p: float | None
    enumerated: bool
    reason: str = ""


@dataclass(frozen=True)
class PairedVerdict:
    """A against B. difference, low, high: accuracy A − B; p, p_exact: two-sided; test: its name.

    p is None where there is no test.
    """

    difference: float
    low: float
    high: float
    p: float | None
    p_exact: float | None
    test: str
    verdict: Verdict


def mcnemar(correct_a: Bools, correct_b: Bools) -> McNemar:
    """Return McNemar's test on discordant pairs, exact (binomial) and mid-p.

    Mid-p is the exact p minus the point probability of b; 1 − half of it if b = c; 1 without
    discordant pairs.

    Parameters
    ----------
    correct_a, correct_b
        (n,) correctness.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Fagerland, Lydersen & Laake (2013), The McNemar test for binary matched-pairs data, BMC Medical
    Research Methodology 13.
    """
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    b, c = int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum())
    if b + c == 0:
        return McNemar(b, c, 1.0, 1.0)
    point = float(
        np.exp(gammaln(b + c + 1) - gammaln(b + 1) - gammaln(c + 1) + (b + c) * np.log(0.5))
    )
    exact = min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))
    return McNemar(b, c, exact, 1 - point / 2 if b == c else exact - point)


def sign_flip(
    differences: Numbers, clusters: Labels, seed: int, replicates: int = REPLICATES
) -> SignFlip:
    """Return the permutation test of Σ differences = 0 that flips whole clusters (protocol §17).

    All 2^G patterns are enumerated up to G = 16, the observed one among them; beyond,
    p = (1 + b)/(1 + B) over B random patterns.

    Parameters
    ----------
    differences
        (n,) A minus B.
    clusters
        (n,) labels.
    seed, replicates
        Of the random patterns.

    References
    ----------
    Fisher (1935), The design of experiments.
    Phipson & Smyth (2010), Permutation p-values should never be zero, SAGMB 9.
    """
    sums = cluster_sums(differences, clusters)
    groups, statistic = len(sums), float(sums.sum())
    if reason := too_few(groups, "the test"):
        return SignFlip(statistic, groups, None, False, reason)
    least = abs(statistic) - EPSILON  # sums of one pattern in another order must count as equal
    if groups <= ENUMERATE_CLUSTERS:
        totals = np.zeros(1)
        for value in sums:
            totals = np.concatenate([totals + value, totals - value])
        return SignFlip(statistic, groups, float((np.abs(totals) >= least).mean()), True)
    random = np.random.default_rng(seed)
    extreme = 0
    for rows in chunks(replicates, groups):
        signs = random.integers(0, 2, size=(rows, groups), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ sums) >= least).sum())
    return SignFlip(statistic, groups, (1 + extreme) / (1 + replicates), False)


def least_p(groups: int) -> float:
    """Return the smallest p that `sign_flip` can give for this number of clusters."""
    return 2.0 ** (1 - groups) if groups <= ENUMERATE_CLUSTERS else 1 / (1 + REPLICATES)


# ---------------------------------------------------------------- families and verdicts


def holm(p: Sequence[float | None] | Floats) -> Floats:
    """Return step-down adjusted p values, in the order given.

    Parameters
    ----------
    p
        Values in 0–1. None or NaN (no test) becomes NaN and does not count.

    Raises
    ------
    ValueError
        If a value is outside 0–1.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6.
    """
    p = np.asarray([np.nan if value is None else value for value in p], dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("p: values outside 0–1")
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.minimum(
        np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0
    )
    return adjusted


def paired_verdict(
    correct_a: Bools,
    correct_b: Bools,
    clusters: Labels | None = None,
    *,
    seed: int,
    level: float = LEVEL,
) -> PairedVerdict:
    """Say whether A is better than B (protocol §17).

    Independent samples: mid-p McNemar with Tango's interval. Clusters: the sign-flip test with the
    cluster t interval. Test and interval are both about the difference of the two accuracies over
    samples. For a family, adjust the p values (`holm`) and ask `judge` again with both.

    Parameters
    ----------
    correct_a, correct_b
        (n,) correctness.
    clusters
        (n,) labels; None where samples are independent.
    seed
        Of the sign-flip test.
    level
        Coverage, such as 0.95.

    Raises
    ------
    ValueError
        If the shapes differ or there are no samples.
    """
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    if len(correct_a) == 0:
        raise ValueError("correct_a, correct_b: no samples to compare")
    paired = correct_a.astype(np.int64) - correct_b
    difference = float(paired.mean())
    if clusters is None:
        test = mcnemar(correct_a, correct_b)
        interval = tango_interval(test.b, test.c, len(paired), level)
        name = "mid-p McNemar"
        p: float | None = test.mid_p
        p_exact: float | None = test.exact
    else:
        flip = sign_flip(paired, clusters, seed)
        interval = cluster_interval(paired, clusters, level, bounds=(-1.0, 1.0))
        name, p = "sign-flip over clusters", flip.p
        p_exact = flip.p if flip.enumerated else None
    return PairedVerdict(
        difference,
        interval.low,
        interval.high,
        p,
        p_exact,
        name,
        judge(p, difference, interval.low, interval.high, level),
    )


def judge(
    p: float | None,
    difference: float,
    low: float,
    high: float,
    level: float = LEVEL,
    adjusted: float | None = None,
) -> Verdict:
    """Return the verdict of a test, a difference A − B and its interval (protocol §32).

    "Inconclusive" means that the raw p and the interval, which are about the same single
    comparison, disagree. Where they agree on a difference, the adjusted p decides whether it holds
    in its family. p None (or NaN) is "too few clusters".

    Parameters
    ----------
    p
        Of this comparison alone.
    difference, low, high
        A − B and the limits of its interval at `level`.
    level
        Coverage, such as 0.95.
    adjusted
        p after correction for the family; None where there is no family.
    """
    if p is None or np.isnan(p):
        return TOO_FEW
    alpha = round(1 - level, 12)
    side = 1 if low > 0 else -1 if high < 0 else 0
    if (p < alpha) != (side != 0) or (side and side * difference <= 0):
        return "inconclusive"
    if not side:
        return "no difference"
    if adjusted is not None and not adjusted < alpha:
        return "not shown after correction"
    return "better" if side > 0 else "worse"
