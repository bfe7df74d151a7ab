"""Test several pipelines at once, on one dataset and across datasets.

Conventions
-----------
correct
    (m, n) bool: end-to-end correctness of m pipelines on the same samples.
clusters
    (n,) any sortable labels, None where the samples are independent.
scores
    (N, k) of k pipelines on N datasets, larger is better.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from faceoff.statistics.arrays import Bools, Floats, Labels
from faceoff.statistics.folds import group_index
from faceoff.statistics.intervals import too_few
from faceoff.statistics.limits import LEAST_DATASETS

PERMUTATIONS = 2_000
_CHUNK = 4_000_000  # numbers gathered at a time


@dataclass(frozen=True)
class CochranQ:
    """`statistic` Q with `df` degrees of freedom, and `p` of the test that `test` names.

    NaN without any disagreement; p is NaN below six clusters, which `test` then says.
    """

    statistic: float
    df: int
    p: float
    test: str


@dataclass(frozen=True)
class Friedman:
    """Friedman's test. With a `reason` all but the ranks are NaN.

    mean_rank: (k,), 1 is best; chi2, p: Friedman's; f, p_f: Iman and Davenport's;
    critical_difference: of mean ranks (Nemenyi); p_nemenyi: (k, k) of every pair.
    """

    mean_rank: Floats
    datasets: int
    chi2: float
    p: float
    f: float
    p_f: float
    critical_difference: float
    p_nemenyi: Floats
    reason: str = ""


def cochran_q(correct: Bools, clusters: Labels | None = None, *, seed: int) -> CochranQ:
    """Test whether m ≥ 2 pipelines are equally often right.

    Q = (m − 1)(m Σ C² − N²) / (m N − Σ R²), C by pipeline, R by sample, N in all. With clusters the
    chi-square does not hold, and p is that of permuting the pipelines within whole clusters
    (`exchange_p`), NaN below six of them.

    Parameters
    ----------
    correct
        (m, n) correctness.
    clusters
        (n,) labels; None where samples are independent.
    seed
        Of the permutations.

    Raises
    ------
    ValueError
        If there are fewer than two pipelines or no samples.

    References
    ----------
    Cochran (1950), The comparison of percentages in matched samples, Biometrika 37.
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or correct.shape[0] < 2 or correct.shape[1] == 0:
        raise ValueError(
            f"correct: shape {correct.shape} given, expected at least two pipelines and one sample"
        )
    pipelines = len(correct)
    columns, rows, total = correct.sum(axis=1), correct.sum(axis=0), int(correct.sum())
    spread = pipelines * total - (rows.astype(np.int64) ** 2).sum()
    test = "chi-square" if clusters is None else "permutation within clusters"
    if spread == 0:  # nobody ever differs
        return CochranQ(float("nan"), pipelines - 1, float("nan"), test)
    q = float(
        (pipelines - 1) * (pipelines * (columns.astype(np.int64) ** 2).sum() - total**2) / spread
    )
    if clusters is None:
        return CochranQ(q, pipelines - 1, float(chdtrc(pipelines - 1, q)), test)
    counts = by_cluster(correct, clusters)
    if reason := too_few(len(counts), "the test"):
        return CochranQ(q, pipelines - 1, float("nan"), reason)
    return CochranQ(q, pipelines - 1, exchange_p(counts[:, :, None], seed=seed), test)


def by_cluster(correct: Bools, clusters: Labels | None) -> Floats:
    """Return (G, m): how many samples of each cluster each pipeline gets right.

    Without clusters each sample is one.
    """
    if clusters is None:
        return np.asarray(correct).T.astype(np.float64)
    group = group_index(clusters, correct.shape[1])
    return np.stack(
        [np.bincount(group, weights=row) for row in np.asarray(correct, np.float64)], axis=1
    )


