"""Agreement and diversity of two members (protocol §24). Pure functions over predictions (n,) int, -1 where not covered, and correctness (n,) bool."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.bootstrap import bca, cell_counts
from faceoff.statistics.intervals import Interval, undefined

Array = TypeVar("Array", bound=npt.NDArray[Any])
KAPPA_REPLICATES = 2_000  # of every pair of pipelines


def kappa_interval(
    predicted_a: Ints,
    predicted_b: Ints,
    clusters: Labels | None = None,
    *,
    seed: int,
    replicates: int = KAPPA_REPLICATES,
) -> Interval:
    """Chance-corrected agreement (Cohen 1960), (p_o − p_e)/(1 − p_e), ≤ 1, with its BCa interval; "not covered" (-1) counts as one more category.

    Samples are drawn singly, or in whole clusters. NaN for no samples, and where p_e = 1.
    """
    predicted_a, predicted_b = same_length("predicted_a, predicted_b", predicted_a, predicted_b)
    if len(predicted_a) == 0:
        return undefined(float("nan"))
    classes, codes = np.unique(np.concatenate([predicted_a, predicted_b]), return_inverse=True)
    size, n = len(classes), len(predicted_a)
    units, multiplicity = cell_counts(codes[:n] * size + codes[n:], size * size, clusters)
    return bca(
        lambda totals: _kappa(totals.reshape(-1, size, size)),
        units,
        multiplicity,
        seed=seed,
        replicates=replicates,
    )


def _kappa(joint: Floats) -> Floats:
    """Kappa of counts (R, k, k); NaN where chance alone agrees always."""
    n = joint.sum(axis=(1, 2))
    expected = np.einsum("ri,ri->r", joint.sum(axis=1), joint.sum(axis=2)) / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            expected < 1,
            (np.trace(joint, axis1=1, axis2=2) / n - expected) / (1 - expected),
            np.nan,
        )


def q_statistic(correct_a: Bools, correct_b: Bools) -> float:
    """Yule's Q of two members' correctness, −1 … 1, 0 if independent (Yule 1900; Kuncheva & Whitaker 2003); 0/0 is NaN."""
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    both, neither = int((correct_a & correct_b).sum()), int((~correct_a & ~correct_b).sum())
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum())
    total = both * neither + only_a * only_b
    return (both * neither - only_a * only_b) / total if total else float("nan")


def disagreement(correct_a: Bools, correct_b: Bools) -> float:
    """Share of samples that exactly one of two members gets right, 0–1 (Skalak 1996)."""
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    return float((correct_a != correct_b).mean()) if len(correct_a) else float("nan")


def double_fault(correct_a: Bools, correct_b: Bools) -> float:
    """Share of samples that both members get wrong, 0–1 (Giacinto & Roli 2001)."""
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    return float((~correct_a & ~correct_b).mean()) if len(correct_a) else float("nan")


def correct_pair(correct_a: Bools, correct_b: Bools) -> tuple[Bools, Bools]:
    """Return two members' correctness as bool. Raises ValueError unless both are (n,)."""
    correct_a, correct_b = same_length("correct_a, correct_b", correct_a, correct_b)
    return correct_a.astype(bool), correct_b.astype(bool)


def same_length(name: str, a: Array, b: Array) -> tuple[Array, Array]:
    """Return two arrays that are (n,) both. Raises ValueError for other shapes."""
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"{name}: shapes {a.shape} and {b.shape} given, expected (n,) twice")
    return a, b
