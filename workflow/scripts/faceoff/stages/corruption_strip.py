"""Stage: show one face of a dataset under every corruption and severity."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import value_text
from faceoff.faces.face_crops import framed
from faceoff.faces.worse_frames import Way, Worse, worse_frames
from faceoff.media.images import encode, image_of
from faceoff.plan.corruption_jobs import CorruptionStripJob
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.storage import parquet

Row = dict[str, Any]
_CROP = CropSpec(size=(96, 96), margin=0.25)
_QUALITY = 90  # of WebP: noise and blocks should look as they are

SCHEMA = pa.schema([
    ("corruption", pa.string()),  # the variant; null of the picture as it is
    ("severity", pa.int8()),
    ("value", pa.string()),
    ("state", pa.string()),
    ("reason", pa.string()),
    ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
])  # fmt: skip


def write_strip(frames: Path, faces: Path, output: Path, job: CorruptionStripJob) -> None:
    """Write a row for every corruption and severity, and first one of the picture as it is.

    A hash of the seed draws the sample among those with a face; of a clip it is the first frame
    with one. The table is empty where no face was found.
    """
    read = _drawn(frames, faces, job.seed)
    parquet.write_rows(output, SCHEMA, _rows(read, job) if read else ())


def _drawn(frames: Path, faces: Path, seed: int) -> list[tuple[Row, list[Row]]]:
    """Return the frames of one sample with their faces: up to the first with a face, and one more.

    A clip needs a second frame to be one.
    """
    if parquet.failed_files(faces):
        return []
    rows = parquet.rows(faces, ["sample_id", "success"])
    seen = {row["sample_id"] for row in rows if row["success"]}
    if not seen:
        return []
    sample = min(seen, key=lambda name: hashlib.sha256(f"{seed}|{name}".encode()).digest())
    read: list[tuple[Row, list[Row]]] = []
    for frame, found in framed(frames, faces):
        if frame["sample_id"] == sample:
            read.append((frame, found))
        if frame["sample_id"] != sample and read:
            break
        if len(read) > 1 and any(before[0]["success"] for _, before in read[:-1]):
            break
    return read


def _rows(read: list[tuple[Row, list[Row]]], job: CorruptionStripJob) -> Iterator[Row]:
    shown = next(place for place, (_, rows) in enumerate(read) if rows[0]["success"])
    frame, rows = read[shown]
    clean = Worse(0, image_of(frame), rows)
    yield {"corruption": None, "value": "clean", **_row(frame, clean, job.box)}
    for made in job.variants:
        way = Way.of(made.kind, made.levels, made.options, made.seed, job.box)
        versions = [*worse_frames(iter(read), way)][shown][1]
        for worse, value in zip(versions, made.levels, strict=True):
            text = value_text(corruption_list.get(made.kind), value)
            yield {"corruption": made.name, "value": text, **_row(frame, worse, job.box)}


def _row(frame: Row, worse: Worse, box: CropJob) -> Row:
    face, pixels = worse.crops(frame, worse.faces, _CROP, box)[0]
    return {
        "severity": worse.severity,
        "state": face["state"],
        "reason": face["reason"],
        "image": {
            "bytes": None if pixels is None else encode(pixels, _QUALITY),
            "path": frame["image"]["path"],
        },
    }
