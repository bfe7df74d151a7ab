"""Join what several models say of one face."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceoff.emotions import SENTIMENT
from faceoff.fusion.means import soft_mean
from faceoff.storage import columns


def answer(said: Sequence[Mapping[str, Any]], emotions: Sequence[str]) -> dict[str, Any]:
    """Return the part of a face's row that the models fill.

    One model's answer stays as it is, to the bit. Several give the soft mean of their
    probabilities, each class over the models that have it, and the mean of every other number over
    the models that measure it. Models that could not read the face are left out; where none could,
    the first one's state and reason remain.
    """
    if not said:
        return {}
    read = [row for row in said if row.get("success", 1)]
    if len(said) == 1 or not read:
        return dict((read or said)[0])
    posteriors = np.array([[[row.get(f"p_{name}", np.nan) for name in emotions]] for row in read])
    posterior = soft_mean(posteriors)[0]
    winner = emotions[int(posterior.argmax())]
    found: dict[str, Any] = {
        f"p_{name}": float(value) for name, value in zip(emotions, posterior, strict=True)
    }
    found |= {
        "emotion": winner,
        "confidence": float(posterior.max()),
        "sentiment": SENTIMENT.get(winner),
    }
    names = dict.fromkeys(name for row in read for name in row)
    for name in names:
        if name.startswith("au_") or name in columns.DIMENSIONS:
            values = [row[name] for row in read if row.get(name) is not None]
            found[name] = float(np.mean(values))
    return found
