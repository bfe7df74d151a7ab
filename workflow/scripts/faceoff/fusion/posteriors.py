"""Posteriors of several members: what they look like, the checks of what a rule is given, and scores made into posteriors. Pure functions.

Conventions
    posteriors  (members, n, k) float64; a row of NaN is a member without a prediction for that sample (it abstains), a column of NaN a class that
                the member does not have (protocol §21). Nothing else may be NaN, negative or infinite
    fused       (n, k) float64, rows sum to one, argmax is the decision; a row of NaN where every member abstains (no_face); a class that no present
                member has gets 0
    truth       (n,) int class index, 0 … k-1
"""

import numpy as np

EPSILON = 1e-9  # within which scores tie, and below which no probability is taken in a logarithm


# ---------------------------------------------------------------- checks


def check_members(posteriors: np.ndarray) -> np.ndarray:
    """The posteriors (members, n, k) as float64. Raises ValueError where they are not what the conventions say."""
    posteriors = np.asarray(posteriors, dtype=np.float64)
    if posteriors.ndim != 3 or posteriors.shape[0] == 0 or posteriors.shape[2] == 0:
        raise ValueError(
            f"posteriors: shape {posteriors.shape} given, expected (members, n, k) with at least one member and one class"
        )
    for m, member in enumerate(posteriors):
        missing = _missing(member)
        lacking = missing[~_absent(missing, posteriors.shape[2])]
        if len(lacking) and (lacking != lacking[0]).any():
            raise ValueError(
                f"posteriors: member {m} is NaN in part of a row; expected whole rows (abstains) and whole columns (class it lacks)"
            )
        if member.size and (
            np.fmin.reduce(member, axis=None) < 0 or np.fmax.reduce(member, axis=None) == np.inf
        ):
            raise ValueError(
                f"posteriors: member {m} holds negative or infinite values, expected probabilities"
            )
    return posteriors


def check_same_members(posteriors: np.ndarray, members: int) -> np.ndarray:
    """`check_members` for what a trained rule is to fuse: as many members as it learnt from, else ValueError."""
    posteriors = check_members(posteriors)
    if len(posteriors) != members:
        raise ValueError(
            f"posteriors: {len(posteriors)} members given, expected {members} as in training"
        )
    return posteriors


def check_training(posteriors: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`check_members` and `check_truth` of what a rule learns from."""
    posteriors = check_members(posteriors)
    return posteriors, check_truth(truth, *posteriors.shape[1:])


def check_truth(truth: np.ndarray, n: int, k: int) -> np.ndarray:
    """The class indices (n,) as int64. Raises ValueError for another shape, another type or an index outside 0 … k − 1."""
    truth = np.asarray(truth)
    if truth.shape != (n,):
        raise ValueError(f"truth: shape {truth.shape} given, expected ({n},)")
    if n and (not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= k):
        raise ValueError(
            f"truth: {truth.dtype} from {truth.min()} to {truth.max()} given, expected class indices 0 to {k - 1}"
        )
    return truth.astype(np.int64)


# ---------------------------------------------------------------- who is present


def anyone_present(posteriors: np.ndarray) -> np.ndarray:
    """(n,) bool: samples for which some member is present."""
    anyone = np.zeros(posteriors.shape[1], bool)
    for member in posteriors:
        anyone |= ~_absent(_missing(member), posteriors.shape[2])
    return anyone


def _missing(member: np.ndarray) -> np.ndarray:
    """(n, bytes) uint8: the classes that are NaN in each row, as bits: whole rows are compared at once."""
    return np.packbits(np.isnan(member), axis=1)


def _absent(missing: np.ndarray, classes: int) -> np.ndarray:
    """(n,) bool: rows without any class."""
    full = np.packbits(np.ones(classes, bool))
    return np.logical_and.reduce([missing[:, byte] == value for byte, value in enumerate(full)])


# ---------------------------------------------------------------- scores as posteriors


def normalise(scores: np.ndarray, anyone: np.ndarray) -> np.ndarray:
    """Scores (n, k) ≥ 0 as rows of sum one: uniform where all scores vanish, NaN where `anyone` (n,) says that nobody is present."""
    total = scores.sum(axis=1, keepdims=True)
    some = total > 0
    fused = np.where(some, scores / np.where(some, total, 1.0), 1 / scores.shape[1])
    fused[~anyone] = np.nan
    return fused


def normalise_logs(logs: np.ndarray, anyone: np.ndarray) -> np.ndarray:
    """The same of scores given by their logarithms (n, k)."""
    logs = np.where(anyone[:, None], logs, 0.0)
    return normalise(np.exp(logs - logs.max(axis=1, keepdims=True)), anyone)
