"""Stream reproducible Parquet files.

The same rows give the same bytes: row groups are cut by count (and by image bytes), never by time
or by the arrival of rows.
"""

import errno
import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceoff.storage.files import atomic, damaged

ROW_GROUP = 256
GROUP_BYTES = 16 * 2**20

_MEDIA = ("image", "audio")  # columns of encoded bytes


FAILURE = b"faceoff_failed_files"


def with_failure(schema: pa.Schema, failed_files: Sequence[str]) -> pa.Schema:
    """Return a schema whose file says that its rows stand in for a failed job.

    The listed files are to be removed and made again.
    """
    return schema.with_metadata(
        {**(schema.metadata or {}), FAILURE: json.dumps(sorted(set(failed_files)))}
    )


def failed_files(path: Path | str) -> list[str]:
    """Return the files that `path` (Parquet) declares as failed, itself included.

    The list is empty for a sound file.
    """
    files: list[str] = json.loads((read_schema(path).metadata or {}).get(FAILURE, b"[]"))
    return files


NOTES = b"faceoff_notes"


def with_notes(schema: pa.Schema, notes: Sequence[str]) -> pa.Schema:
    """Return a schema whose file says what a reader of its rows has to know, a line each."""
    return schema.with_metadata({**(schema.metadata or {}), NOTES: json.dumps([*notes])})


def notes_of(path: Path | str) -> list[str]:
    """Return the lines of `with_notes`; empty for most files."""
    notes: list[str] = json.loads((read_schema(path).metadata or {}).get(NOTES, b"[]"))
    return notes


class Writer:
    """A context manager that streams rows (mappings) into a Parquet file.

    Memory holds at most two row groups. A second thread compresses a full group while the next one
    is collected, because decoding and compression share two cores.
    """

    def __init__(self, path: Path | str, schema: pa.Schema):
        self._atomic = atomic(path)
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self._pending: Future[None] | None = None

    def __enter__(self) -> "Writer":
        # Statistics and dictionaries of pictures are of no use and take as long as compressing.
        plain = [name for name in self._schema.names if name not in _MEDIA]
        with ExitStack() as stack:
            scratch = stack.enter_context(self._atomic)
            writer = pq.ParquetWriter(
                scratch,
                self._schema,
                compression="zstd",
                use_dictionary=plain,
                write_statistics=plain,
            )
            self._parquet = stack.enter_context(writer)
            self._compressor = stack.enter_context(ThreadPoolExecutor(1))
            self._open = stack.pop_all()
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; columns that it lacks become null."""
        self._rows.append(row)
        self._bytes += sum(len(row[name]["bytes"] or b"") for name in _MEDIA if row.get(name))
        if len(self._rows) >= ROW_GROUP or self._bytes >= GROUP_BYTES:
            self._flush()

    def write_group(self, table: pa.Table) -> None:
        """Append a table as one row group."""
        self._flush()
        self._wait()
        self._pending = self._compressor.submit(self._parquet.write_table, table)

    def _flush(self) -> None:
        self._wait()
        if self._rows:
            self._pending = self._compressor.submit(self._write_group, self._rows)
            self._rows, self._bytes = [], 0

    def _write_group(self, rows: list[Mapping[str, Any]]) -> None:
        self._parquet.write_table(pa.Table.from_pylist(rows, schema=self._schema))

    def _wait(self) -> None:
        """Wait for the previous group, and raise here any error of its thread."""
        if self._pending is not None:
            self._pending.result()
            self._pending = None

    def __exit__(self, *failure: Any) -> None:
        if failure[0] is None:
            with self._open:  # a row of the last group may be refused too: then the old file stays
                self._flush()
                self._wait()
        else:
            self._open.__exit__(*failure)


@contextmanager
def _reading(path: Path | str) -> Iterator[None]:
    """Turn errors of a Parquet file into ValueError or FileNotFoundError that name the file."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    except (pa.ArrowException, KeyError, OSError) as error:  # KeyError: a column is not there
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(path, "Parquet file", error) from None


