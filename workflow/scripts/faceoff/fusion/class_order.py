"""Check whether a member's classes stand in the order that its card declares (protocol §23).

A wrong label map hides well inside a fusion.
"""

from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.paired_tests import EPSILON, mcnemar

PERMUTATION_GAIN = 0.05
PERMUTATION_P = 0.001


@dataclass(frozen=True)
class ClassOrder:
    """Outcome of the check. permutation[column]: the class that the column should be named.

    gain: of the accuracy, 0–1; p: McNemar's mid-p.
    """

    permutation: tuple[int, ...]
    gain: float
    p: float
    suspicious: bool


def best_class_permutation(truth: Ints, posterior: Floats) -> ClassOrder:
    """Find the best renaming of a member's columns on labelled data (protocol §23).

    By the Hungarian method. The declared order is kept where nothing beats it.

    Parameters
    ----------
    truth
        (n,) class index.
    posterior
        (n, k), rows of NaN where not covered.

    Returns
    -------
    The order; suspicious if it beats the declared one by > 5 points with p < 0.001.

    Raises
    ------
    ValueError
        If the shapes do not fit or there is no sample.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics 2.
    """
    truth, posterior = np.asarray(truth), np.asarray(posterior, dtype=np.float64)
    if posterior.ndim != 2 or truth.shape != posterior.shape[:1] or len(truth) == 0:
        raise ValueError(
            f"truth, posterior: shapes {truth.shape} and {posterior.shape} given, expected (n,) "
            "and (n, k) with n ≥ 1"
        )
    k = posterior.shape[1]
    covered = ~np.isnan(posterior).any(axis=1)
    column = np.where(covered[:, None], posterior, 0.0).argmax(axis=1)
    counts = np.bincount(column[covered] * k + truth[covered], minlength=k * k).reshape(k, k)
    from scipy.optimize import linear_sum_assignment

    renamed = linear_sum_assignment(counts, maximize=True)[1]
    if counts[np.arange(k), renamed].sum() == np.trace(counts):
        renamed = np.arange(k)
    declared_right = covered & (column == truth)
    renamed_right = covered & (renamed[column] == truth)
    gain = float(renamed_right.mean() - declared_right.mean())
    p = mcnemar(renamed_right, declared_right).mid_p
    return ClassOrder(
        tuple(int(name) for name in renamed),
        gain,
        p,
        gain > PERMUTATION_GAIN + EPSILON and p < PERMUTATION_P,
    )
