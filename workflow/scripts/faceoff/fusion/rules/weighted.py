"""Fuse by a weighted mean of calibrated members."""

import numpy as np

from faceoff.fusion.posteriors import (
    anyone_present,
    check_same_members,
    check_training,
    normalise,
)
from faceoff.fusion.rule import Combine, Rule
from faceoff.fusion.simplex import best_weights
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.temperature import fit_temperatures, temper

CLIP = 1e-7  # of probabilities in the fitted NLL, as in the log loss


def fit_weighted(posteriors: Floats, truth: Ints) -> Combine:
    """Learn temperatures and weights; fuse by the weighted soft mean of the calibrated members.

    The mean of a class is over the present members that have it, then rows are renormalised.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.
    """
    posteriors, truth = check_training(posteriors, truth)
    temperatures = fit_temperatures(posteriors, truth)
    weights = _mixture_weights(temper(posteriors, temperatures), truth)

    def combine(test: Floats) -> Floats:
        test = check_same_members(test, len(weights))
        return normalise(_weighted_mean(temper(test, temperatures), weights), anyone_present(test))

    return combine


def fit_weights(posteriors: Floats, truth: Ints) -> Floats:
    """Return the weights (members,) of `fit_weighted`: at least 0, sum 1.

    They minimise the NLL of the mixture of calibrated members.
    """
    posteriors, truth = check_training(posteriors, truth)
    return _mixture_weights(temper(posteriors, fit_temperatures(posteriors, truth)), truth)


def _weighted_mean(posteriors: Floats, weights: Floats) -> Floats:
    """Return the weighted mean (n, k) over the members that are not NaN, 0 where all are."""
    there = ~np.isnan(posteriors)
    weight = np.tensordot(weights, there, axes=1)
    total = np.tensordot(weights, np.where(there, posteriors, 0.0), axes=1)
    mean: Floats = total / np.where(weight > 0, weight, 1.0)
    return mean


def _mixture_weights(posteriors: Floats, truth: Ints) -> Floats:
    """Return the weights (members,) that minimise the NLL of the renormalised weighted mean."""
    usable = ~np.isnan(posteriors[:, np.arange(len(truth)), truth]).all(axis=0)
    posteriors, truth = posteriors[:, usable], truth[usable]
    there = (~np.isnan(posteriors)).astype(np.float64)
    filled = np.nan_to_num(posteriors)
    rows = np.arange(len(truth))

    def nll(weights: Floats) -> tuple[float, Floats]:
        having = np.tensordot(weights, there, axes=1)
        having = np.where(having > 0, having, 1.0)
        mixture = np.tensordot(weights, filled, axes=1) / having
        own, total = np.maximum(mixture[rows, truth], CLIP), mixture.sum(axis=1)
        # d mixture_c / d w_m = there (p_mc − mixture_c) / having_c, weighted by d NLL / d mixture_c
        outer = np.tile((1 / total)[:, None], (1, mixture.shape[1]))
        outer[rows, truth] -= 1 / own
        outer /= having * len(truth)
        gradient = np.tensordot(filled, outer, axes=2) - np.tensordot(
            there, outer * mixture, axes=2
        )
        return float(np.log(total / own).mean()), gradient

    if len(truth) == 0:
        return np.full(len(posteriors), 1 / len(posteriors))
    return best_weights(nll, len(posteriors))


RULE = Rule(
    title="weighted mean",
    about="weighted soft mean of calibrated members",
    learnt="temperatures, weights",
    fit=fit_weighted,
    weights=fit_weights,
)
