"""Check that there is enough to learn: two classes at least, and what no example shows."""

import sys
from collections.abc import Sequence

import numpy as np

from faceoff.statistics.arrays import Ints
from faceoff.training.loop import TrainingError


def class_counts(labels: Ints, classes: Sequence[str]) -> dict[str, int]:
    """Return how many labels (n,) each class has; −1 is no label."""
    counts = np.bincount(labels[labels >= 0], minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def check_classes(
    learnt: Ints, judged: Ints, classes: Sequence[str], data: str, validation: str, what: str
) -> None:
    """Raise TrainingError where there is nothing to learn; print what is too little.

    learnt, judged: (n,) labels of the training and of the validation; data, validation: the names
    of the datasets; what: they are labels of.
    """
    counts = class_counts(learnt, classes)
    there = [name for name, count in counts.items() if count]
    if len(there) < 2:
        raise TrainingError(
            f"{data}: its {sum(counts.values())} {what} show {' and '.join(there)} only: two "
            "classes are needed; look at the labels and at training.classes"
        )
    absent = [name for name, count in counts.items() if not count]
    if absent:
        print(f"{data}: no {what} of {', '.join(absent)}", file=sys.stderr)
    shown = class_counts(judged, classes)
    unseen = sorted(name for name in absent if shown[name])
    if unseen:
        print(f"{validation}: {', '.join(unseen)} cannot be learnt here", file=sys.stderr)
