"""Check posteriors of several members, and make posteriors from scores.

Conventions
-----------
posteriors
    (members, n, k) float64. A row of NaN is a member without a prediction for that sample (it
    abstains), a column of NaN a class that the member does not have (protocol §21). Nothing else
    may be NaN, negative or infinite.
fused
    (n, k) float64. Rows sum to one; argmax is the decision; a row of NaN where every member
    abstains (no_face); 0 for a class that no present member has.
truth
    (n,) class index, 0 … k-1.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Bools, Floats, Ints

EPSILON = 1e-9  # within which scores tie, and below which no probability is taken in a logarithm


# ---------------------------------------------------------------- checks


def check_members(posteriors: Floats) -> Floats:
    """Return the posteriors as float64.

    Raises
    ------
    ValueError
        If they are not as the conventions say.
    """
    posteriors = np.asarray(posteriors, dtype=np.float64)
    if posteriors.ndim != 3 or posteriors.shape[0] == 0 or posteriors.shape[2] == 0:
        raise ValueError(
            f"posteriors: shape {posteriors.shape} given, expected (members, n, k) with at least "
            "one member and one class"
        )
    for m, member in enumerate(posteriors):
        missing = _missing(member)
        lacking = missing[~_absent(missing, posteriors.shape[2])]
        if len(lacking) and (lacking != lacking[0]).any():
            raise ValueError(
                f"posteriors: member {m} is NaN in part of a row; expected whole rows (abstains) "
                "and whole columns (class it lacks)"
            )
        if member.size and (
            np.fmin.reduce(member, axis=None) < 0 or np.fmax.reduce(member, axis=None) == np.inf
        ):
            raise ValueError(
                f"posteriors: member {m} holds negative or infinite values, expected probabilities"
            )
    return posteriors


def check_same_members(posteriors: Floats, members: int) -> Floats:
    """Return the posteriors that a fitted rule is to fuse, as float64.

    Raises
    ------
    ValueError
        If they are not as the conventions say, or of another number of members than in training.
    """
    posteriors = check_members(posteriors)
    if len(posteriors) != members:
        raise ValueError(
            f"posteriors: {len(posteriors)} members given, expected {members} as in training"
        )
    return posteriors


def check_training(posteriors: Floats, truth: Ints) -> tuple[Floats, Ints]:
    """Return what a rule learns from, by `check_members` and `check_truth`."""
    posteriors = check_members(posteriors)
    _, n, k = posteriors.shape
    return posteriors, check_truth(truth, n, k)


def check_truth(truth: Ints, n: int, k: int) -> Ints:
    """Return the class indices (n,) as int64.

    Raises
    ------
    ValueError
        If the shape or type is another, or an index lies outside 0 … k − 1.
    """
    truth = np.asarray(truth)
    if truth.shape != (n,):
        raise ValueError(f"truth: shape {truth.shape} given, expected ({n},)")
    if n and (not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= k):
        raise ValueError(
            f"truth: {truth.dtype} from {truth.min()} to {truth.max()} given, "
            f"expected class indices 0 to {k - 1}"
        )
    return truth.astype(np.int64)


# ---------------------------------------------------------------- who is present


def anyone_present(posteriors: Floats) -> Bools:
    """Return (n,): the samples for which some member is present."""
    anyone = np.zeros(posteriors.shape[1], bool)
    for member in posteriors:
        anyone |= ~_absent(_missing(member), posteriors.shape[2])
    return anyone


def _missing(member: Floats) -> npt.NDArray[np.uint8]:
    """Return (n, bytes): the classes that are NaN in each row, as bits, to compare whole rows."""
    return np.packbits(np.isnan(member), axis=1)


def _absent(missing: npt.NDArray[np.uint8], classes: int) -> Bools:
    """Return (n,): the rows without any class."""
    full = np.packbits(np.ones(classes, bool))
    absent: Bools = np.logical_and.reduce(
        [missing[:, byte] == value for byte, value in enumerate(full)]
    )
    return absent


# ---------------------------------------------------------------- scores as posteriors


def normalise(scores: Floats, anyone: Bools) -> Floats:
    """Return scores as rows of sum one.

    Parameters
    ----------
    scores
        (n, k), at least 0. A row of zeros becomes uniform.
    anyone
        (n,) whether a member is present; without one the row becomes NaN.
    """
    total = scores.sum(axis=1, keepdims=True)
    some = total > 0
    fused = np.where(some, scores / np.where(some, total, 1.0), 1 / scores.shape[1])
    fused[~anyone] = np.nan
    return fused


def normalise_logs(logs: Floats, anyone: Bools) -> Floats:
    """Return `normalise` of scores that are given by their logarithms (n, k)."""
    logs = np.where(anyone[:, None], logs, 0.0)
    return normalise(np.exp(logs - logs.max(axis=1, keepdims=True)), anyone)


def spelled_out(named: Mapping[str, float], space: Sequence[str]) -> Floats:
    """Return (k,) the posterior of which some classes are named; NaN where none is.

    What they leave open is spread evenly over the other classes of the space. Shares that sum to
    more than 1 are divided by their sum.

    Parameters
    ----------
    named
        Class -> 0–1.
    space
        The k classes, with all that are named.
    """
    if not named:
        return np.full(len(space), np.nan)
    row = np.array([named.get(name, np.nan) for name in space])
    rest, open_ones = max(0.0, 1 - sum(named.values())), np.isnan(row)
    row[open_ones] = rest / open_ones.sum() if open_ones.any() else 0.0
    total = row.sum()
    return row / total if total > 0 else np.full(len(space), 1 / len(space))
