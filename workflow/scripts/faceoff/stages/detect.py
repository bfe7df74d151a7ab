"""Stage 3: find the faces of every frame, once per dataset and detector."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from faceoff.faces.detection_view import (
    BATCH,
    Found,
    View,
    clipped,
    detect,
    face_rows,
    in_memory,
    view_of,
)
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import call_with_row_fallback, load_plugin, prefetch
from faceoff.media.images import image_of
from faceoff.plan.jobs import DetectJob
from faceoff.plugins.protocols import FaceDetector, KnownFaces
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]


def write_faces(frames: Path, output: Path, timing: Path, job: DetectJob) -> None:
    """Write the faces table: one row per face, and one for every frame without a face."""
    clock = Clock()
    detector = load_plugin(job.plugin, clock)
    card = job.plugin.card
    title = f"{job.dataset}: faces by {job.detector}"
    with parquet.Writer(output, columns.FACES) as writer:
        # Only `given` knows faces from the rows; all other detectors look at the pictures.
        batches = (
            _known(detector, frames, clock)
            if isinstance(detector, KnownFaces)
            else _seen(detector, frames, job, clock)
        )
        for batch, faces in track(batches, title, math.ceil(parquet.count(frames) / BATCH)):
            found = iter(faces)
            for frame in batch:
                seen = next(found) if frame["state"] == columns.OK else None
                for row in face_rows(frame, seen, card):
                    writer.write(row)
    clock.write(timing, stage="detect", dataset=job.dataset, detector=job.detector, batch=BATCH)


def _readable(frames: Sequence[Row]) -> list[Row]:
    return [frame for frame in frames if frame["state"] == columns.OK]


def _known(
    detector: KnownFaces, frames: Path, clock: Clock
) -> Iterator[tuple[list[Row], list[Found]]]:
    """Yield batches of frame rows with the faces that a detector knows in the readable ones."""
    for batch in parquet.stream(frames, BATCH):
        readable = _readable(batch)
        found = call_with_row_fallback(detector.known, readable, clock)
        yield (
            batch,
            [
                faces
                if isinstance(faces, Exception)
                else [
                    clipped(face, frame["width"] or math.inf, frame["height"] or math.inf)
                    for face in faces
                ]
                for frame, faces in zip(readable, found, strict=True)
            ],
        )


def _seen(
    detector: FaceDetector, frames: Path, job: DetectJob, clock: Clock
) -> Iterator[tuple[list[Row], list[Found]]]:
    """Yield batches of frame rows with the faces that a detector finds in the readable ones.

    Faces are in pixels of the frame. A frame on which the detector fails has its exception instead.
    """

    def views() -> Iterator[tuple[list[Row], list[View | Exception]]]:
        rows = (row for batch in parquet.stream(frames, BATCH) for row in batch)
        for batch in in_memory(rows):
            yield (
                batch,
                [
                    view_of(partial(image_of, frame), job.upscale, job.pad)
                    for frame in _readable(batch)
                ],
            )

    for batch, seen in prefetch(views()):
        yield batch, detect(detector, seen, clock)
