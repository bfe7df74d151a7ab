"""Compute what stands beside a fusion: best single member, oracle, diversity (protocol §19, §22,
§24).

Conventions
-----------
truth
    (n,) class index, 0 … k-1.
predicted
    (members, n) class index, -1 where the member abstains.
correct
    (members, n) bool, False where the member abstains.
folds
    (n,) int ≥ 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.folds import check_folds

Array = TypeVar("Array", bound=npt.NDArray[Any])


@dataclass(frozen=True)
class BestSingle:
    """The best member of each sample (n,), and fold -> the member that the other folds chose."""

    member: Ints
    choices: dict[int, int]


@dataclass(frozen=True)
class ClonePair:
    """Two members, first < second, whose argmax agrees on this share of the samples both cover."""

    first: int
    second: int
    agreement: float


def oracle(truth: Ints, predicted: Ints) -> Bools:
    """Return (n,) whether any member is right (§24).

    Parameters
    ----------
    truth
        (n,).
    predicted
        (members, n).

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if predicted.ndim != 2 or truth.shape != predicted.shape[1:]:
        raise ValueError(
            f"predicted: shape {predicted.shape} given, expected (members, {len(truth)}) as truth "
            f"has {len(truth)} samples"
        )
    right: Bools = (predicted == truth).any(axis=0)
    return right


def effective_members(correct: Bools) -> float:
    """Return the effective number of members (§22).

    The participation ratio (tr C)² / tr C² = M² / Σ r² of the correlation matrix of correctness. A
    member that is always right or always wrong correlates 1 with its equals and 0 with the others.

    Parameters
    ----------
    correct
        (members, n).

    Returns
    -------
    1 … members.

    Raises
    ------
    ValueError
        If the shape is another.
    """
    correct = _two_axes("correct", correct, "(members, n)").astype(np.float64)
    centred = correct - correct.mean(axis=1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=1))
    constant = norm == 0
    unit = centred / np.where(constant, 1.0, norm)[:, None]
    correlation = unit @ unit.T
    correlation[np.ix_(constant, constant)] = np.equal.outer(
        correct[constant, 0], correct[constant, 0]
    )
    return float(len(correct) ** 2 / (correlation**2).sum())


def clone_pairs(predicted: Ints, threshold: float = 0.99) -> list[ClonePair]:
    """Return the pairs of members that agree on more than a share of the samples both cover (§22).

    Parameters
    ----------
    predicted
        (members, n).
    threshold
        That share, 0–1.

    Raises
    ------
    ValueError
        If the shape is another.
    """
    predicted = _two_axes("predicted", predicted, "(members, n)")
    pairs = []
    for first in range(len(predicted)):
        for second in range(first + 1, len(predicted)):
            both = (predicted[first] >= 0) & (predicted[second] >= 0)
            if both.any():
                agreement = float((predicted[first, both] == predicted[second, both]).mean())
                if agreement > threshold:
                    pairs.append(ClonePair(first, second, agreement))
    return pairs


def best_single_on(correct: Bools, log_loss: Floats, names: Sequence[str]) -> int:
    """Return the index of the best member on these samples (§19).

    By end-to-end accuracy, ties by lower log loss, then name.

    Parameters
    ----------
    correct
        (members, n).
    log_loss
        (members, n), NaN where the member is not covered. Its mean is over covered samples; a
        member without any loses ties.
    names
        Of the members.

    Raises
    ------
    ValueError
        If the shapes do not fit or there are no samples.
    """
    correct, log_loss = (
        _two_axes("correct", correct, "(members, n)"),
        _two_axes("log_loss", log_loss, "(members, n)"),
    )
    if correct.shape != log_loss.shape or len(names) != len(correct):
        raise ValueError(
            f"correct, log_loss, names: shapes {correct.shape}, {log_loss.shape}, ({len(names)},) "
            "given, expected equal members and samples"
        )
    if correct.shape[1] == 0:
        raise ValueError("correct: no samples to choose the best single member on")
    right = correct.astype(bool).sum(axis=1)
    covered = (~np.isnan(log_loss)).sum(axis=1)
    loss = np.where(covered > 0, np.nansum(log_loss, axis=1) / np.maximum(covered, 1), np.inf)
    return min(
        range(len(names)),
        key=lambda member: (-int(right[member]), float(loss[member]), names[member]),
    )


def best_single(correct: Bools, log_loss: Floats, names: Sequence[str], folds: Ints) -> BestSingle:
    """Return the best member of each fold, chosen on the other folds by `best_single_on` (§19).

    Parameters
    ----------
    correct, log_loss
        (members, n).
    names
        Of the members.
    folds
        (n,) fold of each sample.

    Raises
    ------
    ValueError
        If the shapes do not fit or there are fewer than two folds.
    """
    correct, log_loss = (
        _two_axes("correct", correct, "(members, n)"),
        _two_axes("log_loss", log_loss, "(members, n)"),
    )
    folds = check_folds(folds, correct.shape[1])
    member = np.full(len(folds), -1)
    choices = {}
    for fold in np.unique(folds):
        here = folds == fold
        choices[int(fold)] = best_single_on(correct[:, ~here], log_loss[:, ~here], names)
        member[here] = choices[int(fold)]
    return BestSingle(member, choices)


def _two_axes(name: str, values: Array, expected: str) -> Array:
    """Return the values. Raises ValueError unless they have two axes and at least one row."""
    if values.ndim != 2 or values.shape[0] == 0:
        raise ValueError(f"{name}: shape {values.shape} given, expected {expected}")
    return values
