"""Make probabilities ones that can be believed, by the temperature that a run has measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceoff.analysis.summary import values, with_columns
from faceoff.statistics.arrays import Floats
from faceoff.statistics.temperature import temper
from faceoff.storage import files


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model on a dataset (protocol §20), and on what it was fitted."""

    temperature: float
    dataset: str
    detector: str
    fitted_on: str


def read(path: Path, models: Sequence[str]) -> Calibration:
    """Read the score file of a run: scores/DATASET/DETECTOR/MODEL.json.

    Raises ValueError for another file, one of another model than the one that is used, and one
    without a temperature.
    """
    found = files.read_json(path)
    if not isinstance(found, dict) or "model" not in found or found.get("kind") != "cell":
        raise ValueError(f"{path}: no score of a cell, as scores/DATASET/DETECTOR/MODEL.json")
    if list(models) != [found["model"]]:
        raise ValueError(
            f"{path}: the temperature of model {found['model']!r}, but {', '.join(models)} "
            "is used; a fusion of several has no temperature of its own here"
        )
    fitted = found.get("calibration") or {}
    if not fitted.get("temperature"):
        raise ValueError(
            f"{path}: no temperature in it ({found.get('reason') or 'too few samples to fit one'})"
        )
    temperature, on = float(fitted["temperature"]), str(fitted["fitted_on"])
    return Calibration(temperature, str(found["dataset"]), str(found["detector"]), on)


def posteriors(
    table: pa.Table, emotions: Sequence[str], temperature: float | None = None
) -> Floats:
    """Return the probabilities of a table's rows (rows, k), NaN where they are null.

    temperature: by which they are scaled; classes of probability 0 stay 0.
    """
    found = np.column_stack(
        [np.empty((len(table), 0)), *[values(table, f"p_{emotion}") for emotion in emotions]]
    )
    if temperature is None or not found.size:
        return found
    tempered = temper(np.where(found > 0, found, np.nan), temperature)
    return np.where(found == 0, 0.0, tempered)


def with_confidence(table: pa.Table, emotions: Sequence[str], temperature: float) -> pa.Table:
    """Return the table with the calibrated probability of each face's emotion."""
    tempered = posteriors(table, emotions, temperature)
    read = np.isfinite(tempered).all(axis=1)
    highest = np.where(read, np.nan_to_num(tempered).max(axis=1, initial=0.0), np.nan)
    return with_columns(table, {"calibrated_confidence": pa.array(highest, mask=~read)})
