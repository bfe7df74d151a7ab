"""Stage: fit a trainable model on a dataset's faces as one detector crops them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceoff.faces.face_crops import BATCH, crop_spec, face_crop, framed
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plan.jobs import PredictJob
from faceoff.progress import track
from faceoff.storage import files, parquet


def write_trained(samples: Path, frames: Path, faces: Path, output: Path, job: PredictJob) -> None:
    """Write the fitted parameters as an .npz of plain arrays. Samples without a label or a face do not take part."""
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    model = load_plugin(job.plugin, Clock())
    crop = crop_spec(model, job.crop)
    labels = dict(
        zip(
            *parquet.read(samples, columns=["sample_id", "label"]).to_pydict().values(), strict=True
        )
    )

    def batches() -> Iterator[tuple[np.ndarray, list[str]]]:
        found: list[tuple[np.ndarray, str]] = []
        for frame, rows in track(
            framed(frames, faces),
            f"{job.dataset}: train {job.model}",
            parquet.count(frames),
        ):
            label = labels[frame["sample_id"]]
            pixels = face_crop(frame, rows, crop, job.crop)[1] if label else None
            if pixels is not None:
                found.append((pixels, label))
            if len(found) == BATCH:
                yield np.stack([pixels for pixels, _ in found]), [label for _, label in found]
                found.clear()
        if found:
            yield np.stack([pixels for pixels, _ in found]), [label for _, label in found]

    arrays = model.fit(batches())
    with files.atomic(output) as scratch, open(scratch, "wb") as file:
        np.savez(file, **arrays)
