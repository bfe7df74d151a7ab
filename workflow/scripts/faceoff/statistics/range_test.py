"""Test several pipelines against the one that is best on these very samples (protocol §31).

The best one is chosen on the samples that judge it, so that each single test against it finds
differences where there are none: Holm's correction over k − 1 tests rejects somewhere in 9 % of
null families at k = 4 and in 33 % at k = 40. The range of all k, which no pair exceeds, keeps the
level.
"""

import numpy as np
from scipy.stats import studentized_range

from faceoff.statistics.arrays import Bools, Floats, Labels
from faceoff.statistics.bootstrap import REPLICATES, chunks
from faceoff.statistics.folds import group_index
from faceoff.statistics.intervals import LEAST_CLUSTERS

EPSILON = 1e-9


def against_top(
    correct: Bools,
    top: int,
    clusters: Labels | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> Floats:
    """Return the adjusted p of each pipeline's difference from the top one.

    Independent samples: the upper tail of the studentised range of k at √2 · |z|, z = (b − c) /
    √(b + c). Clusters: the pipelines' results are permuted within each cluster, and p = (1 + the
    number of permutations whose largest minus smallest total is at least the pair's difference) /
    (1 + replicates).

    Parameters
    ----------
    correct
        (k, n) correctness on the same samples.
    top
        The index of the pipeline that the others are compared with.
    clusters
        (n,) labels; None where samples are independent.
    seed, replicates
        Of the permutations.

    Returns
    -------
    (k,) p, 1 of the top itself; NaN throughout below six clusters.

    Raises
    ------
    ValueError
        If the matrix is empty.

    References
    ----------
    Tukey (1953), The problem of multiple comparisons.
    Nemenyi (1963), Distribution-free multiple comparisons.
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or 0 in correct.shape:
        raise ValueError(f"correct: shape {correct.shape} given, expected (pipelines, samples)")
    pipelines, n = correct.shape
    if clusters is None:
        only_top = (correct[top] & ~correct).sum(axis=1)
        only_other = (~correct[top] & correct).sum(axis=1)
        z = (only_top - only_other) / np.sqrt(np.maximum(only_top + only_other, 1))
        found = np.ones(pipelines)
        for other in np.flatnonzero(z):
            found[other] = studentized_range.sf(np.sqrt(2) * abs(z[other]), pipelines, np.inf)
        return found
    group = group_index(clusters, n)
    totals = np.zeros((group.max() + 1, pipelines))
    np.add.at(totals, group, correct.T)
    if len(totals) < LEAST_CLUSTERS:
        return np.full(pipelines, np.nan)
    differences = np.abs(totals.sum(axis=0) - totals[:, top].sum())
    random = np.random.default_rng(seed)
    extreme = np.zeros(pipelines)
    for rows in chunks(replicates, totals.size):
        shuffled = random.permuted(np.broadcast_to(totals, (rows, *totals.shape)), axis=2)
        spread = np.ptp(shuffled.sum(axis=1), axis=1)
        extreme += (spread[:, None] >= differences - EPSILON).sum(axis=0)
    return (1 + extreme) / (1 + replicates)
