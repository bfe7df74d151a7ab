"""Stage 4: read the emotion of every frame's face, once per dataset, detector and model."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import SENTIMENT, order
from faceoff.faces.face_crops import BATCH, crop_spec, face_crop, framed
from faceoff.inference import torch_devices
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import (
    call_with_row_fallback,
    load_plugin,
    prefetch,
    reason,
    trained_parameters,
)
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.protocols import ActionUnitModel, Prediction, RecordedModel
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_predictions(
    frames: Path,
    faces: Path,
    output: Path,
    timing: Path,
    job: PredictJob,
    trained: Path | None = None,
) -> None:
    """Write the predictions table: one row per frame, with a posterior where there is a face that the model could read."""
    failed = parquet.failed_files(faces)
    if failed:
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    clock = Clock()
    model = load_plugin(job.plugin, clock, **trained_parameters(trained))
    classes = order(model.emotions)
    # Only `recorded` speaks of samples; the others look at crops.
    rows = (
        _spoken(model, frames, classes)
        if isinstance(model, RecordedModel)
        else _seen(model, frames, faces, classes, job, clock)
    )
    title = f"{job.dataset}: {job.detector} x {job.model}"
    schema = columns.predictions_schema(
        classes, model.aus if isinstance(model, ActionUnitModel) else ()
    )
    parquet.write_rows(output, schema, track(rows, title, parquet.count(frames)))
    clock.write(
        timing,
        stage="predict",
        dataset=job.dataset,
        detector=job.detector,
        model=job.model,
        batch=BATCH,
    )


def _spoken(model: Any, frames: Path, classes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of a model that knows its posteriors by sample and time, whether or not there is a face."""
    for batch in parquet.stream(frames, BATCH, ["sample_id", "frame", "timestamp_s"]):
        for row, result in zip(
            batch,
            _rows(
                model.known(batch),
                model.emotions,
                classes,
                (columns.UNREADABLE, "no recorded prediction"),
            ),
            strict=True,
        ):
            yield {**row, "face_id": 0, "success": 1, "state": columns.OK, **result}


def _seen(
    model: Any,
    frames: Path,
    faces: Path,
    classes: tuple[str, ...],
    job: PredictJob,
    clock: Clock,
) -> Iterator[dict[str, Any]]:
    """Rows of a model that reads the crop of each frame's face."""
    crop = crop_spec(model, job.crop)
    framewise = (face_crop(frame, rows, crop, job.crop) for frame, rows in framed(frames, faces))

    def predict(inputs: list[np.ndarray]) -> list[dict[str, Any]]:
        with torch_devices.autocast():
            prediction = model.predict(np.stack(inputs))
        return _rows(
            prediction,
            model.emotions,
            classes,
            (columns.NO_FACE, "the model found no face in the crop"),
        )

    for pending in prefetch(iter(lambda: list(islice(framewise, BATCH)), [])):
        results = iter(
            call_with_row_fallback(
                predict, [pixels for _, pixels in pending if pixels is not None], clock
            )
        )
        for face, pixels in pending:
            result = next(results) if pixels is not None else {}
            if isinstance(result, Exception):
                result = {"success": 0, "state": columns.ERROR, "reason": reason(result)}
            yield {
                key: face[key]
                for key in (
                    "sample_id",
                    "frame",
                    "timestamp_s",
                    "face_id",
                    "success",
                    "state",
                    "reason",
                )
            } | result


def _rows(
    prediction: Prediction, own: tuple[str, ...], classes: tuple[str, ...], silent: tuple[str, str]
) -> list[dict[str, Any]]:
    """Row fragments of a batch: posterior in canonical order, winner, confidence, sentiment, valence, arousal, action units.

    own: the model's classes in its output order; silent: state and reason of a row that the model could not evaluate.
    """
    posterior = np.asarray(prediction.posterior, np.float64)[
        :, [own.index(emotion) for emotion in classes]
    ]
    rows = []
    for index, p in enumerate(posterior):
        if prediction.evaluable is not None and not prediction.evaluable[index]:
            rows.append({"success": 0, "state": silent[0], "reason": silent[1]})
            continue
        if not np.isfinite(p).all() or p.min() < 0 or not math.isclose(p.sum(), 1.0, abs_tol=1e-3):
            rows.append(
                {
                    "success": 0,
                    "state": columns.ERROR,
                    "reason": f"not a probability distribution (sum {p.sum():.4g}, min {p.min():.4g})",
                }
            )
            continue
        winner = classes[int(p.argmax())]
        row = {f"p_{emotion}": float(value) for emotion, value in zip(classes, p, strict=True)}
        row |= {"emotion": winner, "confidence": float(p.max()), "sentiment": SENTIMENT.get(winner)}
        for name, values in (("valence", prediction.valence), ("arousal", prediction.arousal)):
            if values is not None and np.isfinite(values[index]):
                row[name] = float(np.clip(values[index], -1, 1))
        row |= {
            f"au_{name.removeprefix('AU').lower()}": float(values[index])
            for name, values in prediction.aus.items()
        }
        rows.append(row)
    return rows
