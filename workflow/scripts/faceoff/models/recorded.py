"""Use recorded probabilities per sample or moment from elsewhere.

Speech, text or published predictions thus join the comparison and the vote.
"""

import json
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from faceoff import emotions
from faceoff.fusion.posteriors import spelled_out
from faceoff.plugins.protocols import CropSpec, Prediction
from faceoff.spelling import suggestion
from faceoff.storage.columns import DIMENSIONS
from faceoff.storage.delimited import DelimitedTable
from faceoff.storage.votes import SUM_TOLERANCE

MODELS = {
    "recorded": {
        "class": "Recorded",
        "reads": "path",
        "licence": "that of the predictions",
        "lineage": "recorded",
        "options": {
            "path": None,
            "id": "sample_id",
            "time": None,
            "tolerance_s": 0.5,
            "columns": {},
            "emotion": None,
            "accuracy": "accuracy",
            "normalise": False,
        },
    }
}


class Recorded:
    """The rows of a CSV, Parquet or JSON file (a list, or an object per line).

    They are looked up by sample id and, with a `time` column, by the nearest moment. Raises
    ValueError naming file and key.

    Options: `path`; `id`, `time`: names of those columns; `tolerance_s`: the largest distance to
    the nearest moment; `columns`: emotion -> column, by default every column named as an emotion
    or a class of the dataset's space (`space` of the card), with or without `p_` before it;
    `emotion`, `accuracy`: names of the columns with one emotion and its probability, in the place
    of a column per emotion; a row without an emotion says nothing, and what its probability leaves
    open is spread over the other emotions; `normalise`: divide rows by their sum instead of
    refusing them.

    notes: what the file has that is not read, what it lacks, and rows that do not sum to one.
    """

    crop = CropSpec(size=(1, 1))

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        if not options.get("path"):
            raise ValueError(
                "model recorded: options.path is missing: the file with the predictions"
            )
        self.check_options(options)
        self._path, self._tolerance = Path(options["path"]), float(options["tolerance_s"])
        rows = _rows(self._path, options["id"])
        present = list(dict.fromkeys(key for row in rows for key in row))
        for key in ("id", "time"):
            if options[key] and options[key] not in present:
                raise ValueError(
                    f"{self._path}: no column "
                    f"{options[key]!r}{suggestion(options[key], present)}; name it in "
                    f"options.{key}"
                )
        space = tuple(card.get("space") or ())
        self._silent = np.zeros(len(rows), bool)  # rows that say nothing
        if options["emotion"]:
            named = [row.get(options["emotion"]) for row in rows]
            self._silent = np.array([name in (None, "") for name in named])
            rows = _spelled_out(rows, present, options, self._path, space)
            present = list(dict.fromkeys(key for row in rows for key in row))
        columns = _columns(options["columns"], present, self._path, space)
        affect = [name for name in DIMENSIONS if name in present]
        for number, row in enumerate(rows, 1):
            missing = [
                key
                for key in (options["id"], options["time"], *columns.values(), *affect)
                if key and key not in row
            ]
            if missing:
                raise ValueError(f"{self._path}, row {number}: no {missing[0]!r}")
        self.emotions = tuple(columns)
        values = np.array(
            [[_number(row[column]) for column in columns.values()] for row in rows], float
        )
        self._sums = values.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            self._posterior = values / self._sums[:, None] if options["normalise"] else values
        self._affect = {name: np.array([_number(row[name]) for row in rows]) for name in affect}
        self._timed = options["time"] is not None
        self._moments = self._indexed(rows, options["id"], options["time"])
        read = {options["id"], options["time"], *columns.values(), *affect}
        self.notes = [
            *_unread(rows, [name for name in present if name not in read]),
            *_lacking(space, columns),
            *([] if options["normalise"] else _off_by(self._sums, rows, options["id"])),
        ]

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> None:
        """Raise ValueError for the first option whose value is of another type."""

        def is_number(value: Any) -> bool:
            return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0

        column = "the name of a column, in quotes where it is a number"
        kinds = [
            ("id", isinstance(options["id"], str), column),
            ("time", isinstance(options["time"], str | None), column),
            ("emotion", isinstance(options["emotion"], str | None), column),
            ("accuracy", isinstance(options["accuracy"], str), column),
        ]
        kinds.append(
            (
                "columns",
                isinstance(options["columns"], Mapping),
                "a mapping from emotions to columns, such as columns.anger=ang",
            )
        )
        kinds += [
            ("tolerance_s", is_number(options["tolerance_s"]), "a number of seconds"),
            ("normalise", isinstance(options["normalise"], bool), "true or false"),
        ]
        for name, right, expected in kinds:
            if not right:
                raise ValueError(
                    f"model recorded: options.{name}: expected {expected}, not {options[name]!r}"
                )
        for emotion, value in options["columns"].items():
            if not (isinstance(emotion, str) and isinstance(value, str)):
                raise ValueError(
                    f"model recorded: options.columns.{emotion}: expected {column}, not {value!r}"
                )

    def _indexed(
        self, rows: Sequence[Mapping[str, Any]], identity: str, time: str | None
    ) -> dict[str, list[tuple[float, int]]]:
        """Return sample id -> its (time, row number), by rising time.

        Raises ValueError for a row without either, and for a second row of one id without times.
        """
        moments: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for index, row in enumerate(rows):
            where = f"{self._path}, row {index + 1}"
            written = row[time] if time else 0.0
            sample, seconds = str(row[identity]), _number(written)
            if row[identity] is None:
                raise ValueError(f"{where}: {identity} is empty")
            if not math.isfinite(seconds):
                raise ValueError(f"{where}: {time} is no number of seconds: {written!r}")
            if time is None and sample in moments:
                raise ValueError(
                    f"{where}: {identity} {sample!r} occurs twice; name the column of times in "
                    "options.time"
                )
            moments[sample].append((seconds, index))
        return {sample: sorted(times) for sample, times in moments.items()}

    def unknown_rows(self, samples: Container[str]) -> dict[str, int]:
        """Return how many rows each sample id of the file has that is none of these samples."""
        return {
            sample: len(times) for sample, times in self._moments.items() if sample not in samples
        }

    def predict(self, crops: np.ndarray) -> Prediction:
        """Return a prediction in which no crop is evaluable, as pictures are not looked at."""
        return Prediction(
            np.full((len(crops), len(self.emotions)), 1 / len(self.emotions)),
            evaluable=np.zeros(len(crops), bool),
        )

    def known(self, frames: Sequence[Mapping[str, Any]]) -> Prediction:
        """Return the recorded prediction of each frame row; `evaluable` is False without one."""
        index = np.array(
            [self._row_of(frame["sample_id"], frame["timestamp_s"]) for frame in frames], int
        )
        affect = {
            name: np.where(index >= 0, values[index], np.nan)
            for name, values in self._affect.items()
        }
        return Prediction(
            self._posterior[index],
            affect.get("valence"),
            affect.get("arousal"),
            evaluable=(index >= 0) & ~self._silent[index],
        )

    def fault(self, frame: Mapping[str, Any]) -> str:
        """Return what is wrong with the row of a frame whose values are no probabilities."""
        index = self._row_of(frame["sample_id"], frame["timestamp_s"])
        where = f"{self._path.name}, row {index + 1}"
        if not np.isfinite(self._sums[index]):
            return f"{where}: a value is missing or no number"
        if (self._posterior[index] < 0).any():
            return f"{where}: a value below 0"
        return f"{where}: the values sum to {self._sums[index]:.4g}, not 1{_CURE}"

    def _row_of(self, sample: str, seconds: float | None) -> int:
        """Return the number of the row for this moment, -1 for none."""
        moments = self._moments.get(sample)
        if not moments:
            return -1
        if not self._timed:
            return moments[0][1]
        if seconds is None:
            return -1
        place = bisect_left(moments, (seconds, -1))
        distance, row = min(
            (abs(time - seconds), row) for time, row in moments[max(0, place - 1) : place + 1]
        )
        return row if distance <= self._tolerance else -1


