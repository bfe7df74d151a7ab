"""Is a cheaper variant of a model (reduced precision, quantised, converted) still that model? Protocol §26."""

from dataclasses import dataclass

import numpy as np

from faceoff.metrics import NO_FACE
from faceoff.stats import paired_verdict

LEAST_AGREEMENT = 0.99  # of argmax, over the samples that both cover
MOST_DIFFERENCE = 0.005  # the interval of the accuracies' difference lies inside ± this
MOST_RECALL_LOST = 0.02  # by any class


@dataclass(frozen=True)
class Equivalence:
    """agreement, 0–1: share of equal predictions; difference, low, high: accuracy variant − original; recall_lost: the most that a class lost, 0–1.

    `faults` names each condition that does not hold; empty where the variant may be listed beside the original.
    """

    agreement: float
    difference: float
    low: float
    high: float
    recall_lost: float
    faults: tuple[str, ...]


def equivalence(truth: np.ndarray, original: np.ndarray, variant: np.ndarray, clusters: np.ndarray | None = None, *, seed: int) -> Equivalence:
    """Compare a variant with the original on the same samples.

    truth: (n,) class index; original, variant: (n,) predictions, NO_FACE where not covered. A sample that only one covers is no agreement.
    Raises ValueError without samples or with other shapes.
    """
    truth, original, variant = map(np.asarray, (truth, original, variant))
    if not len(truth) or not truth.shape == original.shape == variant.shape:
        raise ValueError(f"truth, original, variant: shapes {truth.shape}, {original.shape}, {variant.shape} given, expected equal ones, not empty")
    either = (original != NO_FACE) | (variant != NO_FACE)
    agreement = float((original == variant)[either].mean()) if either.any() else 1.0
    paired = paired_verdict(variant == truth, original == truth, clusters, seed=seed)
    lost = max(float((original[of] == label).mean() - (variant[of] == label).mean()) for label in np.unique(truth) for of in [truth == label])
    inside = paired.low >= -MOST_DIFFERENCE and paired.high <= MOST_DIFFERENCE  # False where there is no interval
    conditions = {
        f"predictions agree on {agreement:.2%}, {LEAST_AGREEMENT:.0%} are needed": agreement >= LEAST_AGREEMENT,
        f"the accuracy's difference lies in {100 * paired.low:+.2f} to {100 * paired.high:+.2f} points, ±{100 * MOST_DIFFERENCE:g} is allowed": inside,
        f"a class lost {100 * lost:.1f} points of recall, {100 * MOST_RECALL_LOST:g} are allowed": lost <= MOST_RECALL_LOST,
    }
    return Equivalence(agreement, paired.difference, paired.low, paired.high, lost, tuple(fault for fault, holds in conditions.items() if not holds))
