"""Score a network on held-out pictures while it is trained."""

from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training.recipe import Measure

_LEAST = 1e-7  # of a probability in the log loss (protocol §11)


@dataclass(frozen=True)
class HeldOut:
    """The scores of one epoch, over pictures with a face and a label.

    confusion: (k, k) counts, truth by row.
    """

    accuracy: float
    uar: float
    log_loss: float
    confusion: list[list[int]]

    def better_than(self, other: "HeldOut | None", measure: Measure) -> bool:
        """Return whether this measure is better; of equal ones the lower log loss is."""
        if other is None:
            return True
        if measure == "log_loss" or getattr(self, measure) == getattr(other, measure):
            return self.log_loss < other.log_loss
        return bool(getattr(self, measure) > getattr(other, measure))


def held_out(posteriors: Floats, labels: Ints) -> HeldOut:
    """Score posteriors (n, k) against label indices (n,).

    UAR is the mean recall of the classes that have a picture.
    """
    k = posteriors.shape[1]
    confusion = np.zeros((k, k), int)
    np.add.at(confusion, (labels, posteriors.argmax(axis=1)), 1)
    counts = confusion.sum(axis=1)
    recalls = np.diagonal(confusion)[counts > 0] / counts[counts > 0]
    right = posteriors[np.arange(len(labels)), labels]
    return HeldOut(
        accuracy=float(np.trace(confusion) / len(labels)),
        uar=float(recalls.mean()),
        log_loss=float(-np.log(np.clip(right, _LEAST, 1.0)).mean()),
        confusion=confusion.tolist(),
    )
