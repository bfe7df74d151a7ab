"""Read what a network over time takes of each frame: a model's embedding, or its answers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.faces.crop_rows import OF_FACE
from faceoff.storage import columns, parquet

_LEAST = 1e-6  # of a probability whose logarithm is taken
_EMBEDDING = "embedding"

Row = dict[str, Any]
Vector = npt.NDArray[np.float64]


def input_names(table: Path) -> list[str]:
    """Return the names of the numbers that a table has of each frame.

    Of features they are embedding_0, embedding_1 …; of predictions the columns of posteriors,
    valence, arousal and action units that hold anything.

    Raises ValueError if there are none.
    """
    schema = parquet.read_schema(table)
    if _EMBEDDING in schema.names:
        rows = parquet.rows(table, [_EMBEDDING])
        first = next((row[_EMBEDDING] for row in rows if row[_EMBEDDING]), ())
        names = embedding_names(len(first))
    else:
        wanted = [name for name in schema.names if _is_answer(name)]
        read = parquet.read(*parquet.shards_of(table), columns=wanted)
        names = [name for name in wanted if read[name].null_count < len(read)]
    if not names:
        raise ValueError(f"{table}: no frame has a face that was read")
    return names


def embedding_names(features: int) -> list[str]:
    """Return the names of so many features."""
    return [f"{_EMBEDDING}_{number}" for number in range(features)]


def _is_answer(name: str) -> bool:
    return name.startswith(("p_", "au_")) or name in columns.DIMENSIONS


def inputs_of_clips(table: Path, names: Sequence[str]) -> Iterator[tuple[list[Row], Vector]]:
    """Yield (rows, inputs) of each clip, in order.

    rows: the columns `OF_FACE` of its frames; inputs: (n, d) the numbers of these names,
    probabilities by their logarithm; NaN for a frame without a face or with a number missing.

    Raises ValueError if the table has other numbers.
    """
    schema = parquet.read_schema(table)
    embedded = _EMBEDDING in schema.names
    absent = [] if embedded else [name for name in names if name not in schema.names]
    if absent or embedded != names[0].startswith(_EMBEDDING):
        raise ValueError(
            f"{table}: no column {(absent or names)[0]}, which the network learnt from"
        )
    rows = parquet.rows(table, [*OF_FACE, *([_EMBEDDING] if embedded else names)])
    for _, clip in groupby(rows, itemgetter("sample_id")):
        found = list(clip)
        values = np.full((len(found), len(names)), np.nan)
        for place, row in enumerate(found):
            values[place] = _numbers(table, row, names, embedded)
        yield [{key: row[key] for key in OF_FACE} for row in found], values


def _numbers(
    table: Path, row: Mapping[str, Any], names: Sequence[str], embedded: bool
) -> Vector | float:
    """Return the numbers of a frame, NaN if one is missing."""
    if row["success"] != 1:
        return np.nan
    if embedded:
        given = np.array(row[_EMBEDDING], np.float64)
        if len(given) != len(names):
            raise ValueError(f"{table}: {len(given)} features per frame, expected {len(names)}")
        return given
    values = [row[name] for name in names]
    if None in values:
        return np.nan
    return np.array(
        [
            np.log(max(value, _LEAST)) if name.startswith("p_") else value
            for name, value in zip(names, values, strict=True)
        ]
    )
