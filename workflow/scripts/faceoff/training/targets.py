"""Turn labels and votes into what a network shall answer: a row of class weights per picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceoff.statistics.arrays import Floats

# FER+ drops single votes as noise (Barsoum et al. 2016) and keeps classes of 30 % of the votes.
_NOISE = 1.0
_ACCEPTED = 0.3


def target_row(row: Mapping[str, Any], votes_of: Sequence[str], classes: Sequence[str]) -> Floats:
    """Return the weights (k,) of a sample's classes; they sum to one, or are 0 without a label.

    A sample with votes has their shares, single votes dropped unless all are single; one without
    has its label alone.

    Parameters
    ----------
    row
        `label`, a class or None, and `votes`, a number for each class of `votes_of` or None.
    votes_of
        The classes that the votes are about, in their order.
    classes
        The classes of the network, in its order.
    """
    weights = np.zeros(len(classes))
    if row["label"] not in classes:
        return weights
    votes = row.get("votes")
    if votes is None:
        weights[classes.index(row["label"])] = 1.0
        return weights
    counts = dict(zip(votes_of, votes, strict=True))
    weights[:] = [counts.get(name, 0.0) for name in classes]
    kept = np.where(weights > _NOISE, weights, 0.0)
    weights = kept if kept.any() else weights
    if not weights.any():
        weights[classes.index(row["label"])] = 1.0
    return weights / weights.sum()


def accepted(weights: Floats) -> Floats:
    """Return 1 for each class that the multi-target rule accepts, else 0; (n, k) -> (n, k).

    It accepts every class with at least 30 % of the votes, and the one with the most.
    """
    rows = np.where(weights >= _ACCEPTED, 1.0, 0.0)
    rows[np.arange(len(weights)), weights.argmax(axis=1)] = 1.0
    return rows
