"""Turn a model's predictions into the rows of the predictions table."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.emotions import SENTIMENT
from faceoff.inference import torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import call_with_row_fallback, reason
from faceoff.plugins.protocols import RGB, EmotionModel, Prediction
from faceoff.storage import columns

NO_FACE_IN_CROP = (columns.NO_FACE, "the model found no face in the crop")


def reader(
    model: EmotionModel, classes: Sequence[str]
) -> Callable[[Sequence[RGB]], list[dict[str, Any]]]:
    """Return what reads a batch of crops: the part of each crop's row that the model fills."""

    def read(crops: Sequence[RGB]) -> list[dict[str, Any]]:
        with torch_devices.autocast():
            prediction = model.predict(np.stack(crops))
        return prediction_rows(prediction, model.emotions, classes, NO_FACE_IN_CROP)

    return read


def filled(
    read: Callable[[list[RGB]], Sequence[dict[str, Any]]], crops: list[RGB], clock: Clock
) -> list[dict[str, Any]]:
    """Return what `read` says of each crop; a crop that it cannot read has the state error."""
    return [
        {"success": 0, "state": columns.ERROR, "reason": reason(result)}
        if isinstance(result, Exception)
        else result
        for result in call_with_row_fallback(read, crops, clock)
    ]


def mean_row(rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Any]:
    """Return what several faces of one frame say together: the mean of every number.

    Rows are parts that `prediction_rows` made. Faces that could not be read are left out; where
    none could, the first face's state and reason remain.
    """
    read = [row for row in rows if row.get("success", 1)]
    if len(read) <= 1:
        return dict((read or rows)[0])
    numbers = [
        name
        for name in dict.fromkeys(name for row in read for name in row)
        if name.startswith(("p_", "au_")) or name in columns.DIMENSIONS
    ]
    found: dict[str, Any] = {
        name: float(np.mean([row[name] for row in read if row.get(name) is not None]))
        for name in numbers
    }
    winner = max(classes, key=lambda emotion: found[f"p_{emotion}"], default=None)
    if winner is not None:
        confidence = found[f"p_{winner}"]
        found |= {"emotion": winner, "confidence": confidence, "sentiment": SENTIMENT.get(winner)}
    return found


def prediction_rows(
    prediction: Prediction, own: Sequence[str], classes: Sequence[str], silent: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return the part of each row that the model fills.

    It is the posterior in canonical order, the winner with its confidence and sentiment, valence,
    arousal and action units. Valence and arousal are clipped to -1 ... 1.

    own: the model's classes in its output order; silent: state and reason of a row that the model
    could not evaluate. A model without classes has no posterior, only the rest.
    """
    place = [own.index(emotion) for emotion in classes]
    posterior = np.asarray(prediction.posterior, np.float64)[:, place]
    rows: list[dict[str, Any]] = []
    for index, p in enumerate(posterior):
        if prediction.evaluable is not None and not prediction.evaluable[index]:
            rows.append({"success": 0, "state": silent[0], "reason": silent[1]})
            continue
        if fault := _fault(p) if classes else None:
            rows.append({"success": 0, "state": columns.ERROR, "reason": fault})
            continue
        row: dict[str, Any] = {
            f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)
        }
        if classes:
            winner, confidence = classes[int(p.argmax())], float(p.max())
            row |= {"emotion": winner, "confidence": confidence, "sentiment": SENTIMENT.get(winner)}
        for name, values in (("valence", prediction.valence), ("arousal", prediction.arousal)):
            if values is not None and np.isfinite(values[index]):
                row[name] = float(np.clip(values[index], -1, 1))
        for name, values in prediction.aus.items():
            row[columns.unit_column(name)] = float(values[index])
        rows.append(row)
    return rows


def _fault(p: npt.NDArray[np.float64]) -> str | None:
    """Return why numbers are no probability distribution, None if they are one."""
    if np.isfinite(p).all() and p.min() >= 0 and math.isclose(p.sum(), 1.0, abs_tol=1e-3):
        return None
    return f"not a probability distribution (sum {p.sum():.4g}, min {p.min():.4g})"
