"""One's own pictures listed in a CSV or Parquet table, with a map from its columns to Faceoff's."""

import math
import os
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
from pydantic import BaseModel, ConfigDict, Field

from faceoff import emotions
from faceoff.datasets._files import fingerprint
from faceoff.datasets._own_labels import OwnLabels
from faceoff.media.videos import VIDEO_SUFFIXES
from faceoff.plugins.options import DataPath
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion
from faceoff.storage import parquet

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
    label: str | None = "label"
    id: str | None = Field(default=None, description="default: the path")
    subject: str | None = None
    split: str | None = None
    valence: str | None = None
    arousal: str | None = None
    groups: list[str] = Field(default_factory=list)


class TableOptions(OwnLabels):
    """Keys of a table dataset."""

    path: DataPath = Field(description="the table, .csv or .parquet")
    root: DataPath | None = Field(
        None,
        description="folder that relative picture paths start from; default: the table's folder",
    )
    columns: Columns = Field(
        default_factory=Columns,
        description="column names of path, label, id, subject, split, valence, arousal, groups",
    )
    split: str | None = Field(None, description="keep only rows of this split")


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


class Table:
    """Rows of a table, in its order."""

    Options = TableOptions
    version = "1"

    def __init__(self, options: TableOptions, seed: int = 0):
        self.options = options
        if not options.path.is_file():
            raise FileNotFoundError(f"{options.path}: the table is not there (dataset key 'path')")
        self._root = options.root or options.path.parent
        columns = options.columns
        named = [
            columns.path,
            columns.id,
            columns.subject,
            columns.split,
            columns.valence,
            columns.arousal,
            *columns.groups,
        ]
        present = self._column_names()
        for column in [name for name in named if name] + (
            [columns.label] if columns.label not in (None, "label") else []
        ):
            if column not in present:
                raise ValueError(
                    f"{options.path}: no column {column!r}{suggestion(column, present)}; name it "
                    "in the dataset key 'columns'"
                )
        self._has_label = columns.label in present

    @cached_property
    def space(self) -> tuple[str, ...]:
        """Return the emotions that the table's labels name, in canonical order."""
        return (
            emotions.order(sorted({sample.label for sample in self.samples() if sample.label}))
            or emotions.EMOTIONS
        )

    def _column_names(self) -> list[str]:
        if self.options.path.suffix == ".parquet":
            return pyarrow.parquet.read_schema(self.options.path).names
        with pyarrow.csv.open_csv(self.options.path) as reader:
            return reader.schema.names

    def _rows(self, columns: list[str] | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield rows with these columns, by default all of them."""
        if self.options.path.suffix == ".parquet":
            yield from parquet.rows(self.options.path, columns)
            return
        # Read every column as text, because "007" and "NA" may be names.
        convert = pyarrow.csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in self._column_names()},
            strings_can_be_null=True,
            null_values=[""],
            include_columns=columns,
        )
        with pyarrow.csv.open_csv(self.options.path, convert_options=convert) as reader:
            for batch in reader:
                yield from batch.to_pylist()

    def samples(self) -> Iterator[Sample]:
        """Yield one sample per row; a repeated id gets its row number.

        Raises ValueError naming the row of an unknown label or an empty id.
        """
        columns = self.options.columns
        label_of = cache(self.options.label)
        seen: set[str] = set()
        for number, row in enumerate(self._rows(), start=1):
            split = str(row[columns.split] or "") if columns.split else "test"
            if self.options.split and split != self.options.split:
                continue
            written = row[columns.label] if self._has_label and columns.label else None
            try:
                label = label_of(str(written)) if written not in (None, "") else None
            except ValueError as error:
                raise ValueError(f"{self.options.path}, row {number}: {error}") from None
            path = str(row[columns.path] or "")
            if columns.id and row[columns.id] in (None, ""):
                raise ValueError(
                    f"{self.options.path}, row {number}: {columns.id} is empty (dataset key "
                    "'columns.id')"
                )
            sample_id = str(row[columns.id]) if columns.id else path
            sample_id = sample_id if sample_id not in seen else f"{sample_id}#{number}"
            seen.add(sample_id)
            subject = row[columns.subject] if columns.subject else None
            yield Sample(
                sample_id=sample_id,
                path=path,
                kind="video" if Path(path).suffix.lower() in VIDEO_SUFFIXES else "image",
                label=label,
                subject=None if subject is None else str(subject),
                split=split,
                valence=_number(row[columns.valence]) if columns.valence else None,
                arousal=_number(row[columns.arousal]) if columns.arousal else None,
                groups={name: str(row[name]) for name in columns.groups if row[name] is not None},
            )

    def read(self, sample: Sample) -> bytes:
        if not sample.path:
            raise FileNotFoundError("the row names no file")
        return self.file(sample).read_bytes()

    def file(self, sample: Sample) -> Path:
        return self._root / sample.path

    def fingerprint(self) -> Any:
        """Return a hash of the table and every file that it lists.

        300,000 files take about a second on a local disk.
        """
        column, root = self.options.columns.path, os.fspath(self._root)
        listed = (
            os.path.join(root, str(row[column])) for row in self._rows([column]) if row[column]
        )
        return [
            fingerprint(self.options.path.parent, [self.options.path]),
            fingerprint(self._root, listed),
        ]