def exchange_p(counts: Floats, *, seed: int, replicates: int = PERMUTATIONS) -> float:
    """Return p of the hypothesis that levels can be exchanged within every cluster.

    What a level gets right there does then not depend on which level it is. The statistic is the
    sum over contexts of squared deviations of the levels' totals from their mean; levels are
    permuted within clusters, all contexts together, the same in each random draw; p = (1 + b)/(1 +
    B). Clusters in which all levels are equal cannot change anything and are left out. At most
    4·10⁸ numbers are permuted: with very many clusters there are fewer replicates, but at least
    199.

    Parameters
    ----------
    counts
        (G, levels, contexts) right answers of each level of a factor, in each context in which all
        levels were tried.
    seed, replicates
        Of the permutations.

    References
    ----------
    Phipson & Smyth (2010), Permutation p-values should never be zero, SAGMB 9.
    """
    counts = np.asarray(counts, dtype=np.float64)
    observed = _unevenness(counts.sum(axis=0))
    fixed = (counts == counts[:, :1]).all(axis=(1, 2))
    moving = counts[~fixed]
    rest = counts[fixed].sum(axis=0)
    if len(moving) == 0:
        return 1.0
    replicates = int(np.clip(400_000_000 // moving.size, 199, replicates))
    random = np.random.default_rng(seed)
    rows = max(1, _CHUNK // moving.size)
    extreme, cluster = 0, np.arange(len(moving))[None, :, None]
    for start in range(0, replicates, rows):
        order = random.random((min(rows, replicates - start), *moving.shape[:2])).argsort(axis=2)
        extreme += int(
            (_unevenness(rest + moving[cluster, order].sum(axis=1)) >= observed - 1e-9).sum()
        )
    return (1 + extreme) / (1 + replicates)


def _unevenness(totals: Floats) -> Floats:
    """Return Σ over contexts of squared deviations: (..., levels, contexts) -> (...)."""
    uneven: Floats = ((totals - totals.mean(axis=-2, keepdims=True)) ** 2).sum(axis=(-2, -1))
    return uneven


def nemenyi_difference(pipelines: int, datasets: int, level: float = 0.95) -> float:
    """Return the critical difference of mean ranks, q √(k(k + 1)/6N).

    q is the quantile of the studentised range over √2.

    Parameters
    ----------
    pipelines, datasets
        k and N.
    level
        Coverage, such as 0.95.

    References
    ----------
    Nemenyi (1963), Distribution-free multiple comparisons.
    Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7, §3.2.2.
    """
    from scipy.stats import (
        studentized_range,
    )  # half the start-up of all who import this module, and needed from six datasets on

    q = studentized_range.ppf(level, pipelines, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(pipelines * (pipelines + 1) / (6 * datasets)))


def friedman(scores: Floats, level: float = 0.95) -> Friedman:
    """Test pipelines over datasets by Friedman's test, corrected for ties.

    With Iman and Davenport's F and Nemenyi's critical difference. The p of F, the one that is
    reported, is never below the exact chance that all datasets rank the pipelines in the same way,
    where F is infinite: Π over the datasets but one of Π tᵢ!/k!, with tᵢ pipelines in each tie.

    Parameters
    ----------
    scores
        (N, k), larger is better.
    level
        Coverage, such as 0.95.

    Returns
    -------
    The test. Below six datasets there are mean ranks and a reason, no test.

    Raises
    ------
    ValueError
        If a score is NaN, or there are fewer than two pipelines.

    References
    ----------
    Friedman (1937), The use of ranks to avoid the assumption of normality, JASA 32.
    Iman & Davenport (1980), Approximations of the critical region of the Friedman statistic.
    Demšar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) == 0 or np.isnan(scores).any():
        raise ValueError(
            f"scores: shape {scores.shape} given, expected (datasets, at least two pipelines) "
            "without NaN"
        )
    datasets, k = scores.shape
    ranks = _ranks(scores)
    mean = ranks.mean(axis=0)
    nothing = float("nan")
    if datasets < LEAST_DATASETS:
        reason = (
            f"too few datasets: {datasets}, and Friedman's test and the critical difference need "
            f"{LEAST_DATASETS}"
        )
        return Friedman(
            mean,
            datasets,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            np.full((k, k), nothing),
            reason,
        )
    spread = ((ranks - (k + 1) / 2) ** 2).sum()
    if spread == 0:
        return Friedman(
            mean,
            datasets,
            nothing,
            nothing,
            nothing,
            nothing,
            nothing,
            np.full((k, k), nothing),
            "all pipelines tie on every dataset",
        )
    # Σ over datasets of squared rank deviations is N k(k² − 1)/12 without ties: dividing by it
    # corrects for them.
    chi2 = float((k - 1) * datasets**2 * ((mean - (k + 1) / 2) ** 2).sum() / spread)
    remainder = datasets * (k - 1) - chi2
    f = (datasets - 1) * chi2 / remainder if remainder > 1e-9 else float("inf")
    from scipy.stats import studentized_range

    distance = np.abs(mean[:, None] - mean) / np.sqrt(k * (k + 1) / (6 * datasets)) * np.sqrt(2)
    p_pairs = studentized_range.sf(distance, k, np.inf)
    p_f = max(
        float(fdtrc(k - 1, (k - 1) * (datasets - 1), f)) if np.isfinite(f) else 0.0,
        _all_alike_p(ranks),
    )
    return Friedman(
        mean,
        datasets,
        chi2,
        float(chdtrc(k - 1, chi2)),
        f,
        p_f,
        nemenyi_difference(k, datasets, level),
        np.minimum(p_pairs, 1.0),
    )


def _ranks(scores: Floats) -> Floats:
    """Return (N, k) the rank of each pipeline on each dataset, 1 for the largest score.

    Those that tie have the mean of their ranks.
    """
    others, own = scores[:, None, :], scores[:, :, None]
    ranks: Floats = ((others > own).sum(axis=2) + (others >= own).sum(axis=2) + 1) / 2
    return ranks


def _all_alike_p(ranks: Floats) -> float:
    """Return the chance that datasets with ties like these (N, k) would all rank alike.

    As if every order were equally likely; the most even dataset may have any.
    """
    k = ranks.shape[1]
    orders = [
        math.factorial(k)
        // math.prod(math.factorial(int(tied)) for tied in np.unique(row, return_counts=True)[1])
        for row in ranks
    ]
    return math.exp(-(sum(map(math.log, orders)) - math.log(max(orders))))
