"""Say how sure a ranking is, from shared paired resamples.

Every resample draws whole clusters (subjects; else single samples) and ranks all pipelines on the
same draw, so what is hard for all of them cancels out, as in a paired test.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Bools, Floats, Labels
from faceoff.statistics.intervals import LEVEL, too_few

REPLICATES = 10_000
_CHUNK = 4_000_000  # weights drawn at a time


@dataclass(frozen=True)
class Ranking:
    """The certainty of the ranks of m pipelines. All None, with a `reason`, if there is too little.

    p_best: (m,) share of resamples in which each is best, ties shared; rank_low, rank_high: (m,)
    the 95 % interval of its rank, 1 is best; tied: (m,) whether it cannot be told from the best.
    """

    p_best: Floats | None
    rank_low: Floats | None
    rank_high: Floats | None
    tied: Bools | None
    reason: str = ""


def rank_uncertainty(
    correct: Bools,
    clusters: Labels | None = None,
    *,
    seed: int,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Ranking:
    """Return rank uncertainty of accuracies and multiple comparison with the best, by the
    bootstrap.

    A pipeline is `tied` unless the best one's lead over it exceeds the level-quantile of the
    largest of the others' resampled deviations minus its own: the pipeline that is truly the best
    is dropped with a probability of 1 − level at most.

    Parameters
    ----------
    correct
        (m, n) end-to-end correctness on the same samples.
    clusters
        (n,) labels that are drawn whole; None where samples are independent.
    seed, replicates
        Of the bootstrap.
    level
        Coverage, such as 0.95.

    Returns
    -------
    The ranking. Below six clusters (or samples, without clusters) nothing is said: a single one
    would be resampled to itself, and any order be certain.

    Raises
    ------
    ValueError
        If the matrix is empty.

    References
    ----------
    Goldstein & Spiegelhalter (1996), League tables and their limitations, JRSS A 159. Hsu (1984),
    Constrained simultaneous confidence intervals for multiple comparisons with the best, Annals of
    Statistics 12.
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or 0 in correct.shape:
        raise ValueError(
            f"correct: shape {correct.shape} given, expected (pipelines, samples) with at least "
            "one of each"
        )
    groups = (
        np.arange(correct.shape[1])
        if clusters is None
        else np.unique(clusters, return_inverse=True)[1]
    )
    if reason := too_few(
        int(groups.max()) + 1, "a ranking", "samples" if clusters is None else "clusters"
    ):
        return Ranking(None, None, None, None, reason)
    hits = np.zeros((groups.max() + 1, len(correct)))
    np.add.at(hits, groups, correct.T)
    size = np.bincount(groups).astype(float)
    accuracy = correct.mean(axis=1)
    best_share, ranks, deviations = np.zeros(len(correct)), [], []
    for drawn in _resampled(hits, size, np.random.default_rng(seed), replicates):
        leading = drawn >= drawn.max(axis=1, keepdims=True) - 1e-12
        best_share += (leading / leading.sum(axis=1, keepdims=True)).sum(axis=0)
        ranks.append(1 + (drawn[:, None, :] > drawn[:, :, None] + 1e-12).sum(axis=2))
        deviations.append(_worst_deviation(drawn - accuracy))
    ranks, deviation = np.concatenate(ranks), np.concatenate(deviations)
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0, method="nearest")
    lead = accuracy.max() - accuracy
    return Ranking(
        best_share / replicates,
        low.astype(int),
        high.astype(int),
        lead <= np.quantile(deviation, level, axis=0) + 1e-12,
    )


def _resampled(
    hits: Floats, size: Floats, random: np.random.Generator, replicates: int
) -> Iterator[Floats]:
    """Yield the accuracies (r, m) of all pipelines on resamples of the groups, in chunks."""
    chunk = max(1, _CHUNK // len(size))
    for start in range(0, replicates, chunk):
        weights = random.multinomial(
            len(size), np.full(len(size), 1 / len(size)), size=min(chunk, replicates - start)
        ).astype(float)
        yield (weights @ hits) / (weights @ size)[:, None]


def _worst_deviation(deviation: Floats) -> Floats:
    """Return (r, m): of each pipeline, the largest of the others' deviations minus its own.

    Deviations are from the pipelines' accuracies; 0 for a single pipeline.
    """
    if deviation.shape[1] == 1:
        return np.zeros_like(deviation)
    first = deviation.argmax(axis=1)
    rows = np.arange(len(deviation))
    rest = deviation.copy()
    rest[rows, first] = -np.inf
    others = np.repeat(deviation[rows, first][:, None], deviation.shape[1], axis=1)
    others[rows, first] = rest.max(axis=1)
    return others - deviation
