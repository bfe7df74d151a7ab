"""Lay what a signal measures beside the truth: one face of each frame (protocol §8, §49)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.choice import SIDES, among, choose
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, parquet

Row = dict[str, Any]
_FACE = ("sample_id", "frame", "success", *SIDES, "score", "main")
_CONTEXT = ("sample_id", "frame", "timestamp_s", "face", *SIDES)


@dataclass(frozen=True)
class Pairs:
    """The frames whose truth shows a face, n of them.

    sample_ids: of each frame; truth, measured: column -> (n,), NaN where unknown. Without a face,
    or where it could not be read, everything measured is NaN.
    """

    sample_ids: list[str]
    truth: Mapping[str, Floats]
    measured: Mapping[str, Floats]


def paired(frames: Path, faces: Path, signals: Path, true_faces: Path, policy: str) -> Pairs:
    """Return the largest true face of each frame beside the one that the policy chooses.

    Raises ValueError where the signals are not about these faces.
    """
    known = {
        (row["sample_id"], row["frame"]): row
        for row in parquet.rows(true_faces)
        if row["face"] == 0
    }
    ids: list[str] = []
    truths: list[Row] = []
    found: list[Row] = []
    for place, measured in _chosen(frames, faces, signals, policy):
        if place in known:
            ids.append(place[0])
            truths.append(known[place])
            found.append(measured or {})
    names = [name for name in parquet.read_schema(true_faces).names if name not in _CONTEXT]
    return Pairs(ids, _arrays(truths, names), _arrays(found, _measured(signals)))


def _measured(signals: Path) -> list[str]:
    """Return the columns of a table of signals that are numbers."""
    schema = parquet.read_schema(signals)
    own = set(columns.signals_schema(()).names)
    return [name for name in schema.names if name not in own and name not in columns.LISTS]


def _chosen(
    frames: Path, faces: Path, signals: Path, policy: str
) -> Iterator[tuple[tuple[str, int], Row | None]]:
    """Yield (sample, frame) and what was measured of the chosen face, None without one."""
    sizes = parquet.rows(frames, ["sample_id", "frame", "width", "height"])
    names = [name for name in _FACE if name in parquet.read_schema(faces).names]
    there = parquet.rows(faces, names)
    said = parquet.rows(signals, ["sample_id", "frame", "success", *_measured(signals)])
    both = groupby(zip(there, said, strict=True), key=lambda rows: _place(rows[0]))
    for frame, (place, group) in zip(sizes, both, strict=True):
        pairs = list(group)
        if place != _place(frame) or any(_place(row) != place for _, row in pairs):
            raise ValueError(f"{signals} does not belong to {faces}: another frame at {place}")
        seen = [{**face, "measured": row} for face, row in pairs if face["success"]]
        allowed = among(seen, policy) if seen else []
        if not allowed:
            yield place, None
            continue
        face = choose(allowed, policy, frame["width"], frame["height"])
        yield place, face["measured"] if face["measured"]["success"] else None


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["sample_id"], row["frame"]


def _arrays(rows: list[Row], names: list[str]) -> dict[str, Floats]:
    """Return columns as arrays, NaN for what is missing or empty."""
    return {
        name: np.array([np.nan if (v := row.get(name)) is None else v for row in rows], np.float64)
        for name in names
    }
