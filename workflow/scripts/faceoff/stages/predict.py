"""Stage 4: read the emotion of every frame's face, once per dataset, detector and model."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceoff.emotions import order
from faceoff.faces.crop_rows import crop_rows, frame_row
from faceoff.faces.face_crops import BATCH, crop_spec
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, trained_parameters
from faceoff.inference.prediction_rows import prediction_rows, reader
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.protocols import ActionUnitModel, EmotionModel, RecordedModel
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]
_KEY = ("sample_id", "frame", "timestamp_s")
_NOT_RECORDED = (columns.UNREADABLE, "no recorded prediction")


def write_predictions(
    frames: Path,
    faces: Path,
    output: Path,
    timing: Path,
    job: PredictJob,
    trained: Path | None = None,
) -> None:
    """Write the predictions table: one row per frame.

    A row has a posterior if its frame has a face that the model could read.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    clock = Clock()
    model = load_plugin(job.plugin, clock, **trained_parameters(trained))
    classes = order(model.emotions)
    # Only `recorded` knows predictions by sample; all other models read crops.
    rows = (
        _recorded_rows(model, frames, classes)
        if isinstance(model, RecordedModel)
        else _crop_rows(model, frames, faces, classes, job, clock)
    )
    title = f"{job.dataset}: {job.detector} x {job.model}"
    units = model.aus if isinstance(model, ActionUnitModel) else ()
    schema = columns.predictions_schema(classes, units)
    if isinstance(model, RecordedModel) and model.notes:
        for note in model.notes:
            print(f"{title}: {note}", file=sys.stderr)
        schema = parquet.with_notes(schema, model.notes)
    parquet.write_rows(output, schema, track(rows, title, parquet.count(frames)))
    clock.write(
        timing,
        stage="predict",
        dataset=job.dataset,
        detector=job.detector,
        model=job.model,
        batch=BATCH,
    )


def _recorded_rows(model: RecordedModel, frames: Path, classes: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a model that knows its posteriors by sample and time, face or not."""
    for batch in parquet.stream(frames, BATCH, _KEY):
        results = prediction_rows(model.known(batch), model.emotions, classes, _NOT_RECORDED)
        for row, result in zip(batch, results, strict=True):
            if result.get("state") == columns.ERROR:
                result["reason"] = model.fault(row)
            yield {**row, "face_id": 0, "success": 1, "state": columns.OK, **result}


def _crop_rows(
    model: EmotionModel,
    frames: Path,
    faces: Path,
    classes: Sequence[str],
    job: PredictJob,
    clock: Clock,
) -> Iterator[Row]:
    """Yield the rows of a model that reads the crop of each frame's face, or of all its faces."""
    crop = crop_spec(model, job.crop)
    for parts in crop_rows(frames, faces, crop, job.crop, reader(model, classes), clock):
        yield frame_row(parts, classes)
