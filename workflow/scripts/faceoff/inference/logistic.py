"""Fit and use multinomial logistic regression on features, stored as plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.emotions import order
from faceoff.inference.runtimes import softmax

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A fitted classifier of k emotions from f features.

    mean, std: (f,) by which features are standardised; coef: (k, f); intercept: (k,).
    """

    emotions: tuple[str, ...]
    mean: Floats
    std: Floats
    coef: Floats
    intercept: Floats

    @classmethod
    def fit(cls, x: Floats, labels: Sequence[str], c: float, who: str) -> "Logistic":
        """Learn from features (n, f) and their n labels; c: inverse of the L2 penalty.

        Raises ValueError, which begins with `who`, for fewer than two classes.
        """
        from sklearn.linear_model import LogisticRegression

        classes = order(labels)
        if len(classes) < 2:
            raise ValueError(
                f"{who}: the training data show {len(classes)} classes, two are needed"
            )
        mean, std = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
        target = np.array([classes.index(name) for name in labels])
        regression = LogisticRegression(C=c, max_iter=2000).fit((x - mean) / std, target)
        coef, intercept = regression.coef_, regression.intercept_
        if len(classes) == 2:  # scikit-learn stores one row for two classes
            coef = np.vstack([-coef / 2, coef / 2])
            intercept = np.concatenate([-intercept / 2, intercept / 2])
        return cls(tuple(classes), mean, std, coef, intercept)

    @classmethod
    def of(cls, stored: Mapping[str, npt.NDArray[Any]]) -> "Logistic":
        """Return the classifier of stored arrays."""
        arrays = [stored[name] for name in ("mean", "std", "coef", "intercept")]
        return cls(tuple(map(str, stored["emotions"])), *arrays)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays to store."""
        return {**vars(self), "emotions": np.array(self.emotions)}

    def posterior(self, x: Floats) -> npt.NDArray[np.floating[Any]]:
        """Return (n, k) probabilities of features (n, f)."""
        # Not `@`: the bits of its rows depend on how many there are, and shards cut batches
        # elsewhere.
        logits = np.einsum("nf,kf->nk", (x - self.mean) / self.std, self.coef) + self.intercept
        return softmax(logits)
