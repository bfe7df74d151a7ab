"""Stage 3: find the faces of every frame, once per dataset and detector."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from faceoff.faces.detection_view import BATCH, Found, View, clipped, postprocess
from faceoff.inference.clock import Clock
from faceoff.inference.hardware import is_of_the_machine
from faceoff.inference.plugin_job import call_with_row_fallback, load_plugin, prefetch, reason
from faceoff.media.images import DecodeError, image_of
from faceoff.plan.jobs import DetectJob
from faceoff.plugins.protocols import FaceDetector, KnownFaces
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]
# Decoded pictures of a batch, two of which are in memory: 400 MB. Sixteen of 4K are below it.
BATCH_PIXELS = 2**27
_KEY = ("sample_id", "frame", "timestamp_s")


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
                _write(writer, frame, next(found) if frame["state"] == columns.OK else None, card)
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


def _in_memory(frames: Path) -> Iterator[list[Row]]:
    """Yield frame rows in batches of at most BATCH, whose pictures have at most BATCH_PIXELS.

    A picture that is larger is a batch of its own.
    """
    for rows in parquet.stream(frames, BATCH):
        batch: list[Row] = []
        pixels = 0
        for row in rows:
            size = (row["width"] or 0) * (row["height"] or 0)
            if size and batch and pixels + size > BATCH_PIXELS:
                yield batch
                batch, pixels = [], 0
            batch.append(row)
            pixels += size
        yield batch


def _seen(
    detector: FaceDetector, frames: Path, job: DetectJob, clock: Clock
) -> Iterator[tuple[list[Row], list[Found]]]:
    """Yield batches of frame rows with the faces that a detector finds in the readable ones.

    Faces are in pixels of the frame. A frame on which the detector fails has its exception instead.
    """

    def view_of(frame: Row) -> View | Exception:
        try:
            return View.of(image_of(frame), job.upscale, job.pad)
        except (DecodeError, cv2.error) as error:
            if is_of_the_machine(error):
                raise
            return error

    def views() -> Iterator[tuple[list[Row], list[View | Exception]]]:
        for batch in _in_memory(frames):
            yield batch, [view_of(frame) for frame in _readable(batch)]

    for batch, seen in prefetch(views()):
        images = [view.image for view in seen if isinstance(view, View)]
        found = iter(call_with_row_fallback(detector.detect, images, clock))
        yield batch, [_found(view, found) for view in seen]


def _found(view: View | Exception, found: Iterator[Found]) -> Found:
    """Return the next detections in pixels of the frame, or the exception that came of it."""
    if isinstance(view, Exception):
        return view
    faces = next(found)
    return faces if isinstance(faces, Exception) else view.found(faces)


def _write(
    writer: parquet.Writer, frame: Row, found: Found | None, card: Mapping[str, Any]
) -> None:
    """Write the rows of one frame. found: None for a frame that cannot be read."""
    row = {key: frame[key] for key in _KEY} | {"face_id": -1, "n_faces": 0, "success": 0}
    if found is None:
        writer.write(row | {"state": frame["state"], "reason": frame["reason"]})
        return
    if isinstance(found, Exception):
        writer.write(row | {"state": columns.ERROR, "reason": reason(found)})
        return
    faces = postprocess(found, card)
    if not faces:
        writer.write(row | {"state": columns.NO_FACE, "reason": "no face found"})
    for number, face in enumerate(faces):
        x, y, w, h = face.box
        landmarks = None if face.landmarks is None else [float(v) for v in face.landmarks.ravel()]
        writer.write({
            **row,
            "face_id": number, "n_faces": len(faces), "success": 1, "state": columns.OK,
            "x": x, "y": y, "w": w, "h": h, "score": face.score, "landmarks": landmarks,
        })  # fmt: skip
