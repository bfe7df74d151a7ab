"""Measure agreement and diversity of two members (protocol §24).

predicted: (n,) class index, -1 where not covered; correct: (n,) bool.
"""

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
    """Return chance-corrected agreement, (p_o − p_e)/(1 − p_e), with its BCa interval.

    Parameters
    ----------
    predicted_a, predicted_b
        (n,) class index; "not covered" (-1) counts as one more category.
    clusters
        (n,) labels that are drawn whole; None: samples are drawn singly.
    seed, replicates
        Of the bootstrap.

    Returns
    -------
    Interval, ≤ 1; NaN for no samples, and where p_e = 1.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20.
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
    """Return kappa (R,) of counts (R, k, k); NaN where chance alone agrees always."""
    n = joint.sum(axis=(1, 2))
    expected = np.einsum("ri,ri->r", joint.sum(axis=1), joint.sum(axis=2)) / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            expected < 1,
            (np.trace(joint, axis1=1, axis2=2) / n - expected) / (1 - expected),
            np.nan,
        )


def q_statistic(correct_a: Bools, correct_b: Bools) -> float:
    """Return Yule's Q of two members' correctness (n,).

    Returns
    -------
    −1 … 1, 0 if independent; NaN for 0/0.

    References
    ----------
    Yule (1900), On the association of attributes in statistics.
    Kuncheva & Whitaker (2003), Measures of diversity in classifier ensembles, Machine Learning 51.
    """
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    both, neither = int((correct_a & correct_b).sum()), int((~correct_a & ~correct_b).sum())
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((~correct_a & correct_b).sum())
    total = both * neither + only_a * only_b
    return (both * neither - only_a * only_b) / total if total else float("nan")


def disagreement(correct_a: Bools, correct_b: Bools) -> float:
    """Return the share of samples (0–1) that exactly one of two members gets right.

    References
    ----------
    Skalak (1996), The sources of increased accuracy for two proposed boosting algorithms.
    """
    correct_a, correct_b = correct_pair(correct_a, correct_b)
    return float((correct_a != correct_b).mean()) if len(correct_a) else float("nan")


def double_fault(correct_a: Bools, correct_b: Bools) -> float:
    """Return the share of samples (0–1) that both members get wrong.

    References
    ----------
    Giacinto & Roli (2001), Design of effective neural network ensembles, Image and Vision Computing
    19.
    """
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
