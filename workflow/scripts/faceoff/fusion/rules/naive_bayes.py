"""Fuse by naive Bayes on the members' votes."""

import numpy as np

from faceoff.fusion.posteriors import (
    anyone_present,
    check_same_members,
    check_training,
    normalise_logs,
)
from faceoff.fusion.rule import Combine, Rule
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints


def fit_naive_bayes(posteriors: Floats, truth: Ints) -> Combine:
    """Learn each member's confusions; P(t | votes) ∝ (n_t + 1) Π (count[t, vote] + 1) / Σ.

    The product is over the present members. A class that a member lacks is judged by how that
    member votes on it.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.

    References
    ----------
    Kuncheva (2004), Combining pattern classifiers, chapter 4.
    """
    posteriors, truth = check_training(posteriors, truth)
    members, _, k = posteriors.shape
    choice = votes(posteriors)
    has = ~np.isnan(posteriors).all(axis=1)
    log_prior = np.log(np.bincount(truth, minlength=k) + 1.0)
    log_likelihood = np.zeros((members, k, k))
    for m in range(members):
        present = choice[m] >= 0
        counts = (
            np.bincount(truth[present] * k + choice[m, present], minlength=k * k).reshape(k, k)
            + 1.0
        )
        log_likelihood[m] = np.log(
            counts / np.maximum(counts[:, has[m]].sum(axis=1, keepdims=True), 1.0)
        )

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, members)
        cast = votes(test)
        logs = np.tile(log_prior, (test.shape[1], 1))
        for m in range(members):
            present = cast[m] >= 0
            logs[present] += log_likelihood[m][:, cast[m, present]].T
        return normalise_logs(logs, anyone_present(test))

    return combine


RULE = Rule(
    title="naive Bayes",
    about="how each member votes on each class, multiplied as if members were independent",
    learnt="confusion counts",
    fit=fit_naive_bayes,
)
