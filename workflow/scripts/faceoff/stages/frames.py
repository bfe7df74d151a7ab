"""Stage 2: every sample's picture, as its encoded bytes, checked once for being readable."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceoff import tables
from faceoff.media import DecodeError, decode_image
from faceoff.progress import track
from faceoff.protocols import Sample
from faceoff.stages.samples import open_dataset


def write_frames(samples: Path, output: Path, spec: Mapping[str, Any]) -> None:
    """Write the frames table: one row per sample, `unreadable` with a reason where the bytes are no picture."""
    dataset = open_dataset(spec)
    with tables.Writer(output, tables.FRAMES) as writer:
        for row in track(tables.rows(samples), f"frames of {spec['dataset']}", tables.count(samples)):
            fields = {
                **row,
                "groups": dict(row["groups"] or ()),
                "votes": row["votes"] and tuple(row["votes"]),
                "boxes": row["boxes"] and tuple(map(tuple, row["boxes"])),
            }
            writer.write(_frame(dataset, Sample(**fields)))


def _frame(dataset: Any, sample: Sample) -> dict[str, Any]:
    frame: dict[str, Any] = {"sample_id": sample.sample_id, "frame": 0, "timestamp_s": 0.0, "state": tables.OK, "image": {"bytes": None, "path": sample.path}}
    try:
        data = dataset.read(sample)
        frame["sha256"] = hashlib.sha256(data).hexdigest()
        frame["height"], frame["width"] = decode_image(data).shape[:2]
        frame["image"]["bytes"] = data
    except DecodeError as error:
        frame |= {"state": tables.UNREADABLE, "reason": str(error)}
    except OSError as error:
        frame |= {"state": tables.UNREADABLE, "reason": f"cannot read: {error.strerror or error}"}
    return frame
