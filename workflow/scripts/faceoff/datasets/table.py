"""One's own pictures listed in a CSV or Parquet table, with a map from its columns to Faceoff's."""

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from faceoff import emotions
from faceoff.datasets._files import fingerprint
from faceoff.datasets._own_labels import OwnLabels
from faceoff.media.kinds import PICTURE_SUFFIXES, VIDEO_SUFFIXES, read_bytes, sample_kind
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, known_encoding
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion
from faceoff.storage import parquet
from faceoff.storage.delimited import DelimitedTable, number_in
from faceoff.storage.files import DamagedError

DATASETS = {
    "table": {
        "class": "Table",
        "title": "table of pictures",
        "terms": "your own",
        "how_to_get": "write a CSV with a path and a label column",
    }
}


class Columns(BaseModel):
    """The columns of the table, by meaning; only `path` is needed."""

    model_config = ConfigDict(extra="forbid")
    path: str = "path"
    label: str | None = Field(default="label", description="null: the table has no labels")
    id: str | None = Field(default=None, description="default: the path")
    subject: str | None = None
    split: str | None = None
    valence: str | None = None
    arousal: str | None = None
    groups: list[str] = Field(default_factory=list)

    def named(self) -> list[str]:
        """Return the columns that the table must have."""
        one = (self.path, self.id, self.subject, self.split, self.valence, self.arousal)
        label = [self.label] if self.label not in (None, "label") else []
        return [name for name in one if name] + self.groups + label