_CURE = "; options.normalise: true divides each row by its sum"


def _unread(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Return a line about the columns of numbers that nothing reads, if there are any."""

    def numbers(name: str) -> bool:
        written = [row.get(name) for row in rows]
        there = [value for value in written if value not in (None, "")]
        return bool(there) and all(math.isfinite(_number(value)) for value in there)

    unread = [name for name in names if numbers(name)]
    if not unread:
        return []
    listed = ", ".join(repr(name) for name in unread)
    return [f"columns of numbers that nothing reads: {listed}; name classes in options.columns"]


def _lacking(space: Sequence[str], columns: Container[str]) -> list[str]:
    """Return a line about the classes of the dataset's space that have no column."""
    lacking = [name for name in space if name not in columns]
    if not lacking:
        return []
    return [f"no column for {', '.join(lacking)}: samples of such a class count as wrong"]


def _off_by(sums: np.ndarray, rows: Sequence[Mapping[str, Any]], identity: str) -> list[str]:
    """Return a line about the rows that do not sum to one, and what they look like."""
    finite = np.isfinite(sums)
    off = np.flatnonzero(finite & (np.abs(sums - 1) > SUM_TOLERANCE))
    if not len(off):
        return []
    middle, widest = float(np.median(sums[off])), float(np.abs(sums[finite] - 1).max())
    kind = ""
    if abs(middle - 100) < 5:
        kind = "; they are percent"
    elif widest <= 0.05:
        kind = "; they are rounded"
    first = int(off[0])
    return [
        f"{len(off)} of {len(sums)} rows do not sum to one, the first is row {first + 1} "
        f"({str(rows[first][identity])!r}) with {sums[first]:.4g}{kind}{_CURE}"
    ]


def _rows(path: Path, identity: str) -> list[dict[str, Any]]:
    """Return the rows of a file, by its suffix.

    Raises ValueError if there are none, or none can be read.
    """
    if not path.is_file():
        raise ValueError(f"{path}: the file is not there (options.path)")
    try:
        if path.suffix == ".parquet":
            rows = pyarrow.parquet.read_table(path).to_pylist()
        elif path.suffix in {".json", ".jsonl"}:
            rows = _objects(path)
        else:
            # Every cell is text, because "007" and "NA" may be names.
            table = DelimitedTable(path, identity)
            rows = [row for _, row in table.rows() if any(map(bool, row.values()))]
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    if not rows:
        raise ValueError(f"{path}: no row")
    return [{str(key).strip(): value for key, value in row.items()} for row in rows]


def _objects(path: Path) -> list[dict[str, Any]]:
    """Yield the objects of a JSON list, or one per line. Raises ValueError naming the row."""
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        rows = _parsed(text, str(path))
    else:
        rows = [
            _parsed(line, f"{path}, row {number}")
            for number, line in enumerate(filter(str.strip, text.split("\n")), 1)
        ]
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, row {number}: no object with names and values: {str(row)[:40]!r}"
            )
    return rows


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: no sound JSON, or cut: {error}") from None


