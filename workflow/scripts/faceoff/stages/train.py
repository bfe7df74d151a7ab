"""Stage: fit a trainable model to a dataset's faces, as one detector crops them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from faceoff.faces.face_crops import BATCH, crop_spec, face_crop, framed
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.protocols import RGB, Crops, TrainableModel
from faceoff.progress import track
from faceoff.storage import files, parquet


def write_trained(samples: Path, frames: Path, faces: Path, output: Path, job: PredictJob) -> None:
    """Write the fitted parameters as an .npz of plain arrays.

    Samples without a label or a face take no part.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    model: TrainableModel = load_plugin(job.plugin, Clock())
    crop = crop_spec(model, job.crop)
    rows = parquet.rows(samples, ["sample_id", "label"])
    labels = {row["sample_id"]: row["label"] for row in rows}

    def cropped() -> Iterator[tuple[RGB, str]]:
        title = f"{job.dataset}: train {job.model}"
        for frame, found in track(framed(frames, faces), title, parquet.count(frames)):
            label = labels[frame["sample_id"]]
            pixels = face_crop(frame, found, crop, job.crop)[1] if label else None
            if pixels is not None:
                yield pixels, label

    def batches() -> Iterator[tuple[Crops, list[str]]]:
        source = cropped()
        while batch := list(islice(source, BATCH)):
            pixels, labels_of_batch = zip(*batch, strict=True)
            yield np.stack(pixels), list(labels_of_batch)

    arrays = model.fit(batches())
    with files.atomic(output) as scratch, open(scratch, "wb") as file:
        np.savez(file, **arrays)
