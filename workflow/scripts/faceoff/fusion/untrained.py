"""Fusion rules that learn nothing: means, products, votes and ranks of the members' posteriors (protocol §20, §21). Pure functions.

Conventions are those of posteriors.py. Ties go to the earlier class; voting rules compare within EPSILON, so that the order of members cannot break a
tie by rounding. Where the scores of votes or ranks tie, the winner's is raised by EPSILON before normalising, so that argmax(fused) is the decision
everywhere downstream.
"""

from collections.abc import Iterable
from itertools import combinations

import numpy as np

from faceoff.fusion.posteriors import (
    EPSILON,
    anyone_present,
    check_members,
    normalise,
    normalise_logs,
)

_BLOCK = (
    2048  # samples sorted at a time: what fits into a processor's cache is sorted in half the time
)


def soft_mean(posteriors: np.ndarray) -> np.ndarray:
    """Mean of each class over the present members that have it, then renormalised (§21). Returns fused (n, k)."""
    return _soft_mean(check_members(posteriors))


def soft_median(posteriors: np.ndarray) -> np.ndarray:
    """Median of each class over the present members that have it, then renormalised. Rows whose medians are all 0 take the soft mean."""
    posteriors = check_members(posteriors)
    members, n, k = posteriors.shape
    middle = np.empty((n, k))
    for start in range(0, n, _BLOCK):
        block = np.ascontiguousarray(posteriors[:, start : start + _BLOCK].reshape(members, -1).T)
        count = members - np.isnan(block).sum(axis=1, keepdims=True)
        block.sort(axis=1)  # NaN last
        low, high = (
            np.take_along_axis(block, index, axis=1)
            for index in (np.maximum(count - 1, 0) // 2, count // 2)
        )
        middle[start : start + _BLOCK] = np.where(count > 0, (low + high) / 2, 0.0).reshape(-1, k)
    empty = middle.sum(axis=1) <= EPSILON
    middle[empty] = _mean(posteriors[:, empty])
    return normalise(middle, anyone_present(posteriors))


def soft_max(posteriors: np.ndarray) -> np.ndarray:
    """Maximum of each class over the present members that have it, then renormalised."""
    posteriors = check_members(posteriors)
    return normalise(np.fmax.reduce(posteriors, axis=0, initial=0.0), anyone_present(posteriors))


def product(posteriors: np.ndarray) -> np.ndarray:
    """Renormalised exp Σ log max(p, ε).

    For a class that only some of the M present members have, Σ is M times the mean log over those: absence neither helps nor hurts the class, and
    where all have it the protocol's formula is unchanged.
    """
    posteriors = check_members(posteriors)
    return normalise_logs(_log_sum(posteriors), anyone_present(posteriors))


def majority(posteriors: np.ndarray) -> np.ndarray:
    """Share of votes; each present member votes for its argmax. Ties by higher mean posterior, then canonical order. Hard."""
    posteriors = check_members(posteriors)
    k = posteriors.shape[2]
    choice = _votes(posteriors)
    counts = np.zeros((posteriors.shape[1], k))
    for cast in choice:
        present = np.flatnonzero(cast >= 0)
        counts[present, cast[present]] += 1
    return _decide(normalise(counts, anyone_present(posteriors)), _soft_mean(posteriors))


def borda(posteriors: np.ndarray) -> np.ndarray:
    """Borda count: mean rank of each class (1 = best) over the present members that have it; the lowest wins, ties by mean posterior. Hard.

    Within a member ties rank the earlier class first. The score is k + 1 − mean rank, normalised per row; a class that nobody has scores 0.
    """
    posteriors = check_members(posteriors)
    k = posteriors.shape[2]
    mean_rank = _mean_rank(posteriors)
    score = np.where(mean_rank > 0, k + 1 - mean_rank, 0.0)
    return _decide(normalise(score, anyone_present(posteriors)), _soft_mean(posteriors))


def votes(posteriors: np.ndarray) -> np.ndarray:
    """(members, n) int: each member's argmax over the classes it has, ties to the earlier, -1 where it abstains."""
    return _votes(check_members(posteriors))


# ---------------------------------------------------------------- inside


def _soft_mean(posteriors: np.ndarray) -> np.ndarray:
    return normalise(_mean(posteriors), anyone_present(posteriors))


def _votes(posteriors: np.ndarray) -> np.ndarray:
    choice = np.empty(posteriors.shape[:2], dtype=np.int64)
    for m, member in enumerate(posteriors):
        columns = np.ascontiguousarray(
            member.T
        )  # class by class over whole columns: faster than the argmax of short rows
        best, winner = np.full(len(member), -1.0), np.full(len(member), -1, np.int64)
        for c, column in enumerate(columns):
            winner[column > best] = c  # NaN is never ahead
            best = np.fmax(best, column)
        choice[m] = winner
    return choice


def _sum(members: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the members that are not NaN, and their number, each (n, k). Takes members (n, k) one by one, so that memory stays flat."""
    total, count = 0.0, 0
    for member in members:
        there = ~np.isnan(member)
        total += np.where(there, member, 0.0)
        count += there.astype(np.int64)
    return total, count


def _mean(posteriors: np.ndarray) -> np.ndarray:
    """Mean over the members that are not NaN, 0 where all are: (members, n, k) -> (n, k)."""
    total, count = _sum(posteriors)
    return total / np.maximum(count, 1)


def _log_sum(posteriors: np.ndarray) -> np.ndarray:
    """Number of present members times the mean log max(p, ε) over those that have the class; −inf where none has it."""
    total, having = _sum(np.log(np.maximum(member, EPSILON)) for member in posteriors)
    present, _ = _sum(np.where(np.isnan(member).all(axis=1), np.nan, 1.0) for member in posteriors)
    return np.where(having > 0, total * (present[:, None] / np.maximum(having, 1)), -np.inf)


def _mean_rank(posteriors: np.ndarray) -> np.ndarray:
    """(n, k) mean over members of each class's rank within its row, 1 = most probable, ties to the earlier class; 0 where no member has the class."""
    total, having = (
        np.zeros(posteriors.shape[:0:-1], np.int32),
        np.zeros(posteriors.shape[:0:-1], np.int32),
    )
    for member in posteriors:
        columns = np.ascontiguousarray(
            member.T
        )  # whole columns are compared pair by pair: faster than sorting short rows
        there = ~np.isnan(columns)
        ranks = there.astype(np.int16)
        for first, second in combinations(range(len(columns)), 2):
            ahead = columns[first] >= columns[second]
            ranks[second] += ahead
            ranks[first] += ~ahead & there[first] & there[second]
        total += ranks
        having += there
    return (total / np.maximum(having, 1)).T


def _decide(score: np.ndarray, mean_posterior: np.ndarray) -> np.ndarray:
    """Break ties at the top of `score` by mean posterior, then canonical order: the winner's score grows by EPSILON and the row is renormalised."""
    rows = np.flatnonzero(~np.isnan(score[:, 0]))
    score, mean_posterior = score.copy(), mean_posterior[rows]
    tied = score[rows] >= score[rows].max(axis=1, keepdims=True) - EPSILON
    candidate = np.where(tied, mean_posterior, -1.0)
    winner = (candidate >= candidate.max(axis=1, keepdims=True) - EPSILON).argmax(axis=1)
    contested = tied.sum(axis=1) > 1
    rows, winner = rows[contested], winner[contested]
    score[rows, winner] = score[rows].max(axis=1) + EPSILON
    score[rows] /= score[rows].sum(axis=1, keepdims=True)
    return score
