"""Stage: fit a trainable model to a dataset's faces, as one detector crops them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from faceoff.faces.face_crops import BATCH, crop_spec
from faceoff.faces.labelled_faces import labelled_faces
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plan.jobs import PredictJob
from faceoff.plugins.protocols import Crops, TrainableModel
from faceoff.storage import files


def write_trained(samples: Path, frames: Path, faces: Path, output: Path, job: PredictJob) -> None:
    """Write the fitted parameters as an .npz of plain arrays.

    Samples without a label or a face take no part.
    """
    model: TrainableModel = load_plugin(job.plugin, Clock())
    title = f"{job.dataset}: train {job.model}"
    crop = crop_spec(model, job.crop)

    def batches() -> Iterator[tuple[Crops, list[str]]]:
        found = labelled_faces(samples, frames, faces, crop, job.crop, title)
        pairs = ((face.crop, face.sample["label"]) for face in found if face.crop is not None)
        while batch := list(islice(pairs, BATCH)):
            yield np.stack([pixels for pixels, _ in batch]), [label for _, label in batch]

    arrays = model.fit(batches())
    with files.atomic(output) as scratch, open(scratch, "wb") as file:
        np.savez(file, **arrays)
