"""Stage: let a network over time read the frames of every clip, in their order."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceoff.emotions import order
from faceoff.faces.frame_inputs import Row, inputs_of_clips
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, trained_parameters
from faceoff.inference.prediction_rows import prediction_rows
from faceoff.plan.jobs import PredictClipsJob
from faceoff.plugins.protocols import ClipModel
from faceoff.progress import track
from faceoff.storage import columns, parquet

_NO_NUMBERS = (columns.ERROR, "a number that the network reads is missing")


def write_clip_predictions(
    features: Path, output: Path, timing: Path, job: PredictClipsJob, trained: Path
) -> None:
    """Write the predictions table: one row per frame, each clip read as a whole.

    features: what is read of each frame: a table of features or of predictions. A frame without it
    keeps its state and reason. Raises RuntimeError if the table could not be made.
    """
    if parquet.failed_files(features):
        raise RuntimeError(f"reading the frames failed: {next(parquet.rows(features))['reason']}")
    clock = Clock()
    model: ClipModel = load_plugin(job.plugin, clock, **trained_parameters(trained))
    classes = order(model.emotions)

    def rows() -> Iterator[Row]:
        for found, inputs in inputs_of_clips(features, model.inputs):
            times = np.array([row["timestamp_s"] for row in found], float)
            start = time.perf_counter()
            prediction = model.predict(inputs, times)
            seconds = time.perf_counter() - start
            clock.compute_s += seconds
            clock.items += len(found)
            clock.batches.append((len(found), seconds))
            answers = prediction_rows(prediction, model.emotions, classes, _NO_NUMBERS)
            for row, answer in zip(found, answers, strict=True):
                yield row | answer if row["success"] == 1 else row

    title = f"{job.dataset}: {job.detector} x {job.model}"
    schema = columns.predictions_schema(classes)
    parquet.write_rows(output, schema, track(rows(), title, parquet.count(features)))
    clock.write(
        timing, stage="predict", dataset=job.dataset, detector=job.detector, model=job.model
    )
