"""Fusion rules that are fitted on labelled posteriors and give a function of others (protocol §20, §21). Pure functions.

Conventions are those of posteriors.py.
"""

from collections.abc import Callable

import numpy as np

from faceoff.fusion import face_conditions as faces
from faceoff.fusion.posteriors import (
    EPSILON,
    anyone_present,
    check_same_members,
    check_training,
    normalise,
    normalise_logs,
)
from faceoff.fusion.temperature import fit_temperatures, temper
from faceoff.fusion.untrained import soft_mean, votes

CLIP = 1e-7  # of probabilities in a fitted NLL, as in the log loss
STACKING_FLOOR = 1e-6
STACKING_C = 0.1

Combine = Callable[[np.ndarray], np.ndarray]  # posteriors (members, n, k) -> fused (n, k)


def fit_temperature_mean(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Soft mean of members that were each calibrated by their own temperature."""
    temperatures = fit_temperatures(*check_training(posteriors, truth))
    return lambda test: soft_mean(temper(check_same_members(test, len(temperatures)), temperatures))


def fit_weighted(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Weighted soft mean: `weights` of the calibrated members, over the present ones that have the class, then renormalised."""
    posteriors, truth = check_training(posteriors, truth)
    temperatures = fit_temperatures(posteriors, truth)
    weights = _mixture_weights(temper(posteriors, temperatures), truth)

    def combine(test: np.ndarray) -> np.ndarray:
        test = check_same_members(test, len(weights))
        return normalise(_weighted_mean(temper(test, temperatures), weights), anyone_present(test))

    return combine


def fit_weights(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(members,) weights of `fit_weighted`, ≥ 0, sum 1: softmax-parametrised, minimising the NLL of the mixture of calibrated members."""
    posteriors, truth = check_training(posteriors, truth)
    return _mixture_weights(temper(posteriors, fit_temperatures(posteriors, truth)), truth)


def fit_stacking(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Multinomial logistic regression, C = 0.1, on log(p_T + 1e-6) of every member and class it has.

    An absent member's features are those of the soft mean of the present calibrated members. Classes without truth in training get 0. Where the
    covered training samples are all of one class there is nothing to regress on: then it is the calibrated mean.
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
    from sklearn.linear_model import (
        LogisticRegression,
    )  # 0.8 s to import, and only this rule needs it

    model = LogisticRegression(C=STACKING_C, max_iter=1000)
    model.fit(_stacking_features(posteriors[:, covered], temperatures, has), truth[covered])

    def combine(test: np.ndarray) -> np.ndarray:
        test = check_same_members(test, len(temperatures))
        anyone = anyone_present(test)
        fused = np.where(anyone[:, None], np.zeros((test.shape[1], k)), np.nan)
        if anyone.any():
            fused[np.ix_(anyone, model.classes_)] = model.predict_proba(
                _stacking_features(test[:, anyone], temperatures, has)
            )
        return fused

    return combine


def fit_class_weighted(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Mean weighted by each member's accuracy per class: weights (members, k) are its recall of the class, (hits + 1) / (n + 2), over the samples it covers."""
    posteriors, truth = check_training(posteriors, truth)
    members, _, k = posteriors.shape
    choice = votes(posteriors)
    trust = np.zeros((members, k))
    for m in range(members):
        present = choice[m] >= 0
        seen = np.bincount(truth[present], minlength=k)
        hits = np.bincount(truth[present & (choice[m] == truth)], minlength=k)
        trust[m] = (hits + 1) / (seen + 2)

    def combine(test: np.ndarray) -> np.ndarray:
        test = check_same_members(test, members)
        there = ~np.isnan(test)
        weight = np.einsum("mc,mnc->nc", trust, there)
        total = np.einsum("mc,mnc->nc", trust, np.nan_to_num(test))
        return normalise(total / np.where(weight > 0, weight, 1.0), anyone_present(test))

    return combine


def fit_naive_bayes(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Naive Bayes on votes (Kuncheva 2004): P(t | votes) ∝ (n_t + 1) Π (count[t, vote] + 1) / Σ, over the present members.

    A class that a member lacks is judged by how that member votes on it.
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

    def combine(test: np.ndarray) -> np.ndarray:
        test = check_same_members(test, members)
        cast = votes(test)
        logs = np.tile(log_prior, (test.shape[1], 1))
        for m in range(members):
            present = cast[m] >= 0
            logs[present] += log_likelihood[m][:, cast[m, present]].T
        return normalise_logs(logs, anyone_present(test))

    return combine


def fit_dempster_shafer(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Dempster–Shafer with accuracy discounting: singleton masses acc · p_T, Θ = 1 − acc, Dempster's normalised rule, p = m + Θ/K.

    acc is the member's accuracy over the training samples it covers (ε … 1 − ε; without any, ε: it knows nothing). A class that a member lacks gets
    only its Θ, as the theory has it. With singletons and Θ alone, m(c) + Θ is the product of the members' m(c) + Θ.
    """
    posteriors, truth = check_training(posteriors, truth)
    temperatures = fit_temperatures(posteriors, truth)
    choice = votes(posteriors)
    covered = (choice >= 0).sum(axis=1)
    trust = np.clip((choice == truth).sum(axis=1) / np.maximum(covered, 1), EPSILON, 1 - EPSILON)[
        :, None
    ]

    def combine(test: np.ndarray) -> np.ndarray:
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


def fit_switcher(
    posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None
) -> Combine:
    """For each sample the one present member that is most trusted with such a face (`conditions.fit_trust`), calibrated; ties to the earlier member.

    conditions: (members, n, c) of each member's own face, NaN where not known. Without any, it is the member most often right where it has a face.
    """
    posteriors, truth = check_training(posteriors, truth)
    members, n, _ = posteriors.shape
    met = _conditions(conditions, members, n)
    temperatures = fit_temperatures(posteriors, truth)
    choice = votes(posteriors)
    trust = [
        faces.fit_trust((cast == truth)[cast >= 0], own[cast >= 0])
        for cast, own in zip(choice, met, strict=True)
    ]

    def combine(test: np.ndarray, conditions: np.ndarray | None = None) -> np.ndarray:
        test = check_same_members(test, members)
        met = _conditions(conditions, members, test.shape[1])
        trusted = np.stack([judge(own) for judge, own in zip(trust, met, strict=True)])
        trusted[np.isnan(test).all(axis=2)] = -1.0
        chosen = (trusted >= trusted.max(axis=0) - EPSILON).argmax(axis=0)
        calibrated = temper(test, temperatures)[chosen, np.arange(test.shape[1])]
        return normalise(np.nan_to_num(calibrated), anyone_present(test))

    return combine


# ---------------------------------------------------------------- inside


def _weighted_mean(posteriors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the members that are not NaN, 0 where all are."""
    there = ~np.isnan(posteriors)
    weight = np.tensordot(weights, there, axes=1)
    total = np.tensordot(weights, np.where(there, posteriors, 0.0), axes=1)
    return total / np.where(weight > 0, weight, 1.0)


def _mixture_weights(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights minimising the NLL of the renormalised weighted mean, by L-BFGS from equal weights with the exact gradient."""
    usable = ~np.isnan(posteriors[:, np.arange(len(truth)), truth]).all(axis=0)
    posteriors, truth = posteriors[:, usable], truth[usable]
    there = (~np.isnan(posteriors)).astype(np.float64)
    filled = np.nan_to_num(posteriors)
    rows = np.arange(len(truth))

    def nll(logits: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        having = np.tensordot(weights, there, axes=1)
        having = np.where(having > 0, having, 1.0)
        mixture = np.tensordot(weights, filled, axes=1) / having
        own, total = np.maximum(mixture[rows, truth], CLIP), mixture.sum(axis=1)
        # d mixture_c / d w_m = there (p_mc - mixture_c) / having_c, weighted by d NLL / d mixture_c
        outer = np.tile((1 / total)[:, None], (1, mixture.shape[1]))
        outer[rows, truth] -= 1 / own
        outer /= having * len(truth)
        gradient = np.tensordot(filled, outer, axes=2) - np.tensordot(
            there, outer * mixture, axes=2
        )
        return float(np.log(total / own).mean()), weights * (gradient - weights @ gradient)

    if len(truth) == 0:
        return np.full(len(posteriors), 1 / len(posteriors))
    from scipy.optimize import minimize

    logits = minimize(
        nll, np.zeros(len(posteriors)), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    ).x
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def _stacking_features(
    posteriors: np.ndarray, temperatures: np.ndarray, has: np.ndarray
) -> np.ndarray:
    calibrated = temper(posteriors, temperatures)
    filled = np.where(
        np.isnan(calibrated).all(axis=2, keepdims=True), soft_mean(calibrated)[None], calibrated
    )
    return np.concatenate(
        [
            np.log(np.nan_to_num(member[:, own]) + STACKING_FLOOR)
            for member, own in zip(filled, has, strict=True)
        ],
        axis=1,
    )


def _conditions(conditions: np.ndarray | None, members: int, n: int) -> np.ndarray:
    if conditions is None:
        return np.full((members, n, len(faces.NAMES)), np.nan)
    if conditions.ndim != 3 or conditions.shape[:2] != (members, n):
        raise ValueError(
            f"conditions: shape {conditions.shape} given, expected ({members}, {n}, conditions)"
        )
    return conditions
