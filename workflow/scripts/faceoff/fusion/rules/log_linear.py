"""Fuse by a weighted product of posteriors, as channels are joined (protocol §55)."""

import numpy as np

from faceoff.fusion.posteriors import (
    anyone_present,
    check_same_members,
    check_training,
    normalise_logs,
)
from faceoff.fusion.rule import Combine, Rule
from faceoff.fusion.simplex import best_weights
from faceoff.statistics.arrays import Floats, Ints

LEAST = 1e-9  # of probabilities under the logarithm


def fit_log_linear(posteriors: Floats, truth: Ints) -> Combine:
    """Learn weights λ; fuse by log p ∝ Σ λ_m log max(p_m, 1e-9), λ summing to 1.

    The weights of a class are shared by the present members that have it.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.

    References
    ----------
    Genest and Zidek (1986), Combining probability distributions, Statistical Science 1.
    """
    weights = fit_weights(posteriors, truth)

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, len(weights))
        return normalise_logs(_mean_log(weights, *_logs(test))[0], anyone_present(test))

    return combine


def _logs(posteriors: Floats) -> tuple[Floats, Floats]:
    """Return log max(p, 1e-9) (members, n, k), 0 where absent, and 1.0 where present."""
    there = (~np.isnan(posteriors)).astype(np.float64)
    return np.log(np.maximum(np.nan_to_num(posteriors), LEAST)) * there, there


def _mean_log(weights: Floats, logs: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Return the weighted mean (n, k) over who is present, −inf without any, and their weight."""
    having = np.tensordot(weights, there, axes=1)
    known = having > 0
    having = np.where(known, having, 1.0)
    return np.where(known, np.tensordot(weights, logs, axes=1) / having, -np.inf), having


def fit_weights(posteriors: Floats, truth: Ints) -> Floats:
    """Return the weights (members,) of `fit_log_linear`: at least 0, sum 1.

    They minimise the NLL of the fused posterior.
    """
    posteriors, truth = check_training(posteriors, truth)
    usable = ~np.isnan(posteriors[:, np.arange(len(truth)), truth]).all(axis=0)
    posteriors, truth = posteriors[:, usable], truth[usable]
    if len(truth) == 0 or len(posteriors) == 1:
        return np.full(len(posteriors), 1 / len(posteriors))
    logs, there = _logs(posteriors)
    rows = np.arange(len(truth))

    def nll(weights: Floats) -> tuple[float, Floats]:
        mean, having = _mean_log(weights, logs, there)
        top = mean.max(axis=1, keepdims=True)
        raised = np.exp(mean - top)
        total = raised.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) + top[:, 0] - mean[rows, truth]).mean())
        # d mean_c / d λ_m = there (log p_mc − mean_c) / having_c, weighted by d loss / d mean_c
        outer = raised / total
        outer[rows, truth] -= 1
        outer /= having * len(truth)
        gradient = np.tensordot(logs, outer, axes=2) - np.tensordot(
            there, outer * np.where(np.isfinite(mean), mean, 0.0), axes=2
        )
        return loss, gradient

    return best_weights(nll, len(posteriors))


RULE = Rule(
    title="log-linear",
    about="product of the members' posteriors raised to learnt weights, renormalised",
    learnt="weights",
    fit=fit_log_linear,
    weights=fit_weights,
)
