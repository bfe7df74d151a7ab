"""Test whether two pipelines differ in a score of the confusion matrix: UAR, macro-F1 (§37).

truth: (n,) class index; predicted_a, predicted_b: (n,) class index, -1 where not covered.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from faceoff.statistics.arrays import Floats, Ints, Labels
from faceoff.statistics.bootstrap import Score, cell_counts, jackknife
from faceoff.statistics.intervals import LEAST_CLUSTERS, LEVEL, NO_SPREAD


@dataclass(frozen=True)
class ScoreDifference:
    """The score of A minus that of B. low, high: NaN and p: None where there is no test."""

    difference: float
    low: float
    high: float
    p: float | None
    test: str


def paired_recall(
    truth: Ints, predicted_a: Ints, predicted_b: Ints, k: int, level: float = LEVEL
) -> ScoreDifference:
    """Test the difference of two balanced accuracies (UAR) on independent samples.

    Within each class the difference of recalls is that of two paired shares, so that its variance
    is [(b + c) − (b − c)² / n] / n²; the k classes are independent.

    Parameters
    ----------
    truth, predicted_a, predicted_b
        (n,).
    k
        Number of classes.
    level
        Coverage, such as 0.95.

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical methods for rates and proportions, chapter 13.
    """
    name = "z of paired recalls"
    a, b = (predicted == truth for predicted in (predicted_a, predicted_b))
    n = np.bincount(truth, minlength=k).astype(float)
    only_a, only_b = (np.bincount(truth[only], minlength=k)[n > 0] for only in (a & ~b, b & ~a))
    n = n[n > 0]
    if not len(n):
        return _untested(float("nan"), name)
    difference = float(((only_a - only_b) / n).mean())
    variance = (((only_a + only_b) - (only_a - only_b) ** 2 / n) / n**2).sum() / len(n) ** 2
    error = float(np.sqrt(max(variance, 0.0)))
    if error <= NO_SPREAD:
        return _untested(difference, name)
    half = float(ndtri((1 + level) / 2)) * error
    p = float(2 * ndtr(-abs(difference) / error))
    return ScoreDifference(difference, difference - half, difference + half, p, name)


def paired_score(
    score: Score,
    truth: Ints,
    predicted_a: Ints,
    predicted_b: Ints,
    k: int,
    clusters: Labels | None = None,
    level: float = LEVEL,
) -> ScoreDifference:
    """Test the difference of two scores of the confusion matrix by the jackknife's t.

    Parameters
    ----------
    score
        Vectorised: confusion matrices (..., k, k+1) -> (...), such as `metrics.macro_f1_of`.
    truth, predicted_a, predicted_b
        (n,).
    k
        Number of classes.
    clusters
        (n,) labels that are left out whole; None: samples are left out singly.
    level
        Coverage, such as 0.95.

    Returns
    -------
    The difference; without a test below six clusters (or samples).

    References
    ----------
    Tukey (1958), Bias and confidence in not quite large samples, Annals of Mathematical Statistics
    29. Efron (1982), The jackknife, the bootstrap and other resampling plans.
    """
    name = "jackknife t" if clusters is None else "jackknife t over clusters"
    if not len(truth):
        return _untested(float("nan"), name)
    shape = (k, k + 1, k + 1)
    a, b = (np.where(predicted < 0, k, predicted) for predicted in (predicted_a, predicted_b))
    cell = np.ravel_multi_index((truth, a, b), shape)
    kinds, of_sample = np.unique(cell, return_inverse=True)
    units, copies = cell_counts(of_sample, len(kinds), clusters)
    place = np.unravel_index(kinds, shape)

    def differences(totals: Floats) -> Floats:
        confusions = np.zeros((2, len(totals), k, k + 1))
        for side, answered in enumerate(place[1:]):
            for column, (label, answer) in enumerate(zip(place[0], answered, strict=True)):
                confusions[side, :, label, answer] += totals[:, column]
        made_a, made_b = score(confusions)
        result: Floats = made_a - made_b
        return result

    difference, error, count = jackknife(differences, units, copies)
    if count < LEAST_CLUSTERS or not error > NO_SPREAD:
        return _untested(difference, name)
    half = float(stdtrit(count - 1, (1 + level) / 2)) * error
    p = float(2 * stdtr(count - 1, -abs(difference) / error))
    return ScoreDifference(difference, difference - half, difference + half, p, name)


def _untested(difference: float, name: str) -> ScoreDifference:
    """Return a difference without a test."""
    return ScoreDifference(difference, float("nan"), float("nan"), None, name)
