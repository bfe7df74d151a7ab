"""Count what a table of an analysis amounts to, column by column."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.storage import columns
from faceoff.temporal.stretches import EXACT_S, GAP_S


def summary(table: pa.Table) -> dict[str, Any]:
    """Return frames, seconds, coverage, tracks and people.

    coverage, reliable: the share of frames with a face that was read, and with a reliable one.
    faces: of each track, people: of each identity, the most often seen first: frames, the share of
    them that is reliable, first and last time, the share under each emotion, and the means of
    confidence, valence and arousal, blinks per minute where a signal sees them. With a signal of
    the mouth, `talking` is the share of the frames that tell it in which it moves as in speech,
    None where none does. In a lone picture each face is a track and an identity.
    """
    frame, read = values(table, "frame"), table["success"].to_numpy() == 1
    times, shown = values(table, "timestamp"), len(np.unique(frame))
    covered = len(np.unique(frame[read]))
    return {
        "frames": shown,
        "duration_s": float(times.max() - times.min()) if shown else 0.0,
        "frames_with_a_face": covered,
        "coverage": covered / shown if shown else None,
        "reliable": len(np.unique(frame[table["reliable"].to_numpy() == 1])) / shown
        if shown
        else None,
        "faces": _groups(table, "track_id", read),
        "people": _groups(table, "identity", read),
    }


def with_columns(table: pa.Table, told: Mapping[str, pa.Array]) -> pa.Table:
    """Return the table with these columns, which it has, filled anew."""
    for name, column in told.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), column)
    return table


def values(table: pa.Table, name: str) -> Floats:
    """Return a column of numbers (rows,), NaN where it is null."""
    found: Floats = table[name].to_numpy().astype(float)
    return found


def name_of(identity: int, person: str | None) -> str:
    """Return what people call a face: its person's name, or its number."""
    return f"face {identity}" if person is None else person


def keys(table: pa.Table, name: str) -> Floats:
    """Return the number of each row's group, the face's own number where it has none."""
    groups = values(table, name)
    return np.where(np.isnan(groups), values(table, "face_id"), groups)


def main_face(table: pa.Table) -> tuple[Ints, Bools]:
    """Return for each frame, in order, a row of the table, and whether it shows the main face.

    The main face is that of the identity with the largest sum of areas, so longest times largest. A
    frame without it has its first row.
    """
    frame, first = np.unique(values(table, "frame"), return_index=True)
    read = np.flatnonzero(table["success"].to_numpy() == 1)
    rows, seen = first.astype(np.int64), np.zeros(len(frame), bool)
    if len(read):
        number = np.unique(keys(table, "identity")[read], return_inverse=True)[1]
        area = np.nan_to_num((values(table, "w") * values(table, "h"))[read])
        # A face without a box, of a detector that takes the whole picture, counts as one pixel.
        main = np.bincount(number, np.where(area > 0, area, 1.0)).argmax()
        shown = read[number == main][::-1]
        place = np.searchsorted(frame, values(table, "frame")[shown])
        rows[place], seen[place] = shown, True
    return rows, seen


def _groups(table: pa.Table, name: str, read: Bools) -> list[dict[str, Any]]:
    groups = keys(table, name)
    numbers, counts = np.unique(groups[read], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        _group(table.take(np.flatnonzero(read & (groups == numbers[place]))), name, numbers[place])
        for place in order
    ]


def _group(rows: pa.Table, name: str, number: float) -> dict[str, Any]:
    times, count = values(rows, "timestamp"), len(rows)
    emotions = rows["emotion"].drop_null().value_counts().to_pylist()
    emotions.sort(key=lambda entry: -entry["counts"])  # stable: ties by first appearance
    whose = ["identity", "person"] if name == "track_id" else ["person"]
    found: dict[str, Any] = {
        name: int(number),
        **{key: rows[key][0].as_py() for key in whose},
        "frames": count,
        "reliable": float(values(rows, "reliable").mean()),
        "blinks_per_minute": _blink_rate(times, _lids(rows))
        if "blink" in rows.schema.names
        else None,
        "first_s": float(times.min()),
        "last_s": float(times.max()),
        "emotions": {entry["values"]: entry["counts"] / count for entry in emotions},
    }
    if "talking" in rows.schema.names:
        found["talking"] = _mean(values(rows, "talking"))
    if name == "identity":
        tracks = rows["track_id"].drop_null().unique().to_pylist()
        found["tracks"] = sorted(tracks)
    for column in ("confidence", *columns.DIMENSIONS):
        found[f"mean_{column}"] = _mean(values(rows, column))
    return found


def _mean(numbers: Floats) -> float | None:
    """Return the mean of what is known, None where nothing is."""
    known = numbers[~np.isnan(numbers)]
    return float(known.mean()) if len(known) else None


_EYES_FROM = 100.0  # pixels of a face's side; the lids of smaller ones are noise
_SPARSE_S = 0.1  # frames that are further apart miss blinks, which take 0.1 to 0.4 s
_LONGEST_S = 0.5  # FACS calls longer closures AU43, closed eyes


def _lids(rows: pa.Table) -> Floats:
    """Return whether the eyes are closed (n,), NaN where that is unknown or the face is small."""
    return np.where(values(rows, "face_size") >= _EYES_FROM, values(rows, "blink"), np.nan)


def _blink_rate(times: Floats, closed: Floats) -> float | None:
    """Return how often per minute the eyes are closed for at most half a second.

    Only closures between two sights of open eyes count, over the time in which the eyes are seen.
    None where the frames are too sparse to see blinks, or the eyes are not seen.

    times, closed: (n,) of the frames that show the person, 1 for closed, NaN where unknown.
    """
    known = ~np.isnan(closed)
    times, shut = times[known], closed[known] > 0.5
    steps = np.diff(times)
    if not len(steps) or np.median(steps) > _SPARSE_S:
        return None
    together = steps <= GAP_S
    seen_s = float(steps[together].sum())
    if not seen_s:
        return None
    blinks = 0
    for before, last in pairwise(np.flatnonzero(np.diff(shut.astype(int))).tolist()):
        # Shut from the frame behind `before` up to `last`, between two sights of open eyes.
        lasts = times[last + 1] - times[before + 1]
        whole = together[before : last + 1].all()
        blinks += bool(shut[before + 1] and whole and lasts <= _LONGEST_S + EXACT_S)
    return 60 * blinks / seen_s