class TableOptions(OwnLabels):
    """Keys of a table dataset."""

    path: DataPath = Field(
        description="the table: Parquet, or text cells separated by commas, semicolons, tabs or "
        "bars (CSV), also compressed by gzip"
    )
    root: DataPath | None = Field(
        None,
        description="folder that relative picture paths start from; default: the table's folder",
    )
    columns: Columns = Field(
        default_factory=Columns,
        description="column names of path, label, id, subject, split, valence, arousal, groups; "
        "label: null for a table without labels",
    )
    split: str | None = Field(None, description="keep only rows of this split")
    encoding: str | None = Field(
        None,
        description="encoding of a text table, such as cp1252; default: UTF-8, or UTF-16 where "
        "the file is that",
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        return known_encoding(name)


# Words for a label in names of columns.
_LABEL_WORDS = re.compile(
    "label|emotion|emo$|expression|class|target|category|affect|feeling|mood|annotation|truth|"
    "answer|^gt$|^y$|^y_?true$"
)
_LOOKED_AT = 1000  # rows whose cells are tried as labels


class Table:
    """Rows of a table, in its order. `left_out` counts rows without anything in them."""

    Options = TableOptions
    version = "1"

    def __init__(self, options: TableOptions, seed: int = 0):
        self.options = options
        self.left_out: Counter[str] = Counter()
        if not options.path.is_file():
            raise FileNotFoundError(
                f"{options.path}: this is a folder, whose dataset type is 'folder'"
                if options.path.is_dir()
                else f"{options.path}: the table is not there (dataset key 'path')"
            )
        self._root = options.root or options.path.parent
        present, columns = self._names, options.columns
        needed = columns.named()
        for column in needed:
            if column not in present:
                raise ValueError(
                    f"{options.path}: no column {column!r}{suggestion(column, present)}; name it "
                    f"in the dataset key 'columns'{self._header_hint()}"
                )
        self._has_label = columns.label in present
        for column in [*needed, *(["label"] if self._has_label else [])]:
            if present.count(column) > 1:
                places = [str(place) for place, name in enumerate(present, 1) if name == column]
                raise ValueError(
                    f"{options.path}: columns {' and '.join(places)} are both named {column!r}; "
                    "rename one"
                )
        if columns.label is not None and not self._has_label:
            self._refuse_near_labels()

    @cached_property
    def _text(self) -> DelimitedTable | None:
        """Return the table of text, None for Parquet."""
        path = self.options.path
        with open(path, "rb") as file:
            if path.suffix.lower() == ".parquet" or file.read(4) == b"PAR1":
                return None
        return DelimitedTable(
            path, self.options.columns.path, self.options.encoding, "the dataset key 'encoding'"
        )

    @cached_property
    def _names(self) -> list[str]:
        if self._text is None:
            with self._own_file():
                return list(parquet.read_schema(self.options.path).names)
        return self._text.names

    def _header_hint(self) -> str:
        """Return what to say of a first row that holds data."""
        media = PICTURE_SUFFIXES | VIDEO_SUFFIXES
        if any("/" in name or Path(name).suffix.lower() in media for name in self._names):
            return "; the first row of the table has to name its columns"
        return ""

    def _refuse_near_labels(self) -> None:
        """Raise ValueError if a column that nothing reads may hold the labels."""
        options = self.options
        free = [name for name in dict.fromkeys(self._names) if name not in options.columns.named()]
        words = dict.fromkeys(free, 0)
        for _, row in islice(self._rows(free), _LOOKED_AT):
            for name in free:
                written = row[name]
                if written is None or name not in words:
                    continue
                try:
                    options.label(str(written))
                    words[name] += 1
                except ValueError:
                    del words[name]
        near = [
            name
            for name in free
            if words.get(name) or _LABEL_WORDS.search(re.sub(r"[\s-]+", "_", name.casefold()))
        ]
        if near:
            raise ValueError(
                f"{options.path}: no column 'label', but {_either(near)} may hold the labels; name "
                f"it in the dataset key 'columns', as in columns: {{label: {near[0]}}}, or write "
                "columns: {label: null} for a table without labels"
            )

    @cached_property
    def space(self) -> tuple[str, ...]:
        """Return the emotions that the table's labels name, in canonical order."""
        return (
            emotions.order(sorted({sample.label for sample in self._samples() if sample.label}))
            or emotions.EMOTIONS
        )

    @contextmanager
    def _own_file(self) -> Iterator[None]:
        """Say of a damaged table what to do with a file that no run makes."""
        try:
            yield
        except DamagedError as error:
            raise ValueError(f"{error.what}; save the table again, as Parquet or CSV") from None

    def _rows(self, columns: list[str] | None = None) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (number, row) with these columns, by default all of them."""
        if self._text is not None:
            yield from self._text.rows(columns)
            return
        with self._own_file():
            for number, row in enumerate(parquet.rows(self.options.path, columns), start=1):
                yield number, {name: _value(cell) for name, cell in row.items()}

    def samples(self) -> Iterator[Sample]:
        """Yield one sample per row; a repeated id gets its row number.

        Raises ValueError naming the row of an unknown label, an empty id, a number outside −1 … 1
        or a path that this system has not. Reports on stderr columns that look forgotten.
        """
        columns = self.options.columns
        forgotten = [
            name
            for name in self._names
            if name.casefold() in {"subject", "split", "valence", "arousal"}
            and getattr(columns, name.casefold()) is None
            and name not in columns.named()
        ]
        if forgotten:
            print(
                f"{self.options.path}: not read: {', '.join(forgotten)}; the dataset key 'columns' "
                "says what they are",
                file=sys.stderr,
            )
        labelled = [0, 0]  # how many are not, and how many are
        for sample in self._samples():
            labelled[sample.label is not None] += 1
            yield sample
        log_skipped(self.options.path.name, self.left_out)
        if self._has_label and labelled[0] and not labelled[1]:
            print(
                f"{self.options.path}: no row has a label in the column {columns.label!r}",
                file=sys.stderr,
            )

    def check(self) -> None:
        """Raise ValueError for the first row that cannot be read."""
        for _ in self._samples():
            pass

    def _samples(self) -> Iterator[Sample]:
        columns = self.options.columns
        label_of = cache(self.options.label)
        seen: set[str] = set()
        self.left_out.clear()
        for number, row in self._rows():
            if all(cell is None for cell in row.values()):
                self.left_out["row without anything in it"] += 1
                continue
            where = f"{self.options.path}, row {number}"
            split = str(row[columns.split] or "") if columns.split else "test"
            if self.options.split and split != self.options.split:
                continue
            written = row[columns.label] if self._has_label and columns.label else None
            try:
                label = label_of(str(written)) if written is not None else None
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            path = self._local(str(row[columns.path] or ""), where)
            if columns.id and row[columns.id] is None:
                raise ValueError(f"{where}: {columns.id} is empty (dataset key 'columns.id')")
            sample_id = str(row[columns.id]) if columns.id else path
            sample_id = sample_id if sample_id not in seen else f"{sample_id}#{number}"
            seen.add(sample_id)
            subject = row[columns.subject] if columns.subject else None
            yield Sample(
                sample_id=sample_id,
                path=path,
                kind=sample_kind(self._root / path),
                label=label,
                subject=None if subject is None else str(subject),
                split=split,
                valence=_rating(row, columns.valence, where),
                arousal=_rating(row, columns.arousal, where),
                groups={name: str(row[name]) for name in columns.groups if row[name] is not None},
            )

    def _local(self, written: str, where: str) -> str:
        """Return a path as written, or as this system spells it if Windows wrote it.

        Raises ValueError for the drive of another machine and for a web address.
        """
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", written):
            raise ValueError(
                f"{where}: {written!r} is an address; fetch the file and write its path"
            )
        if "\\" not in written and not re.match(r"[A-Za-z]:", written):
            return written
        if os.sep == "\\" or os.path.lexists(self._root / written):
            return written
        path = PureWindowsPath(written)
        if path.drive or path.root:
            raise ValueError(
                f"{where}: {written!r} is a path of Windows; write paths that start from the "
                "table's folder, or from the dataset key 'root'"
            )
        return path.as_posix()

    def read(self, sample: Sample) -> bytes:
        if not sample.path:
            raise FileNotFoundError("the row names no file")
        return read_bytes(self.file(sample))

    def file(self, sample: Sample) -> Path:
        return self._root / sample.path

    def fingerprint(self) -> Any:
        """Return a hash of the table and every file that it lists.

        300,000 files take about a second on a local disk.
        """
        column, root = self.options.columns.path, os.fspath(self._root)
        listed = (
            os.path.join(root, self._local(str(row[column]), f"{self.options.path}, row {number}"))
            for number, row in self._rows([column])
            if row[column]
        )
        return [
            fingerprint(self.options.path.parent, [self.options.path]),
            fingerprint(self._root, listed),
        ]


def _value(cell: Any) -> Any:
    """Return a cell of Parquet; "nothing" is None, however it is written."""
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    nothing = (isinstance(cell, float) and math.isnan(cell)) or (
        isinstance(cell, str) and not cell.strip()
    )
    return None if nothing else cell


def _rating(row: Mapping[str, Any], column: str | None, where: str) -> float | None:
    """Return a number from −1 to 1, None for an empty cell or a word for nothing.

    A decimal comma and the minus sign of typography are understood.
    """
    if column is None or row[column] is None:
        return None
    written = str(row[column]).strip()
    try:
        value = number_in(written)
    except ValueError as error:
        raise ValueError(
            f"{where}: {column} is {error}; leave the cell empty where there is none"
        ) from None
    if value is None:
        return None
    if not -1 <= value <= 1:
        raise ValueError(
            f"{where}: {column} {written} lies outside −1 … 1; rescale the column (1 … 9: "
            "(value − 5) / 4), and leave the cell empty where there is no rating"
        )
    return value


def _either(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
