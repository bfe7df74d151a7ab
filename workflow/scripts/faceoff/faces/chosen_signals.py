"""Read what a signal measures of the one face of each frame that a policy chooses (protocol §8)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from faceoff.faces.choice import SIDES, among, choose
from faceoff.storage import parquet

Row = dict[str, Any]
_FACE = ("sample_id", "frame", "success", *SIDES, "score", "main")
_FRAME = ("sample_id", "frame", "timestamp_s", "width", "height")


def chosen_signals(
    frames: Path, faces: Path, signals: Path, policy: str, names: Sequence[str]
) -> Iterator[tuple[Row, Row | None]]:
    """Yield each frame and what was measured of the chosen face; None without one.

    It is None, too, where the chosen face could not be read. frames: rows of sample_id, frame,
    timestamp_s, width and height; names: the columns of the signals that are read.

    Raises ValueError where the signals are not about these faces.
    """
    sizes = parquet.rows(frames, list(_FRAME))
    read = [name for name in _FACE if name in parquet.read_schema(faces).names]
    there = parquet.rows(faces, read)
    said = parquet.rows(signals, ["sample_id", "frame", "success", *names])
    both = groupby(zip(there, said, strict=True), key=lambda rows: place_of(rows[0]))
    for frame, (place, group) in zip(sizes, both, strict=True):
        pairs = list(group)
        if place != place_of(frame) or any(place_of(row) != place for _, row in pairs):
            raise ValueError(f"{signals} does not belong to {faces}: another frame at {place}")
        seen = [{**face, "measured": row} for face, row in pairs if face["success"]]
        allowed = among(seen, policy) if seen else []
        if not allowed:
            yield frame, None
            continue
        face = choose(allowed, policy, frame["width"], frame["height"])
        yield frame, face["measured"] if face["measured"]["success"] else None


def place_of(row: Mapping[str, Any]) -> tuple[str, int]:
    """Return the sample and frame of a row."""
    return row["sample_id"], row["frame"]
