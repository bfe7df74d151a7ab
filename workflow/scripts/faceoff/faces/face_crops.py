"""Crop the face of each frame: the policy chooses it, the model's specification says how."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import crops
from faceoff.faces.choice import among, choose
from faceoff.media.images import DecodeError, image_of
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import RGB, Cropped, CropSpec
from faceoff.storage import columns, parquet

BATCH = 64
_AWAY = {
    "face_id": -1,
    "success": 0,
    "state": columns.NO_FACE,
    "reason": "the main person is out of sight",
}


def framed(frames: Path, faces: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield (frame row, its face rows), read side by side from two files in frame order.

    Raises ValueError where the files are not about the same frames.
    """
    grouped = groupby(parquet.rows(faces), _place)
    strange = f"{faces} does not belong to {frames}"
    for frame in (frame for batch in parquet.stream(frames) for frame in batch):
        place, rows = next(grouped, (None, iter(())))
        if place != _place(frame):
            stands = f"{place} stands where" if place else "it ends where"
            raise ValueError(f"{strange}: {stands} {_place(frame)} should")
        yield frame, list(rows)
    if (left := next(grouped, None)) is not None:
        raise ValueError(f"{strange}: {left[0]} comes after the last frame")


def first_seen(
    frames: Path, faces: Path, wanted: Collection[str]
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the first frame with a face of each wanted sample, with its face rows, in order."""
    left = set(wanted)
    for frame, found in framed(frames, faces):
        if frame["sample_id"] in left and found[0]["success"]:
            left.remove(frame["sample_id"])
            yield frame, found


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return (row["sample_id"], row["frame"])


def face_crop(
    frame: Mapping[str, Any],
    rows: list[dict[str, Any]],
    crop: CropSpec,
    job: CropJob,
    image: RGB | None = None,
) -> tuple[dict[str, Any], np.ndarray | None]:
    """Return (the face row that the policy chooses, its crop).

    The crop is None without a face, or if the face cannot be aligned or decoded (state error).

    image: the frame's picture, if it is already decoded.
    """
    if not rows[0]["success"]:
        return rows[0], None
    allowed = among(rows, job.policy)
    if not allowed:
        return {**rows[0], **_AWAY}, None
    face = choose(allowed, job.policy, frame["width"], frame["height"])
    raw = (face["x"], face["y"], face["w"], face["h"])
    box = None if job.whole_frame else crops.calibrate(raw, job.calibration)
    landmarks = None if face["landmarks"] is None else np.reshape(face["landmarks"], (5, 2))
    try:
        return face, crops.crop(image_of(frame) if image is None else image, box, crop, landmarks)
    except (DecodeError, ValueError) as error:
        return {**face, "success": 0, "state": columns.ERROR, "reason": str(error)}, None


def face_crops(
    frame: Mapping[str, Any],
    rows: list[dict[str, Any]],
    crop: CropSpec,
    job: CropJob,
    image: RGB | None = None,
) -> list[tuple[dict[str, Any], np.ndarray | None]]:
    """Return (face row, its crop) of every face that the policy reads: the chosen one, or all.

    The picture is decoded once. The first face is the one that `choose` prefers.

    image: the frame's picture, if it is already decoded.
    """
    if job.policy != "all" or job.whole_frame or not rows[0]["success"]:
        return [face_crop(frame, rows, crop, job, image)]
    first = choose(rows, job.policy, frame["width"], frame["height"])
    return crop_of_each(
        frame, [first, *(row for row in rows if row is not first)], crop, job, image
    )


def crop_of_each(
    frame: Mapping[str, Any],
    rows: list[dict[str, Any]],
    crop: CropSpec,
    job: CropJob,
    image: RGB | None = None,
) -> list[tuple[dict[str, Any], np.ndarray | None]]:
    """Return (face row, its crop) of every row, in this order; the picture is decoded once."""
    if image is None and rows[0]["success"]:
        with suppress(DecodeError):
            image = image_of(frame)
    return [face_crop(frame, [row], crop, job, image) for row in rows]


def crop_spec(model: Cropped, job: CropJob) -> CropSpec:
    """Return the model's crop specification, with the job's margin and alignment if given."""
    crop = model.crop
    return replace(
        crop,
        margin=crop.margin if job.margin is None else job.margin,
        align=crop.align if job.align is None else job.align,
    )
