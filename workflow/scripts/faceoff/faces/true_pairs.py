"""Lay what a signal measures beside the truth: one face of each frame (protocol §8, §49)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.choice import SIDES
from faceoff.faces.chosen_signals import chosen_signals, place_of
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, parquet

Row = dict[str, Any]
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
    for frame, measured in chosen_signals(frames, faces, signals, policy, _measured(signals)):
        place = place_of(frame)
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


def _arrays(rows: list[Row], names: list[str]) -> dict[str, Floats]:
    """Return columns as arrays, NaN for what is missing or empty."""
    return {
        name: np.array([np.nan if (v := row.get(name)) is None else v for row in rows], np.float64)
        for name in names
    }
