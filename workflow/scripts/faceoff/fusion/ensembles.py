"""Say what each member is worth to a vote: leave-one-out, Shapley values, and greedy selection.

The vote is the soft mean. Conventions as in `posteriors`: posteriors (members, n, k) with NaN rows
where a member abstains; truth (n,) int; folds (n,) int. Accuracy is end to end: a sample that
nobody reads is wrong.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.folds import check_folds

SHAPLEY_MEMBERS = 10  # 2^10 votes; above that no exact value is given


@dataclass(frozen=True)
class Step:
    """A size of the greedy ensemble.

    correct: (n,) on samples that chose nothing; added: the member that most folds added at this
    size; chosen: each fold's members, in the order in which they were added.
    """

    size: int
    added: int
    correct: Bools
    chosen: tuple[tuple[int, ...], ...]


class _Votes:
    """Sums of present members' posteriors, so that adding or leaving out a member costs one
    addition.
    """

    def __init__(self, posteriors: Floats, truth: Ints):
        # Soft mean: each class over the members that have it. What decides is the mean, so sums and
        # counts are kept.
        self.there = ~np.isnan(posteriors)
        self.values = np.where(self.there, posteriors, 0.0)
        self.truth = np.asarray(truth)

    def correct(self, total: Floats, count: Ints) -> Bools:
        """Return (n,) whether the vote of summed posteriors and counts (n, k) is right."""
        mean = np.where(count > 0, total / np.maximum(count, 1), -1.0)
        right: Bools = (mean.argmax(axis=1) == self.truth) & (count > 0).any(axis=1)
        return right

    def of(self, members: list[int]) -> Bools:
        """Return (n,) whether the vote of these members is right."""
        return self.correct(self.values[members].sum(axis=0), self.there[members].sum(axis=0))


def leave_one_out(posteriors: Floats, truth: Ints) -> Floats:
    """Return what the vote of all loses without each member.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class index.

    Returns
    -------
    (members,) accuracy of all minus that without the member: below 0 where the vote is better
    without it. NaN for a single member.
    """
    votes, everyone = _Votes(posteriors, truth), list(range(len(posteriors)))
    if len(everyone) < 2:
        return np.full(len(everyone), np.nan)
    full = votes.of(everyone).mean()
    return np.array(
        [
            full - votes.of([other for other in everyone if other != member]).mean()
            for member in everyone
        ]
    )


def shapley(posteriors: Floats, truth: Ints) -> Floats | None:
    """Return the Shapley values of the vote's accuracy.

    They sum to the accuracy of all minus that of nobody's vote, which is to answer the most
    frequent class: what can be had without looking at a face. Were it 0, the member that is asked
    first would have the credit for what chance gets right. Below 0: on average over the orders of
    joining, a member takes from a vote of those before it more than it adds, beginning with that
    answer; whether the vote of all is better without it, `leave_one_out` says.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class index.

    Returns
    -------
    (members,); None above ten members.

    References
    ----------
    Shapley (1953), A value for n-person games.
    """
    members = len(posteriors)
    if members > SHAPLEY_MEMBERS:
        return None
    votes = _Votes(posteriors, truth)
    nobody = np.bincount(truth).max() / len(truth)
    value = np.array(
        [
            votes.of([m for m in range(members) if subset >> m & 1]).mean() if subset else nobody
            for subset in range(2**members)
        ]
    )
    sizes = np.array([subset.bit_count() for subset in range(2**members)])
    worth = np.zeros(members)
    for m in range(members):
        without = np.array([subset for subset in range(2**members) if not subset >> m & 1])
        weights = 1 / (members * np.array([comb(members - 1, size) for size in sizes[without]]))
        worth[m] = (weights * (value[without | 1 << m] - value[without])).sum()
    return worth


def greedy(posteriors: Floats, truth: Ints, folds: Ints) -> list[Step]:
    """Grow ensembles by forward selection without replacement; each fold is judged by the other
    folds.

    At each size the member is added that makes the vote on the other folds most accurate, ties to
    the earlier one.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class index.
    folds
        (n,) fold of each sample.

    Returns
    -------
    A step per size, 1 … members.

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models,
    ICML.
    """
    folds = check_folds(folds, len(truth))
    members, n, _ = posteriors.shape
    correct = np.zeros((members, n), bool)
    order = np.zeros((len(np.unique(folds)), members), int)
    for number, fold in enumerate(np.unique(folds)):
        here = folds == fold
        order[number] = _grown(_Votes(posteriors[:, ~here], np.asarray(truth)[~here]))
        held_out = _Votes(posteriors[:, here], np.asarray(truth)[here])
        for size in range(members):
            correct[size, here] = held_out.of(list(order[number, : size + 1]))
    return [
        Step(
            size + 1,
            int(np.bincount(order[:, size]).argmax()),
            correct[size],
            tuple(tuple(grown[: size + 1].tolist()) for grown in order),
        )
        for size in range(members)
    ]


def _grown(votes: _Votes) -> list[int]:
    """Return the members in the order in which they are added."""
    left, chosen = list(range(len(votes.values))), []
    total, count = np.zeros(votes.values.shape[1:]), np.zeros(votes.values.shape[1:], int)
    while left:
        gains = [
            votes.correct(total + votes.values[m], count + votes.there[m]).mean() for m in left
        ]
        best = left.pop(int(np.argmax(gains)))
        chosen.append(best)
        total, count = total + votes.values[best], count + votes.there[best]
    return chosen
