"""Stage: write what a model's last layer reads of every frame's face, for networks over time."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceoff.faces.crop_rows import Row, crop_rows
from faceoff.faces.face_crops import BATCH, crop_spec
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, trained_parameters
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.protocols import RGB, EmbeddingModel
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_features(
    frames: Path,
    faces: Path,
    output: Path,
    timing: Path,
    job: PredictJob,
    trained: Path | None = None,
) -> None:
    """Write the features table: one row per frame, with an embedding if it has a face.

    Of several faces it is the largest, where the policy is `all`. Raises RuntimeError if the
    detection failed.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    clock = Clock()
    model: EmbeddingModel = load_plugin(job.plugin, clock, **trained_parameters(trained))

    def embed(inputs: Sequence[RGB]) -> list[Row]:
        return [{"embedding": row.tolist()} for row in model.embed(np.stack(inputs))]

    one = replace(job.crop, policy="largest" if job.crop.policy == "all" else job.crop.policy)
    rows = (row for (row,) in crop_rows(frames, faces, crop_spec(model, one), one, embed, clock))
    title = f"{job.dataset}: {job.detector}, features of {job.model}"
    parquet.write_rows(output, columns.FEATURES, track(rows, title, parquet.count(frames)))
    clock.write(
        timing,
        stage="embed",
        dataset=job.dataset,
        detector=job.detector,
        model=job.model,
        batch=BATCH,
    )
