"""Let a model read the crops of faces, in batches, and put what it says into their rows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from faceoff.faces.face_crops import BATCH, face_crops, framed
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import prefetch
from faceoff.inference.prediction_rows import filled, mean_row
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, CropSpec

Row = dict[str, Any]
# Columns of a row that come from the face.
OF_FACE = ("sample_id", "frame", "timestamp_s", "face_id", "success", "state", "reason")


def crop_rows(
    frames: Path,
    faces: Path,
    crop: CropSpec,
    job: CropJob,
    call: Callable[[list[RGB]], Sequence[Row]],
    clock: Clock,
) -> Iterator[list[Row]]:
    """Yield, for each frame in order, the rows of its faces that the policy reads; the best first.

    call: crops -> what each row takes; a crop that it cannot read has a row with the state error.
    """
    framewise = (face_crops(frame, rows, crop, job) for frame, rows in framed(frames, faces))
    yield from read_crops(framewise, call, clock)


def read_crops(
    framewise: Iterator[list[tuple[Row, RGB | None]]],
    call: Callable[[list[RGB]], Sequence[Row]],
    clock: Clock,
) -> Iterator[list[Row]]:
    """Yield, for each list of (face row, its crop), the rows with what `call` reads of the crops.

    Crops are made while the batch before is read. call: as of `crop_rows`.
    """
    for pending in prefetch(iter(lambda: list(islice(framewise, BATCH)), [])):
        crops = [pixels for found in pending for _, pixels in found if pixels is not None]
        results = iter(filled(call, crops, clock))
        for found in pending:
            yield [
                {key: face[key] for key in OF_FACE} | (next(results) if pixels is not None else {})
                for face, pixels in found
            ]


def frame_row(parts: Sequence[Row], classes: Sequence[str]) -> Row:
    """Return the row of a frame of which these faces were read: the mean of what they say."""
    if len(parts) == 1:
        return parts[0]
    read = next((part for part in parts if part["success"]), parts[0])
    return {key: read[key] for key in OF_FACE} | mean_row(parts, classes)
