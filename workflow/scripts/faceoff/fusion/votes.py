"""Let every member vote for its most probable class, and break ties.

Arrays follow the conventions of `posteriors.py`. Ties go to the earlier class. Voting rules compare
within EPSILON, so that the order of members cannot break a tie by rounding.
"""

import numpy as np

from faceoff.fusion.posteriors import EPSILON, check_members
from faceoff.statistics.arrays import Floats, Ints


def votes(posteriors: Floats) -> Ints:
    """Return (members, n): each member's argmax over the classes it has, -1 where it abstains.

    Raises
    ------
    ValueError
        If the posteriors (members, n, k) are not as the conventions say.
    """
    return votes_of_checked(check_members(posteriors))


def votes_of_checked(posteriors: Floats) -> Ints:
    """Return `votes` of posteriors that went through `check_members`: the check takes long."""
    choice = np.empty(posteriors.shape[:2], dtype=np.int64)
    for m, member in enumerate(posteriors):
        # Class by class over whole columns: faster than the argmax of short rows.
        columns = np.ascontiguousarray(member.T)
        best, winner = np.full(len(member), -1.0), np.full(len(member), -1, np.int64)
        for c, column in enumerate(columns):
            winner[column > best] = c  # NaN is never ahead
            best = np.fmax(best, column)
        choice[m] = winner
    return choice


def break_ties(score: Floats, mean_posterior: Floats) -> Floats:
    """Break ties at the top of a score by mean posterior, then by the order of the classes.

    The winner's score grows by EPSILON and its row is renormalised, so that argmax is the decision
    everywhere downstream.

    Parameters
    ----------
    score
        (n, k) normalised shares of votes or ranks; rows of NaN stay.
    mean_posterior
        (n, k) soft mean of the same samples.
    """
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
