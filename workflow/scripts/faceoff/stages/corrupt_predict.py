"""Stage: read the emotion of every frame's face at every severity of a corruption."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from faceoff.emotions import order
from faceoff.faces.crop_rows import frame_row, read_crops
from faceoff.faces.face_crops import BATCH, crop_spec, framed
from faceoff.faces.worse_frames import Way, worse_frames
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, trained_parameters
from faceoff.inference.prediction_rows import reader
from faceoff.plan.corruption_jobs import CorruptPredictJob
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, CropSpec, EmotionModel
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]


def write_corrupted_predictions(
    frames: Path,
    faces: Path,
    again: Path | None,
    output: Path,
    timing: Path,
    job: CorruptPredictJob,
    trained: Path | None = None,
) -> None:
    """Write the predictions on worse pictures: a row for every frame and severity.

    faces: the detector's faces on the clean pictures; again: those that it found on the worse ones,
    None to crop the clean faces. Raises RuntimeError where the faces could not be detected.
    """
    for path in (faces, again):
        if path is not None and parquet.failed_files(path):
            raise RuntimeError(f"face detection failed: {next(parquet.rows(path))['reason']}")
    clock = Clock()
    model: EmotionModel = load_plugin(job.predict.plugin, clock, **trained_parameters(trained))
    classes = order(model.emotions)
    made = job.worsening
    way = Way.of(made.kind, made.levels, made.options, made.seed, job.box)
    crop = crop_spec(model, job.predict.crop)
    framewise = _crops(frames, faces, again, way, crop, job.predict.crop)
    count = len(made.levels)
    rows = (
        {**frame_row(parts, classes), "severity": place % count + 1}
        for place, parts in enumerate(read_crops(framewise, reader(model, classes), clock))
    )
    title = f"{job.predict.dataset}, {made.name}: {job.predict.detector} x {job.predict.model}"
    schema = columns.with_severity(columns.predictions_schema(classes))
    parquet.write_rows(output, schema, track(rows, title, parquet.count(frames) * count))
    clock.write(
        timing,
        stage="corrupt_predict",
        dataset=job.predict.dataset,
        detector=job.predict.detector,
        model=job.predict.model,
        batch=BATCH,
    )


def _crops(
    frames: Path, faces: Path, again: Path | None, way: Way, crop: CropSpec, job: CropJob
) -> Iterator[list[tuple[Row, RGB | None]]]:
    """Yield, for each frame and severity, its face rows with their crops."""
    found = None if again is None else _faces_again(again)
    for frame, versions in worse_frames(framed(frames, faces), way):
        for worse in versions:
            rows, own = worse.faces, (frame["sample_id"], frame["frame"], worse.severity)
            if found is not None:
                place, rows = next(found, (None, []))
                if place != own:
                    raise ValueError(
                        f"{again} does not belong to {frames}: {place} stands where {own} should"
                    )
            yield worse.crops(frame, rows, crop, job)


def _faces_again(again: Path) -> Iterator[tuple[tuple[str, int, int], list[Row]]]:
    grouped = groupby(
        parquet.rows(again), lambda row: (row["sample_id"], row["frame"], row["severity"])
    )
    return ((place, list(rows)) for place, rows in grouped)
