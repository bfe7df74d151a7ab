"""Stage: find the faces of every frame again, at every severity of a corruption."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceoff.faces.detection_view import (
    BATCH,
    BATCH_PIXELS,
    View,
    detect,
    face_rows,
    view_of,
)
from faceoff.faces.face_crops import framed
from faceoff.faces.worse_frames import Way, Worse, worse_frames
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin, prefetch
from faceoff.plan.corruption_jobs import CorruptDetectJob
from faceoff.plan.jobs import DetectJob
from faceoff.plugins.protocols import RGB, Face
from faceoff.progress import track
from faceoff.storage import columns, parquet

Row = dict[str, Any]
_Item = tuple[Row, Worse, View | Exception | None]


def write_corrupted_faces(
    frames: Path, faces: Path, output: Path, timing: Path, job: CorruptDetectJob
) -> None:
    """Write the faces on worse pictures: rows for every frame and severity, in pixels of the frame.

    faces: the detector's faces on the clean pictures, by whose size and place corruptions go.
    Raises RuntimeError where these could not be detected.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    clock = Clock()
    detector = load_plugin(job.detect.plugin, clock)
    made = job.worsening
    way = Way.of(made.kind, made.levels, made.options, made.seed, job.box)
    title = f"{job.detect.dataset}, {made.name}: faces by {job.detect.detector}"
    total = math.ceil(parquet.count(frames) * len(made.levels) / BATCH)
    views = _batches(worse_frames(framed(frames, faces), way), job.detect)
    with parquet.Writer(output, columns.with_severity(columns.FACES)) as writer:
        for batch in track(prefetch(views), title, total):
            found = iter(detect(detector, [view for *_, view in batch if view is not None], clock))
            for frame, worse, view in batch:
                shown = {**frame, "state": worse.state, "reason": worse.reason}
                seen = None if view is None else next(found)
                if isinstance(seen, list) and (scale := worse.scale(frame)) != 1:
                    seen = [_in_frame(face, scale) for face in seen]
                for row in face_rows(shown, seen, job.detect.plugin.card):
                    writer.write({**row, "severity": worse.severity})
    clock.write(
        timing,
        stage="corrupt_detect",
        dataset=job.detect.dataset,
        detector=job.detect.detector,
        batch=BATCH,
    )


def _batches(versions: Iterator[tuple[Row, list[Worse]]], job: DetectJob) -> Iterator[list[_Item]]:
    """Yield batches of frames at one severity, each as the detector sees it.

    A batch has at most BATCH frames, whose pictures have at most BATCH_PIXELS.
    """
    batch: list[_Item] = []
    pixels = 0
    for frame, several in versions:
        for worse in several:
            size = 0 if worse.image is None else worse.image.shape[0] * worse.image.shape[1]
            if batch and (len(batch) == BATCH or pixels + size > BATCH_PIXELS):
                yield batch
                batch, pixels = [], 0
            batch.append((frame, worse, _view(worse.image, job)))
            pixels += size
    if batch:
        yield batch


def _view(image: RGB | None, job: DetectJob) -> View | Exception | None:
    return None if image is None else view_of(lambda: image, job.upscale, job.pad)


def _in_frame(face: Face, scale: float) -> Face:
    """Return a face of an enlarged picture in pixels of the frame."""
    x, y, w, h = (side / scale for side in face.box)
    landmarks = None if face.landmarks is None else face.landmarks / scale
    return Face(box=(x, y, w, h), score=face.score, landmarks=landmarks)
