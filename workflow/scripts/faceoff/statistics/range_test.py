"""Test several pipelines against the one that is best on these very samples (protocol §31).

The best one is chosen on the samples that judge it, so that each single test against it finds
differences where there are none: Holm's correction over k − 1 tests rejects somewhere in 9 % of
null families at k = 4 and in 33 % at k = 40. The range of all k, which no pair exceeds, keeps the
level.

The test steps down from the worst pipeline: each is judged by the range of those that are not worse
than it. The first step is the protocol's; later ones do without pipelines that are far worse, whose
results would widen the range of a permutation and hide differences near the top. As every
comparison is with the top, the first wrong rejection needs the range of the equal ones to be
exceeded, so the level is kept.
"""

from collections.abc import Iterator

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
    Westfall & Young (1993), Resampling-based multiple testing, §2.6 (step-down).
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or 0 in correct.shape:
        raise ValueError(f"correct: shape {correct.shape} given, expected (pipelines, samples)")
    if clusters is None:
        return _of_samples(correct, top)
    group = group_index(clusters, correct.shape[1])
    totals = np.zeros((group.max() + 1, len(correct)))
    np.add.at(totals, group, correct.T)
    if len(totals) < LEAST_CLUSTERS:
        return np.full(len(correct), np.nan)
    return _of_clusters(totals, top, seed, replicates)


def _of_samples(correct: Bools, top: int) -> Floats:
    only_top = (correct[top] & ~correct).sum(axis=1)
    only_other = (~correct[top] & correct).sum(axis=1)
    z = np.abs(only_top - only_other) / np.sqrt(np.maximum(only_top + only_other, 1))
    found, highest = np.ones(len(correct)), 0.0
    for left, other in _from_the_worst(z, top):
        if z[other] > 0:
            tail = studentized_range.sf(np.sqrt(2) * z[other], len(left), np.inf)
            highest = max(highest, float(tail))
            found[other] = highest
    return found


def _of_clusters(totals: Floats, top: int, seed: int, replicates: int) -> Floats:
    """Return the same of totals (clusters, k)."""
    sums = totals.sum(axis=0)
    differences = np.abs(sums - sums[top])
    found, highest = np.ones(totals.shape[1]), 0.0
    for left, other in _from_the_worst(differences, top):
        random, extreme = np.random.default_rng(seed), 0
        own = totals[:, left]
        for rows in chunks(replicates, own.size):
            shuffled = random.permuted(np.broadcast_to(own, (rows, *own.shape)), axis=2)
            spread = np.ptp(shuffled.sum(axis=1), axis=1)
            extreme += int((spread >= differences[other] - EPSILON).sum())
        highest = max(highest, (1 + extreme) / (1 + replicates))
        found[other] = highest
    return found


def _from_the_worst(distance: Floats, top: int) -> Iterator[tuple[list[int], int]]:
    """Yield (the pipelines that are left, the farthest of them from the top), until one is left."""
    left = sorted(range(len(distance)), key=lambda index: (distance[index], index))
    left.remove(top)
    left.insert(0, top)
    while len(left) > 1:
        yield left, left[-1]
        left = left[:-1]
