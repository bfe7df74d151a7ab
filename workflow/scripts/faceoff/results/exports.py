"""Write what a run holds for other programs: predictions and faces as one table, sound as WAV."""

import io
import json
import wave
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from faceoff.layout import Layout
from faceoff.results import run_folder
from faceoff.scoring.task import cell_name
from faceoff.storage import csv_text, parquet
from faceoff.storage.columns import OK
from faceoff.storage.files import atomic

SUFFIXES = (".csv", ".json", ".jsonl", ".parquet")

_ABOUT = ("dataset", "detector", "model")
_Row = Mapping[str, Any]
_Table = tuple[dict[str, str], Path]  # what its rows are about, and the file


def write_predictions(folder: Path, output: Path) -> int:
    """Write every prediction of the run in this folder, a row per frame, to one file.

    Its suffix says the format (`SUFFIXES`). Cells that have left the run's configuration are left
    out. Returns the number of pipelines. Raises FileNotFoundError without predictions,
    ValueError for another suffix.
    """
    present, layout = run_folder.belongs(folder), Layout(str(folder))
    tables: list[_Table] = []
    for path in layout.all_votes():
        dataset = path.relative_to(folder).parts[1]
        cell = cell_name(path)
        if "@" not in dataset and present(
            dataset, cell
        ):  # a shard's rows stand in its dataset's file too
            about = dict(zip(_ABOUT, (dataset, *cell.split("/", 1)), strict=True))
            tables.append((about, path))
    return _write(folder, tables, output, "predictions")


def write_faces(folder: Path, output: Path) -> int:
    """Write every face of the run in this folder, with its box and landmarks, to one file.

    A frame without a face has a row too. Returns the number of tables, one per dataset and
    detector. Raises as `write_predictions`.
    """
    layout = Layout(str(folder))
    config = (run_folder.manifest_of(folder) or {}).get("config") or {}
    tables: list[_Table] = []
    for path in layout.existing(layout.faces("*", "*")):
        dataset, detector = path.parent.name, path.stem
        configured = not config or (
            dataset in config["datasets"] and detector in config["detectors"]
        )
        if "@" not in dataset and configured:
            tables.append(({"dataset": dataset, "detector": detector}, path))
    return _write(folder, tables, output, "faces")


def _write(folder: Path, tables: Sequence[_Table], output: Path, what: str) -> int:
    """Write the rows of these tables to one file; return the number of tables."""
    if not tables:
        raise FileNotFoundError(
            f"{folder} holds no {what} of its present configuration; run snakemake first,"
            " or name another run"
        )
    if output.suffix not in SUFFIXES:
        raise ValueError(f"{output}: the suffix must be one of {', '.join(SUFFIXES)}")
    fields = {name: pa.field(name, pa.string()) for about, _ in tables for name in about}
    for _, path in tables:
        for field in parquet.read_schema(path):
            fields.setdefault(field.name, field)
    rows = (about | row for about, path in tables for row in parquet.rows(path))
    if output.suffix == ".parquet":
        parquet.write_rows(output, pa.schema(list(fields.values())), rows)
    elif output.suffix == ".csv":
        csv_text.write(output, list(fields), map(_flat, rows))
    else:
        _write_json(output, rows, in_lines=output.suffix == ".jsonl")
    return len(tables)


def _flat(row: _Row) -> dict[str, Any]:
    """Return a row with its lists as JSON text."""
    return {
        name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()
    }


def _write_json(output: Path, rows: Iterator[_Row], in_lines: bool) -> None:
    """Write rows as a JSON array, or one object per line; a number that is not finite is null."""
    with atomic(output) as scratch, open(scratch, "wb") as file:
        before, between, after = (b"", b"\n", b"\n") if in_lines else (b"[\n", b",\n", b"\n]\n")
        for number, row in enumerate(rows):
            file.write((between if number else before) + msgspec.json.encode(row))
        file.write(after)


def write_sounds(folder: Path, output: Path) -> Iterator[tuple[Path, int, int]]:
    """Write the sound of the clips of the run in this folder as WAV files.

    Yields for one dataset after the other (its folder, clips with sound, clips). Raises
    FileNotFoundError without sound.
    """
    layout = Layout(str(folder))
    files = layout.existing(layout.audio("*"))
    if not files:
        raise FileNotFoundError(
            f"{folder}/audio holds no sound: set `audio: true` for a dataset and run snakemake"
        )
    for path in files:
        clips, number = 0, 0
        for sample, parts in groupby(parquet.rows(path), itemgetter("sample_id")):
            clips += 1
            number += _write_wav(output / path.stem / (_file_name(sample) + ".wav"), parts)
        yield output / path.stem, number, clips


def _write_wav(target: Path, parts: Iterable[_Row]) -> bool:
    """Write the parts of a clip's sound, one after the other, as one file; False without any."""
    sounds = (part["audio"]["bytes"] for part in parts if part["state"] == OK)
    first = next(sounds, None)
    if first is None:
        return False
    with atomic(target) as scratch, wave.open(str(scratch), "wb") as whole:
        for place, sound in enumerate(chain([first], sounds)):
            with wave.open(io.BytesIO(sound)) as read:
                if not place:
                    whole.setparams(read.getparams())
                whole.writeframes(read.readframes(read.getnframes()))
    return True


def _file_name(sample_id: str) -> str:
    """Return an id, which may hold any character, as a file name of its own.

    "/", "%" and a leading "." are written as in URLs (RFC 3986 §2.1: %2F, %25, %2E).
    """
    name = sample_id.replace("%", "%25").replace("/", "%2F")
    return "%2E" + name[1:] if name.startswith(".") else name