def read_schema(path: Path | str) -> pa.Schema:
    """Read the columns of a Parquet file, with its metadata.

    Raises ValueError for a damaged file.
    """
    with _reading(path):
        return pq.read_schema(path)


TASK = b"faceoff_task"


def task_of(samples: Path) -> dict[str, Any]:
    """Return the task of a samples table.

    It has name, type, version, space, limited, headline, and group_sources: attribute -> the table
    that names it.
    """
    task: dict[str, Any] = json.loads(read_schema(samples).metadata[TASK])
    return task


SHARDS = b"faceoff_shards"


def shards_of(path: Path | str) -> list[Path]:
    """Return the files that hold a table's rows.

    These are its shards if the table only names them (relative to its folder), else the file
    itself.
    """
    named = (read_schema(path).metadata or {}).get(SHARDS)
    return (
        [Path(path)] if named is None else [Path(path).parent / name for name in json.loads(named)]
    )


def stream(
    path: Path | str, batch_size: int = 64, columns: Sequence[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of at most `batch_size` rows; memory holds one row group.

    Raises ValueError for a damaged file.
    """
    # Read group by group, because `iter_batches` over the whole file keeps what it has read, and
    # memory would grow with the file.
    for shard in shards_of(path):
        with _reading(shard), pq.ParquetFile(shard) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(
                    group, columns=None if columns is None else list(columns), use_threads=False
                )
                for start in range(0, table.num_rows, batch_size):
                    yield table.slice(start, batch_size).to_pylist()


def rows(path: Path | str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file one by one, streaming."""
    for batch in stream(path, ROW_GROUP, columns):
        yield from batch


class RowReader:
    """Read single rows of a table by their places; memory holds one row group.

    Rows that lie near each other are read once. Raises ValueError for a damaged file.
    """

    def __init__(self, path: Path | str):
        self._groups: list[tuple[Path, int]] = []
        self._firsts: list[int] = []  # the place of each group's first row
        self._held, self._table = -1, pa.table({})
        count = 0
        for shard in shards_of(path):
            with _reading(shard), pq.ParquetFile(shard) as parquet:
                for group in range(parquet.num_row_groups):
                    self._groups.append((shard, group))
                    self._firsts.append(count)
                    count += parquet.metadata.row_group(group).num_rows

    def row(self, place: int) -> dict[str, Any]:
        """Return the row at a place, counted from 0. Raises IndexError where there is none."""
        index = bisect_right(self._firsts, place) - 1
        if index != self._held:
            shard, group = self._groups[index]
            with _reading(shard), pq.ParquetFile(shard) as parquet:
                self._table = parquet.read_row_group(group, use_threads=False)
            self._held = index
        found: dict[str, Any] = self._table.slice(place - self._firsts[index], 1).to_pylist()[0]
        return found


def read(*paths: Path | str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one logical table from its parts (shards), in the order given.

    Raises ValueError for a damaged file.
    """
    names = None if columns is None else list(columns)
    parts = []
    for path in paths:
        # `pq.read_table` would import pyarrow.dataset, a third of a second of each job.
        with _reading(path), pq.ParquetFile(path) as parquet:
            part = parquet.read(names)
            parts.append(part if names is None else part.select(names))
    return pa.concat_tables(parts)


def count(path: Path | str) -> int:
    """Return the number of rows, from the footers alone. Raises ValueError for a damaged file."""
    rows = 0
    for shard in shards_of(path):
        with _reading(shard):
            rows += pq.read_metadata(shard).num_rows
    return rows


def write_rows(path: Path | str, schema: pa.Schema, items: Iterable[Mapping[str, Any]]) -> None:
    """Write all rows of an iterable as one Parquet file."""
    with Writer(path, schema) as writer:
        for item in items:
            writer.write(item)


def write_table(path: Path | str, table: pa.Table) -> None:
    """Write a whole table, as the same bytes that its rows would become one by one."""
    with Writer(path, table.schema) as writer:
        for start in range(0, table.num_rows, ROW_GROUP):
            writer.write_group(table.slice(start, ROW_GROUP))
