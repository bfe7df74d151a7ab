"""Stage: write the true action units, head poses and gazes of a dataset's faces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import KnownFace, MeasuredDataset
from faceoff.plugins.sample_rows import sample_of
from faceoff.storage import columns, parquet

_KEY = ("sample_id", "frame", "timestamp_s")


def write_true_faces(samples: Path, frames: Path, output: Path, job: DatasetJob) -> None:
    """Write a row for each true face of each frame, the largest first; none where none is shown."""
    opened, _ = open_dataset(job.source, job.class_name, job.options, job.seed)
    dataset: MeasuredDataset = opened
    known = {row["sample_id"]: sample_of(row) for row in parquet.rows(samples)}

    def rows() -> Iterator[dict[str, Any]]:
        for frame in (row for batch in parquet.stream(frames, 256, _KEY) for row in batch):
            if frame["timestamp_s"] is None:  # the last row of a clip that breaks off
                continue
            faces = dataset.true_faces(known[frame["sample_id"]], frame["timestamp_s"])
            for number, face in enumerate(faces):
                yield frame | {"face": number} | _row(face, dataset.units)

    parquet.write_rows(output, columns.true_faces_schema(dataset.units), rows())


def _row(face: KnownFace, units: tuple[str, ...]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip("xywh", face.box, strict=True))
    row |= {columns.unit_column(unit): face.units.get(unit, 0.0) for unit in units}
    if face.pose:
        row |= dict(zip(columns.POSE, face.pose, strict=True))
    if face.gaze:
        row |= dict(zip(columns.GAZE, face.gaze, strict=True))
    return row
