"""Fuse by a mean weighted by each member's accuracy per class."""

import numpy as np

from faceoff.fusion.posteriors import (
    anyone_present,
    check_same_members,
    check_training,
    normalise,
)
from faceoff.fusion.rule import Combine, Rule
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints


def fit_class_weighted(posteriors: Floats, truth: Ints) -> Combine:
    """Learn each member's recall of each class; fuse by the mean weighted by it.

    Weights (members, k) are (hits + 1) / (n + 2) over the samples that the member covers.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.
    """
    posteriors, truth = check_training(posteriors, truth)
    members, _, k = posteriors.shape
    choice = votes(posteriors)
    trust = np.zeros((members, k))
    for m in range(members):
        present = choice[m] >= 0
        seen = np.bincount(truth[present], minlength=k)
        hits = np.bincount(truth[present & (choice[m] == truth)], minlength=k)
        trust[m] = (hits + 1) / (seen + 2)

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, members)
        there = ~np.isnan(test)
        weight = np.einsum("mc,mnc->nc", trust, there)
        total = np.einsum("mc,mnc->nc", trust, np.nan_to_num(test))
        return normalise(total / np.where(weight > 0, weight, 1.0), anyone_present(test))

    return combine


RULE = Rule(
    title="mean weighted by class",
    about="mean weighted by each member's recall of the class",
    learnt="accuracies per class",
    fit=fit_class_weighted,
)
