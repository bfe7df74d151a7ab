"""Decide whether a cheaper variant of a model is still that model (protocol §26).

Variants are of reduced precision, quantised, or converted.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from faceoff.scoring.metrics import NO_FACE
from faceoff.statistics.arrays import Ints, Labels
from faceoff.statistics.paired_tests import paired_verdict

LEAST_AGREEMENT = 0.99  # of argmax, over the samples that either covers
MOST_DIFFERENCE = 0.005  # the interval of the accuracies' difference lies inside ± this
MOST_RECALL_LOST = Fraction(
    2, 100
)  # by any class; exact, as the difference of two rounded shares may lie above what was lost


@dataclass(frozen=True)
class Equivalence:
    """The distance of a variant from its original.

    agreement: share of equal predictions, 0–1; difference, low, high: accuracy variant − original;
    recall_lost: the most that a class lost, 0–1; faults: each condition that does not hold, empty
    where the variant may be listed beside the original.
    """

    agreement: float
    difference: float
    low: float
    high: float
    recall_lost: float
    faults: tuple[str, ...]


def equivalence(
    truth: Ints,
    original: Ints,
    variant: Ints,
    clusters: Labels | None = None,
    *,
    seed: int,
) -> Equivalence:
    """Compare a variant with the original on the same samples.

    Parameters
    ----------
    truth
        (n,) class index.
    original, variant
        (n,) predictions, NO_FACE where not covered. A sample that only one covers is no agreement.
    clusters
        (n,) labels; None where samples are independent.
    seed
        Of the paired test.

    Raises
    ------
    ValueError
        If there are no samples, or the shapes differ.
    """
    truth, original, variant = map(np.asarray, (truth, original, variant))
    if not len(truth) or not truth.shape == original.shape == variant.shape:
        raise ValueError(
            f"truth, original, variant: shapes {truth.shape}, {original.shape}, {variant.shape} "
            "given, expected equal ones, not empty"
        )
    either = (original != NO_FACE) | (variant != NO_FACE)
    agreement = float((original == variant)[either].mean()) if either.any() else 1.0
    paired = paired_verdict(variant == truth, original == truth, clusters, seed=seed)
    lost = max(
        _recall(original, truth, label) - _recall(variant, truth, label)
        for label in np.unique(truth)
    )
    inside = (
        paired.low >= -MOST_DIFFERENCE and paired.high <= MOST_DIFFERENCE
    )  # False where there is no interval
    agree = f"predictions agree on {agreement:.2%}, {LEAST_AGREEMENT:.0%} are needed"
    apart = (
        f"the accuracy's difference lies in {100 * paired.low:+.2f} to {100 * paired.high:+.2f} "
        f"points, ±{100 * MOST_DIFFERENCE:g} is allowed"
    )
    recall = (
        f"a class lost {100 * float(lost):.2f} points of recall, "
        f"{100 * float(MOST_RECALL_LOST):g} are allowed"
    )
    conditions = {
        agree: agreement >= LEAST_AGREEMENT,
        apart: inside,
        recall: lost <= MOST_RECALL_LOST,
    }
    return Equivalence(
        agreement,
        paired.difference,
        paired.low,
        paired.high,
        float(lost),
        tuple(fault for fault, holds in conditions.items() if not holds),
    )


def _recall(predicted: Ints, truth: Ints, label: int) -> Fraction:
    """Return the exact recall of a class."""
    return Fraction(int((predicted[truth == label] == label).sum()), int((truth == label).sum()))
