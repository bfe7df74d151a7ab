"""Say what each member is worth to a vote: leave-one-out, Shapley values, and greedy selection.

The vote is the soft mean, taken frame by frame as the fusion takes it, so that the vote of all
members is the fusion of all (protocol §38). Accuracy is end to end: a sample that nobody reads is
wrong. folds: (n,) int, of the samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from faceoff.fusion.posteriors import EPSILON, normalise
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


@dataclass(frozen=True)
class Ballots:
    """The members' answers to the frames of n samples, of which sums are kept.

    posteriors: (members, frames, K), rows of NaN where a member abstains, columns of NaN for a
    class that it lacks; sample: (frames,) the sample 0 … n − 1 of each frame; space: (k,) the
    column of each class of the task, -1 for a class that no member has; truth: (n,) class index.
    """

    posteriors: Floats
    sample: Ints
    space: Ints
    truth: Ints

    @classmethod
    def of_samples(cls, posteriors: Floats, truth: Ints) -> "Ballots":
        """Return the ballots of samples of one frame, in the classes of the task."""
        _, n, k = posteriors.shape
        return cls(posteriors, np.arange(n), np.arange(k), np.asarray(truth))

    @cached_property
    def there(self) -> Bools:
        """Return (members, frames, K) where there is a value."""
        found: Bools = ~np.isnan(self.posteriors)
        return found

    @cached_property
    def values(self) -> Floats:
        """Return the posteriors with 0 where there is no value."""
        return np.where(self.there, self.posteriors, 0.0)

    def __len__(self) -> int:
        return len(self.posteriors)

    def on(self, chosen: Bools) -> "Ballots":
        """Return the ballots of these samples (n,)."""
        place = np.cumsum(chosen) - 1
        frames = chosen[self.sample]
        return Ballots(
            self.posteriors[:, frames], place[self.sample[frames]], self.space, self.truth[chosen]
        )

    def correct(self, total: Floats, count: Ints) -> Bools:
        """Return (n,) whether the vote of summed posteriors and counts (frames, K) is right.

        Each frame's mean is renormalised, then the frames of a sample are averaged, then the
        classes outside the task are masked, as a fusion is made and scored.
        """
        answered = (count > 0).any(axis=1)
        frames = normalise(total / np.maximum(count, 1), answered)
        n = len(self.truth)
        if len(frames) == n and (self.sample == np.arange(n)).all():
            sums, covered = np.nan_to_num(frames), answered
        else:
            covered = np.bincount(self.sample[answered], minlength=n) > 0
            sums = np.zeros((n, frames.shape[1]))
            for column, values in enumerate(frames[answered].T):
                sums[:, column] = np.bincount(self.sample[answered], values, minlength=n)
        inside = np.where(self.space >= 0, sums[:, self.space], 0.0)
        # Where nothing is left inside, all classes tie and the first one is the answer.
        decided = inside.sum(axis=1) > EPSILON
        winner = np.where(decided, inside.argmax(axis=1), 0)
        right: Bools = covered & (winner == self.truth)
        return right

    def vote(self, members: Sequence[int]) -> Bools:
        """Return (n,) whether the vote of these members is right."""
        # In the members' order, as the fusion adds them up.
        chosen = sorted(members)
        return self.correct(self.values[chosen].sum(axis=0), self.there[chosen].sum(axis=0))


def leave_one_out(ballots: Ballots) -> Floats:
    """Return what the vote of all loses without each member.

    Returns
    -------
    (members,) accuracy of all minus that without the member: below 0 where the vote is better
    without it. NaN for a single member.
    """
    everyone = list(range(len(ballots)))
    if len(everyone) < 2:
        return np.full(len(everyone), np.nan)
    full = ballots.vote(everyone).mean()
    return np.array(
        [
            full - ballots.vote([other for other in everyone if other != member]).mean()
            for member in everyone
        ]
    )


def shapley(ballots: Ballots) -> Floats | None:
    """Return the Shapley values of the vote's accuracy.

    They sum to the accuracy of all minus that of nobody's vote, which is to answer the most
    frequent class: what can be had without looking at a face. Were it 0, the member that is asked
    first would have the credit for what chance gets right. Below 0: on average over the orders of
    joining, a member takes from a vote of those before it more than it adds, beginning with that
    answer; whether the vote of all is better without it, `leave_one_out` says.

    Returns
    -------
    (members,); None above ten members.

    References
    ----------
    Shapley (1953), A value for n-person games.
    """
    members, truth = len(ballots), ballots.truth
    if members > SHAPLEY_MEMBERS:
        return None
    nobody = np.bincount(truth).max() / len(truth)
    value = np.array(
        [
            ballots.vote([m for m in range(members) if subset >> m & 1]).mean()
            if subset
            else nobody
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


def greedy(ballots: Ballots, folds: Ints) -> list[Step]:
    """Grow ensembles by forward selection without replacement; each fold is judged by the other
    folds.

    At each size the member is added that makes the vote on the other folds most accurate, ties to
    the earlier one.

    Parameters
    ----------
    ballots
        Of n samples.
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
    members, n = len(ballots), len(ballots.truth)
    folds = check_folds(folds, n)
    correct = np.zeros((members, n), bool)
    order = np.zeros((len(np.unique(folds)), members), int)
    for number, fold in enumerate(np.unique(folds)):
        here = folds == fold
        order[number] = _grown(ballots.on(~here))
        held_out = ballots.on(here)
        for size in range(members):
            correct[size, here] = held_out.vote(order[number, : size + 1].tolist())
    return [
        Step(
            size + 1,
            int(np.bincount(order[:, size]).argmax()),
            correct[size],
            tuple(tuple(grown[: size + 1].tolist()) for grown in order),
        )
        for size in range(members)
    ]


def _grown(ballots: Ballots) -> list[int]:
    """Return the members in the order in which they are added."""
    left, chosen = list(range(len(ballots))), []
    total, count = np.zeros(ballots.values.shape[1:]), np.zeros(ballots.values.shape[1:], int)
    while left:
        gains = [
            ballots.correct(total + ballots.values[m], count + ballots.there[m]).mean()
            for m in left
        ]
        best = left.pop(int(np.argmax(gains)))
        chosen.append(best)
        total, count = total + ballots.values[best], count + ballots.there[best]
    return chosen
