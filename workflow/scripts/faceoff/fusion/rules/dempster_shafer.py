"""Fuse by Dempster's rule, each member discounted by its accuracy."""

import numpy as np

from faceoff.fusion.posteriors import (
    EPSILON,
    anyone_present,
    check_same_members,
    check_training,
    normalise,
)
from faceoff.fusion.rule import Combine, Rule
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.temperature import fit_temperatures, temper


def fit_dempster_shafer(posteriors: Floats, truth: Ints) -> Combine:
    """Learn temperatures and accuracies; fuse masses acc · p_T and Θ = 1 − acc by Dempster's rule.

    acc is the member's accuracy over the training samples it covers, ε … 1 − ε; without any, ε: it
    knows nothing. The rule is normalised, p = m + Θ / k. A class that a member lacks gets only its
    Θ, as the theory has it. With singletons and Θ alone, m(c) + Θ is the product of the members'
    m(c) + Θ.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.

    References
    ----------
    Shafer (1976), A mathematical theory of evidence.
    """
    posteriors, truth = check_training(posteriors, truth)
    temperatures = fit_temperatures(posteriors, truth)
    choice = votes(posteriors)
    covered = (choice >= 0).sum(axis=1)
    trust = np.clip((choice == truth).sum(axis=1) / np.maximum(covered, 1), EPSILON, 1 - EPSILON)[
        :, None
    ]

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, len(trust))
        present = ~np.isnan(test).all(axis=2)
        believed = np.where(
            present[:, :, None],
            np.nan_to_num(temper(test, temperatures)) * trust[:, :, None] + (1 - trust)[:, :, None],
            1.0,
        )
        log_joint = np.log(believed).sum(axis=0)
        log_theta = np.where(present, np.log(1 - trust), 0.0).sum(axis=0)[:, None]
        top = log_joint.max(axis=1, keepdims=True)
        theta = np.exp(log_theta - top)
        return normalise(
            np.exp(log_joint - top) - theta + theta / test.shape[2], anyone_present(test)
        )

    return combine


RULE = Rule(
    title="Dempster–Shafer",
    about="Dempster's rule on calibrated posteriors, each member discounted by its accuracy",
    learnt="temperatures, accuracies",
    fit=fit_dempster_shafer,
)
