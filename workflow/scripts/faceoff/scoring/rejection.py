"""Measure the reject option: what a pipeline is worth that may say "not detected" when unsure.

Conventions
-----------
confidence
    (n,) 0–1, probability (or share of votes) of the decision; NaN where a sample is not covered:
    such samples are rejected first.
correct
    (n,) bool, False where not covered.
coverage
    Share of all n samples that are accepted, most confident first; at coverage 1 the not covered
    ones are accepted too, and wrong, so the risk there is 1 − end-to-end accuracy (protocol §10).
risk
    Share of the accepted that are wrong.
ties
    Equal confidences have no order: within them errors are spread evenly, which is the mean over
    all orders.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from faceoff.scoring.records import Curve, Risk
from faceoff.statistics.arrays import Bools, Floats, Labels
from faceoff.statistics.intervals import LEVEL, Interval, clip, cluster_sums

COVERAGES = (0.80, 0.90, 0.95)
POINTS = 100  # of a stored curve


def risks(confidence: Floats, correct: Bools) -> Floats:
    """Return (n,) the risk when the 1, 2, … n most confident samples are accepted.

    Raises
    ------
    ValueError
        If the shapes differ, or a sample without a prediction is marked right.
    """
    confidence, correct = _checked(confidence, correct)
    if not len(confidence):
        return np.empty(0)
    _, level, size = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(level, weights=~correct) / size
    found: Floats = np.repeat(wrong, size).cumsum() / np.arange(1, len(confidence) + 1)
    return found


def aurc(confidence: Floats, correct: Bools) -> float:
    """Return the area under the risk–coverage curve, 0–1, lower is better: the mean of `risks`.

    NaN without samples.

    References
    ----------
    Geifman, Uziel & El-Yaniv (2019), Bias-reduced uncertainty estimation for deep neural
    classifiers, ICLR.
    """
    found = risks(confidence, correct)
    return float(found.mean()) if len(found) else float("nan")


def optimal_aurc(correct: Bools) -> float:
    """Return the AURC of as many errors, all of them less sure than every right answer.

    κ* of Geifman et al. (2019), summed and not approximated. NaN without samples.
    """
    n, errors = len(correct), int((~np.asarray(correct, dtype=bool)).sum())
    return (
        float((np.arange(1, errors + 1) / np.arange(n - errors + 1, n + 1)).sum() / n)
        if n
        else float("nan")
    )


def curve(confidence: Floats, correct: Bools, points: int = POINTS) -> Curve:
    """Return the risk–coverage curve at no more than `points` even steps of coverage."""
    found = risks(confidence, correct)
    n = len(found)
    accepted = (
        np.unique(np.ceil(n * np.arange(1, points + 1) / points).astype(int))
        if n
        else np.empty(0, int)
    )
    return {"coverage": (accepted / max(n, 1)).tolist(), "risk": found[accepted - 1].tolist()}


@dataclass(frozen=True)
class Threshold:
    """Accept confidences ≥ `value`; accepted: (n,).

    Both None where so many samples hold no prediction that the coverage is out of reach.
    """

    value: float | None
    accepted: Bools | None


def threshold(confidence: Floats, coverage: float) -> Threshold:
    """Return the highest threshold that accepts at least this share of all samples.

    Equal confidences are accepted together, so it may be more.
    """
    confidence = np.where(np.isnan(confidence), -np.inf, confidence)
    wanted = int(np.ceil(coverage * len(confidence) - 1e-9))
    if not 0 < wanted <= np.isfinite(confidence).sum():
        return Threshold(None, None)
    value = float(np.sort(confidence)[-wanted])
    return Threshold(value, confidence >= value)


def auroc(
    inliers: Floats, outliers: Floats, people: tuple[Labels, Labels] | None = None
) -> Interval:
    """Return the probability that an inlier is more confident than an outlier, ties counting half.

    Parameters
    ----------
    inliers, outliers
        (n,), (m,) confidences; NaN (not covered) is below everything.
    people
        (n,), (m,) whose each is; None where all are independent.

    Returns
    -------
    Estimate with DeLong's interval, clipped to 0–1: of independent samples, or by subject (the same
    components summed by subject, t with G − 1 degrees of freedom). It needs two of each (two
    subjects). NaN without inliers or outliers.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated
    receiver operating characteristic curves, Biometrics 44.
    Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53.
    """
    inliers, outliers = (
        np.where(np.isnan(values), -np.inf, values) for values in (inliers, outliers)
    )
    n, m = len(inliers), len(outliers)
    if not n or not m:
        return Interval(float("nan"), float("nan"), float("nan"))
    above, below = _share_below(inliers, outliers), 1 - _share_below(outliers, inliers)
    value = float(above.mean())
    if min(n, m) < 2:
        return Interval(value, float("nan"), float("nan"))
    if people is None:
        error = float(np.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m))
        half = float(ndtri((1 + LEVEL) / 2)) * error
    else:
        parts = np.concatenate([(above - value) / n, (below - value) / m])
        sums = cluster_sums(parts, np.concatenate(people))
        groups = len(sums)
        if groups < 2:
            return Interval(value, float("nan"), float("nan"))
        error = float(np.sqrt(groups / (groups - 1) * (sums**2).sum()))
        half = float(stdtrit(groups - 1, (1 + LEVEL) / 2)) * error
    return clip(Interval(value, value - half, value + half), (0.0, 1.0))


def describe(confidence: Floats, correct: Bools) -> Risk:
    """Return n, n_covered, aurc, aurc_optimal, e_aurc and the curve.

    e_aurc is what the order of confidences costs, ≥ 0.
    """
    area, best = aurc(confidence, correct), optimal_aurc(correct)
    return {
        "n": len(correct),
        "n_covered": int((~np.isnan(confidence)).sum()),
        "aurc": area,
        "aurc_optimal": best,
        "e_aurc": max(0.0, area - best) if len(correct) else area,
        "curve": curve(confidence, correct),
    }


# ---------------------------------------------------------------- inside


def _share_below(values: Floats, others: Floats) -> Floats:
    """Return (n,) the share of `others` below each value, equal ones counting half."""
    others = np.sort(others)
    return (
        np.searchsorted(others, values, side="left") + np.searchsorted(others, values, side="right")
    ) / (2 * len(others))


def _checked(confidence: Floats, correct: Bools) -> tuple[Floats, Bools]:
    """Return confidence, with −∞ for NaN, and correctness. Raises ValueError if they do not fit."""
    confidence, correct = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise ValueError(
            f"confidence, correct: shapes {confidence.shape} and {correct.shape} given, expected "
            "(n,) twice"
        )
    missing = np.isnan(confidence)
    if (missing & correct).any():
        raise ValueError("correct: a sample without a prediction is marked right")
    return np.where(missing, -np.inf, confidence), correct
