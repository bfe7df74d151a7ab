"""Fuse by Borda count."""

from itertools import combinations

import numpy as np

from faceoff.fusion.means import mean_of_present
from faceoff.fusion.posteriors import anyone_present, check_members, normalise
from faceoff.fusion.rule import Rule
from faceoff.fusion.votes import break_ties
from faceoff.statistics.arrays import Floats


def borda(posteriors: Floats) -> Floats:
    """Return the Borda score: k + 1 − mean rank (1 = best) over the present members with the class.

    The score is normalised per row; a class that nobody has scores 0. Within a member ties rank the
    earlier class first; ties of the score go to the higher mean posterior. Takes (members, n, k),
    returns fused (n, k).
    """
    posteriors = check_members(posteriors)
    k = posteriors.shape[2]
    mean_rank = _mean_rank(posteriors)
    score = np.where(mean_rank > 0, k + 1 - mean_rank, 0.0)
    anyone = anyone_present(posteriors)
    mean = normalise(mean_of_present(posteriors), anyone)
    return break_ties(normalise(score, anyone), mean)


def _mean_rank(posteriors: Floats) -> Floats:
    """Return (n, k): the mean over members of each class's rank within its row; 0 without any."""
    shape = posteriors.shape[:0:-1]
    total, having = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for member in posteriors:
        # Whole columns are compared pair by pair: faster than sorting short rows.
        columns = np.ascontiguousarray(member.T)
        there = ~np.isnan(columns)
        ranks = there.astype(np.int16)
        for first, second in combinations(range(len(columns)), 2):
            ahead = columns[first] >= columns[second]
            ranks[second] += ahead
            ranks[first] += ~ahead & there[first] & there[second]
        total += ranks
        having += there
    mean: Floats = (total / np.maximum(having, 1)).T
    return mean


RULE = Rule(
    title="Borda count",
    about="mean rank of each class, the lowest wins; ties go to the higher mean posterior",
    hard=True,
    combine=borda,
)
