"""Score action units (protocol §49).

Conventions
-----------
truth, predicted
    (n,) intensities 0–5, one per frame whose truth shows a face. predicted is NaN where no face was
    found or read: such a unit counts as absent, and is not covered.
units
    (n,) labels of what is resampled whole: the subject, else the clip.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.scoring import metrics
from faceoff.statistics.arrays import Bools, Floats, Labels
from faceoff.statistics.bootstrap import bootstrap_t

PRESENT = 2.0  # a unit is there from this true intensity on
NAN = float("nan")


def presence(
    truth: Floats, predicted: Floats, threshold: float, units: Labels, seed: int
) -> dict[str, Any]:
    """Return how well frames with the unit are told from frames without.

    Parameters
    ----------
    truth, predicted, units
        As above.
    threshold
        Predicted intensity from which the unit counts as there; from the card, never chosen here.
    seed
        Of the bootstrap.

    Returns
    -------
    `n`, `positives`, `base_rate` π; `f1` over all frames with its interval (`f1_low`, `f1_high`,
    bootstrap-t on the units' counts) and `covered_f1`, NaN without a true positive;
    `always_positive` 2π/(1+π), the F1 of saying "there" every time; `mcc`; `pr_auc`, the average
    precision of the intensity.
    """
    there, said = truth >= PRESENT, np.nan_to_num(predicted, nan=-np.inf) >= threshold
    covered = np.isfinite(predicted)
    rate = float(there.mean()) if len(there) else NAN
    owner = np.unique(units, return_inverse=True)[1]
    counts = np.zeros((owner.max() + 1 if len(owner) else 0, 3))
    np.add.at(counts, owner, np.column_stack([there & said, ~there & said, there & ~said]))
    interval = (
        bootstrap_t(_f1_of_counts, counts, seed=seed, bounds=(0.0, 1.0)) if there.any() else None
    )
    return {
        "n": len(truth),
        "positives": int(there.sum()),
        "base_rate": rate,
        "f1": f1(there, said),
        "f1_low": interval.low if interval else NAN,
        "f1_high": interval.high if interval else NAN,
        "covered_f1": f1(there[covered], said[covered]),
        "always_positive": 2 * rate / (1 + rate) if there.any() else NAN,
        "mcc": mcc(there, said),
        "pr_auc": average_precision(there, np.nan_to_num(predicted, nan=-np.inf)),
    }


def intensity(truth: Floats, predicted: Floats) -> dict[str, float]:
    """Return how well intensities agree over the covered frames: `icc`, `pearson`, `mae`."""
    covered = np.isfinite(predicted)
    t, p = truth[covered], predicted[covered]
    return {
        "icc": icc(t, p),
        "pearson": metrics.pearson(t, p),
        "mae": float(np.abs(t - p).mean()) if len(t) else NAN,
    }


def macro(of_units: Mapping[str, Mapping[str, Any]], all_units: list[str]) -> dict[str, Any]:
    """Return the two macro means of F1; units without a true positive are left out of both.

    `macro_f1_common`: over the units that dataset and signal both have; `macro_f1_all`: over the
    dataset's, where one that the signal lacks counts 0.

    Parameters
    ----------
    of_units
        Unit -> what `presence` returned, of the common units.
    all_units
        The units of the dataset that some frame shows.
    """
    found = [of_units[unit]["f1"] if unit in of_units else 0.0 for unit in all_units]
    common = [of_units[unit]["f1"] for unit in all_units if unit in of_units]
    return {
        "units_common": len(common),
        "macro_f1_common": float(np.mean(common)) if common else NAN,
        "units_all": len(found),
        "macro_f1_all": float(np.mean(found)) if found else NAN,
    }


def f1(truth: Bools, said: Bools) -> float:
    """Return 2TP / (2TP + FP + FN) of (n,) bools; NaN where the truth has no positive."""
    if not truth.any():
        return NAN
    return float(2 * (truth & said).sum() / (truth.sum() + said.sum()))


def _f1_of_counts(totals: Floats) -> Floats:
    """Return F1 (R,) of summed true positives, false positives and false negatives (R, 3)."""
    hits, alarms, misses = totals.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(hits + misses > 0, 2 * hits / (2 * hits + alarms + misses), np.nan)


def mcc(truth: Bools, said: Bools) -> float:
    """Return Matthews' correlation of (n,) bools; NaN where one of them is constant.

    References
    ----------
    Matthews (1975), Comparison of the predicted and observed secondary structure of T4 phage
    lysozyme, BBA 405.
    """
    return metrics.pearson(truth.astype(np.float64), said.astype(np.float64))


def average_precision(truth: Bools, scores: Floats) -> float:
    """Return Σ (R_k − R_{k−1}) P_k over the thresholds k; NaN without a true positive.

    truth, scores: (n,); equal scores are one threshold. No face scores below everything.
    """
    if not truth.any():
        return NAN
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(scores[order][1:] != scores[order][:-1]), len(scores) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def icc(truth: Floats, predicted: Floats) -> float:
    """Return ICC(3,1) of two raters of n frames: (BMS − EMS) / (BMS + EMS).

    NaN below two frames or where the truth is constant.

    References
    ----------
    Shrout & Fleiss (1979), Intraclass correlations: uses in assessing rater reliability,
    Psychological Bulletin 86.
    """
    n = len(truth)
    if n < 2 or np.ptp(truth) == 0:
        return NAN
    both = np.column_stack([truth, predicted])
    rows = both - both.mean(axis=1, keepdims=True)
    between = 2 * float(((both.mean(axis=1) - both.mean()) ** 2).sum()) / (n - 1)
    # What remains beside the raters' own means; two raters have n − 1 degrees of freedom.
    error = float(((rows - rows.mean(axis=0)) ** 2).sum()) / (n - 1)
    return (between - error) / (between + error)
