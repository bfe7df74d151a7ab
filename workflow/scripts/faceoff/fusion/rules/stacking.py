"""Fuse by a regression on the members' calibrated log-probabilities."""

import numpy as np

from faceoff.fusion.means import soft_mean
from faceoff.fusion.posteriors import anyone_present, check_same_members, check_training
from faceoff.fusion.rule import Combine, Rule
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.temperature import fit_temperatures, temper

FLOOR = 1e-6  # added to probabilities before their logarithm
C = 0.1  # inverse strength of the penalty
# L-BFGS at its default tolerance stops early: its posteriors move by 1e-3 with the order of members
# and with noise of 1e-9. Newton's method ends at the one minimum (protocol §39).
SOLVER, TOLERANCE = "newton-cg", 1e-12


def fit_stacking(posteriors: Floats, truth: Ints) -> Combine:
    """Learn a multinomial logistic regression on log(p_T + 1e-6) of every member and its classes.

    An absent member's features are those of the soft mean of the present calibrated members.
    Classes without truth in training get 0. If the covered training samples are all of one class,
    there is nothing to regress on: then it fuses by the calibrated mean.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.

    References
    ----------
    Wolpert (1992), Stacked generalization, Neural Networks 5.
    """
    posteriors, truth = check_training(posteriors, truth)
    k = posteriors.shape[2]
    temperatures = fit_temperatures(posteriors, truth)
    has = ~np.isnan(posteriors).all(axis=1)
    covered = anyone_present(posteriors)
    if len(np.unique(truth[covered])) < 2:
        return lambda test: soft_mean(
            temper(check_same_members(test, len(temperatures)), temperatures)
        )
    # 0.8 s to import, and only this rule needs it.
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver=SOLVER, tol=TOLERANCE, max_iter=1000)
    model.fit(_features(posteriors[:, covered], temperatures, has), truth[covered])

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, len(temperatures))
        anyone = anyone_present(test)
        fused = np.where(anyone[:, None], np.zeros((test.shape[1], k)), np.nan)
        if anyone.any():
            fused[np.ix_(anyone, model.classes_)] = model.predict_proba(
                _features(test[:, anyone], temperatures, has)
            )
        return fused

    return combine


def _features(posteriors: Floats, temperatures: Floats, has: Bools) -> Floats:
    """Return (n, features) of the members' own classes; has: (members, k)."""
    calibrated = temper(posteriors, temperatures)
    filled = np.where(
        np.isnan(calibrated).all(axis=2, keepdims=True), soft_mean(calibrated)[None], calibrated
    )
    return np.concatenate(
        [
            np.log(np.nan_to_num(member[:, own]) + FLOOR)
            for member, own in zip(filled, has, strict=True)
        ],
        axis=1,
    )


RULE = Rule(
    title="stacked regression",
    about="multinomial logistic regression on the members' calibrated log-probabilities",
    learnt="regression",
    fit=fit_stacking,
)
