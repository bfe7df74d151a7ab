"""Score a network on held-out data while it is trained."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training.recipe import Measure

_LEAST = 1e-7  # of a probability in the log loss (protocol §11)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The scores of one epoch, over pictures or clips with a face and a label.

    confusion: (k, k) counts, truth by row; ccc: mean concordance of valence and arousal over the
    moments with a face. None is what the data do not have.
    """

    accuracy: float | None = None
    uar: float | None = None
    log_loss: float | None = None
    ccc: float | None = None
    confusion: list[list[int]] | None = None

    def to_record(self) -> dict[str, Any]:
        """Return what there is, as a record of the training holds it."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @property
    def measures(self) -> dict[str, float]:
        """Return the numbers that there are, by name."""
        return {key: value for key, value in self.to_record().items() if key != "confusion"}

    def better_than(self, other: "HeldOut | None", measure: Measure | None) -> bool:
        """Return whether this measure is better; of equal ones the lower log loss is.

        None is the accuracy, or ccc where there are no labels.
        """
        if other is None:
            return True
        mine, theirs = self.measures, other.measures
        measure = measure or ("accuracy" if "accuracy" in mine else "ccc")
        if measure != "log_loss" and mine[measure] != theirs[measure]:
            return mine[measure] > theirs[measure]
        return mine.get("log_loss", 0.0) < theirs.get("log_loss", 0.0)


def held_out(posteriors: Floats, labels: Ints) -> HeldOut:
    """Score posteriors (n, k) against label indices (n,).

    UAR is the mean recall of the classes that have a label.
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