def _spelled_out(
    rows: Sequence[dict[str, Any]],
    present: Sequence[str],
    options: Mapping[str, Any],
    path: Path,
    space: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the rows with a column for each class; a row that names none has equal shares.

    Raises ValueError naming row and key for a column that is not there, an unknown emotion, and a
    probability that is none.
    """
    for key in ("emotion", "accuracy"):
        if options[key] not in present:
            near = suggestion(options[key], present)
            raise ValueError(f"{path}: no column {options[key]!r} (options.{key}){near}")
    classes = emotions.order({*emotions.EMOTIONS, *space})
    read = (options["emotion"], options["accuracy"])
    spelled: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 1):
        where = f"{path}, row {number}"
        name, share = row.get(options["emotion"]), _number(row.get(options["accuracy"]))
        shares = np.full(len(classes), 1 / len(classes))
        if name not in (None, ""):
            if not 0 <= share <= 1:
                raise ValueError(f"{where}: {options['accuracy']} is no probability from 0 to 1")
            try:
                emotion = name if name in space else emotions.canonical(str(name))
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            shares = spelled_out({emotion: share}, classes)
        kept = {key: value for key, value in row.items() if key not in read}
        spelled.append(kept | {f"p_{c}": float(v) for c, v in zip(classes, shares, strict=True)})
    return spelled


def _columns(
    given: Mapping[str, str], present: Sequence[str], path: Path, space: Sequence[str]
) -> dict[str, str]:
    """Return emotion -> column, in canonical order. space: classes that may be no emotions."""
    own = {name.casefold(): name for name in space}
    columns: dict[str, str] = {}
    for emotion, column in given.items():
        if column not in present:
            raise ValueError(
                f"{path}: no column {column!r} "
                f"(options.columns.{emotion}){suggestion(column, present)}"
            )
        columns[own.get(emotion.casefold(), emotion)] = column
    for column in () if given else present:
        written = column.removeprefix("p_")
        try:
            emotion = own.get(written.strip().casefold()) or emotions.canonical(written)
        except ValueError:
            continue
        if emotion in columns:
            raise ValueError(
                f"{path}: columns {columns[emotion]!r} and {column!r} both name {emotion}; say "
                "which in options.columns"
            )
        columns[emotion] = column
    if len(columns) < 2:
        raise ValueError(
            f"{path}: no columns of emotions; map them in options.columns, such as {{happiness: "
            "hap, anger: ang}"
        )
    return {emotion: columns[emotion] for emotion in emotions.order(list(columns))}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
