"""Read what several pipelines predicted of the same frames, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.storage import columns, parquet

KEY = ("sample_id", "frame", "timestamp_s")
SUM_TOLERANCE = 1e-3  # of a row's probabilities: single precision and rounded tables stay within it


@dataclass(frozen=True)
class MemberRows:
    """The predictions of all members for one dataset's frames.

    keys: table of `KEY`, a row per frame.

    posteriors: (members, n, k), NaN where a member abstains or lacks the class.

    affect: (members, n, 2) valence and arousal, NaN where there is none.

    state, reason: those of the first member, for frames that nobody can read.
    """

    keys: pa.Table
    posteriors: npt.NDArray[np.float64]
    affect: npt.NDArray[np.float64]
    state: pa.ChunkedArray
    reason: pa.ChunkedArray

    def __len__(self) -> int:
        return int(self.keys.num_rows)


def read_members(paths: Sequence[Path], classes: Sequence[str]) -> MemberRows:
    """Read the members' predictions side by side.

    Raises ValueError when they are not about the same frames, each once, or when a row is no
    probability distribution.
    """
    first = parquet.read(paths[0], columns=[*KEY, "state", "reason"])
    keys = first.select(KEY)
    _refuse_duplicates(paths[0], keys)
    posteriors = np.full((len(paths), keys.num_rows, len(classes)), np.nan)
    affect = np.full((*posteriors.shape[:2], len(columns.DIMENSIONS)), np.nan)
    for member, path in enumerate(paths):
        own = columns.classes_of(parquet.read_schema(path))
        named = [*KEY, "success", *(f"p_{emotion}" for emotion in own), *columns.DIMENSIONS]
        table = parquet.read(path, columns=named)
        _refuse_other_frames(path, table.select(KEY), paths[0], keys)
        answered = table["success"].to_numpy() == 1
        for emotion in own:
            values = table[f"p_{emotion}"].to_numpy()
            posteriors[member, :, classes.index(emotion)] = np.where(answered, values, np.nan)
        for place, name in enumerate(columns.DIMENSIONS):
            affect[member, :, place] = np.where(answered, table[name].to_numpy(), np.nan)
        _refuse_other_sums(path, posteriors[member], keys)
    return MemberRows(keys, posteriors, affect, first["state"], first["reason"])


def _described(keys: pa.Table, index: int) -> tuple[str, int]:
    return (keys["sample_id"][index].as_py(), keys["frame"][index].as_py())


def _refuse_duplicates(path: Path, keys: pa.Table) -> None:
    counted = keys.group_by(list(KEY)).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1))
    if twice.num_rows:
        count = twice["count_all"][0].as_py()
        raise ValueError(
            f"{path}: {_described(twice, 0)} occurs {count} times; expected each frame once"
        )


def _refuse_other_frames(path: Path, own: pa.Table, first: Path, keys: pa.Table) -> None:
    must = "members of a fusion must predict the same frames"
    if own.num_rows != keys.num_rows:
        raise ValueError(f"{path}: {own.num_rows} rows, {first} has {keys.num_rows}: {must}")
    if own.equals(keys):
        return
    here, there = (table.to_pylist() for table in (own, keys))
    index = next(place for place, row in enumerate(here) if row != there[place])
    raise ValueError(
        f"{path}: row {index} is {_described(own, index)}, {first} has "
        f"{_described(keys, index)}: {must}"
    )


def _refuse_other_sums(path: Path, posterior: npt.NDArray[np.float64], keys: pa.Table) -> None:
    total = np.nansum(posterior, axis=1)
    wrong = (np.abs(total - 1) > SUM_TOLERANCE) & ~np.isnan(posterior).all(axis=1)
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{path}: the probabilities of {_described(keys, index)} sum to {total[index]:.4f}, "
            "expected 1; predict this cell again"
        )
