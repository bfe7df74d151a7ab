"""Column contracts of every table Faceoff writes, and atomic, streaming, reproducible Parquet, JSON and text files.

A file is written to `.{name}.{host}-{pid}.tmp` beside its target and renamed when complete, so a reader never meets half a file.
The same rows give the same bytes: row groups are cut by count (and by image bytes), never by time or by how rows arrived.
"""

import errno
import json
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 256
GROUP_BYTES = 16 * 2**20

_MEDIA = ("image", "audio")  # columns of encoded bytes

OK, NO_FACE, UNREADABLE, ERROR = "ok", "no_face", "unreadable", "error"
STATES = (OK, NO_FACE, UNREADABLE, ERROR)

_KEY = [pa.field("sample_id", pa.string(), nullable=False), pa.field("frame", pa.int32(), nullable=False), pa.field("timestamp_s", pa.float64())]
_STATE = [pa.field("state", pa.string(), nullable=False), pa.field("reason", pa.string())]
DIMENSIONS = ("valence", "arousal")  # both −1 … 1
_AFFECT = [pa.field(name, pa.float64()) for name in DIMENSIONS]
# Faces that the dataset itself knows: boxes x, y, w, h and landmarks x1, y1, … x5, y5 of each.
_GIVEN = [pa.field("boxes", pa.list_(pa.list_(pa.float64()))), pa.field("landmarks", pa.list_(pa.list_(pa.float64())))]

SAMPLES = pa.schema([
    pa.field("sample_id", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("path", pa.string(), nullable=False),
    pa.field("label", pa.string()),
    pa.field("votes", pa.list_(pa.float64())),
    *_AFFECT,
    pa.field("subject", pa.string()),
    pa.field("split", pa.string(), nullable=False),
    pa.field("groups", pa.map_(pa.string(), pa.string())),
    *_GIVEN,
])  # fmt: skip


def _hugging_face(media: str, feature: Mapping[str, Any], fields: Sequence[pa.Field]) -> pa.Schema:
    """These fields and, last, a column of encoded bytes, described so that Hugging Face `datasets` decodes it as this feature."""

    def described(kind: pa.DataType) -> dict[str, Any]:
        if pa.types.is_list(kind):
            return {"feature": described(kind.value_type), "_type": "Sequence"}
        return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}

    features = {field.name: described(field.type) for field in fields} | {media: dict(feature)}
    column = pa.field(media, pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())]))
    return pa.schema([*fields, column], metadata={"huggingface": json.dumps({"info": {"features": features}})})


FRAMES = _hugging_face(
    "image",
    {"_type": "Image"},
    [
        *_KEY,
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        *_STATE,
        pa.field("sha256", pa.string()),
        pa.field("label", pa.string()),
        *_AFFECT,
        *_GIVEN,
    ],
)

AUDIO = _hugging_face(
    "audio",
    {"sampling_rate": 16_000, "_type": "Audio"},
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("start_s", pa.float64()),
        pa.field("duration_s", pa.float64()),
        pa.field("sampling_rate", pa.int32()),
        *_STATE,
    ],
)

FACES = pa.schema([
    *_KEY,
    pa.field("face_id", pa.int32(), nullable=False),
    pa.field("n_faces", pa.int32(), nullable=False),
    pa.field("success", pa.int8(), nullable=False),
    *_STATE,
    *[pa.field(name, pa.float64()) for name in ("x", "y", "w", "h", "score")],
    pa.field("landmarks", pa.list_(pa.float64())),  # x1, y1, … x5, y5
])  # fmt: skip


def predictions_schema(emotions: Sequence[str], aus: Sequence[str] = ()) -> pa.Schema:
    """Schema of a predictions (or fusion) table for a model with these classes and action units."""
    return pa.schema([
        *_KEY,
        pa.field("face_id", pa.int32(), nullable=False),
        pa.field("success", pa.int8(), nullable=False),
        *_STATE,
        *[pa.field(f"p_{emotion}", pa.float64()) for emotion in emotions],
        pa.field("emotion", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("sentiment", pa.string()),
        *_AFFECT,
        *[pa.field(f"au_{au.removeprefix('AU').lower()}", pa.float64()) for au in aus],
    ])  # fmt: skip


FAILURE = b"faceoff_failed_files"


def with_failure(schema: pa.Schema, failed_files: Sequence[str]) -> pa.Schema:
    """A schema that says of its file: these rows stand in for a failed job; the listed files are to be removed and made again."""
    return schema.with_metadata({**(schema.metadata or {}), FAILURE: json.dumps(sorted(set(failed_files)))})


def failed_files(path: Path | str) -> list[str]:
    """The files that `path` (Parquet) declares as failed, itself among them; empty for a sound file."""
    return json.loads((read_schema(path).metadata or {}).get(FAILURE, b"[]"))


def classes_of(schema: pa.Schema) -> tuple[str, ...]:
    """The emotions a predictions table has columns for, in their order."""
    return tuple(name.removeprefix("p_") for name in schema.names if name.startswith("p_"))


def temporary(path: Path) -> Path:
    """The temporary neighbour that `path` is written to before it is renamed."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.tmp")


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Give a temporary path in the target's folder; rename it onto `path` on success, remove it on failure. A full disk is an OSError that says so."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = temporary(path)
    try:
        yield scratch
        os.replace(scratch, path)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        said = "the disk is full or the quota used up; make space and run again, what is finished stays"
        raise OSError(error.errno, said, str(path)) from error
    finally:
        scratch.unlink(missing_ok=True)


def _writes(pid: int, leftover: Path) -> bool:
    """Whether this host's process is still writing the file: it lives, is no zombie, and is not a later one that got the writer's number."""
    try:
        # After the name in brackets, which may hold anything: the state, and as the 20th field the start in ticks since the machine started.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        age = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return fields[0] not in {"Z", "X"} and time.time() - age <= leftover.stat().st_mtime + 1.0
    except (OSError, ValueError, IndexError):  # no such process, or no /proc
        return False


def clear_leftovers(folder: Path, older_than_s: float = 86_400.0) -> None:
    """Remove temporary files of dead writers below `folder`: this host's whose process is gone, other hosts' after a day."""
    here = f".{socket.gethostname()}"  # a host's name may have dots, so its end is compared
    for leftover in folder.rglob(".*.tmp"):
        host, _, pid = leftover.name.removesuffix(".tmp").rpartition("-")
        local = host.endswith(here) and pid.isdigit()
        try:
            abandoned = not _writes(int(pid), leftover) if local else time.time() - leftover.stat().st_mtime > older_than_s
        except FileNotFoundError:  # its writer has just renamed it
            continue
        if abandoned:
            leftover.unlink(missing_ok=True)


class Writer:
    """Stream rows (mappings) into a Parquet file; memory holds at most two row groups. Use as a context manager.

    A full group is compressed in a second thread while the next one is collected: a decoder and the compression share two cores.
    """

    def __init__(self, path: Path | str, schema: pa.Schema):
        self._atomic = atomic(path)
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self._pending: Future[None] | None = None

    def __enter__(self) -> "Writer":
        # Neither the least nor the most frequent picture is of interest; looking for them takes as long as compressing.
        plain = [name for name in self._schema.names if name not in _MEDIA]
        with ExitStack() as stack:
            scratch = stack.enter_context(self._atomic)
            writer = pq.ParquetWriter(scratch, self._schema, compression="zstd", use_dictionary=plain, write_statistics=plain)
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

    def _flush(self) -> None:
        self._wait()
        if self._rows:
            self._pending = self._compressor.submit(self._write_group, self._rows)
            self._rows, self._bytes = [], 0

    def _write_group(self, rows: list[Mapping[str, Any]]) -> None:
        self._parquet.write_table(pa.Table.from_pylist(rows, schema=self._schema))

    def _wait(self) -> None:
        """Let the group before be finished, and raise here what went wrong with it."""
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


def _damaged(path: Path | str, kind: str, error: Exception) -> ValueError:
    """What is said of a file that was cut short or overwritten. Snakemake makes a removed file anew only where a target or a later job needs it."""
    return ValueError(f"{path} is no {kind}, or a damaged one ({' '.join(str(error).split())}); remove it and run snakemake with this file as the target")


@contextmanager
def _reading(path: Path | str) -> Iterator[None]:
    """Let what is wrong with a Parquet file be a ValueError that names it, and its absence a FileNotFoundError that does."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(path, "Parquet file", error) from None


def read_schema(path: Path | str) -> pa.Schema:
    """The columns of a Parquet file, with its metadata. Raises ValueError naming a file that is damaged."""
    with _reading(path):
        return pq.read_schema(path)


TASK = b"faceoff_task"


def task_of(samples: Path) -> dict[str, Any]:
    """The task that a samples table belongs to: name, type, version, space, limited, headline."""
    return json.loads(read_schema(samples).metadata[TASK])


SHARDS = b"faceoff_shards"


def shards_of(path: Path | str) -> list[Path]:
    """The files that hold a table's rows: its shards where it only names them (relative to its folder), else itself."""
    named = (read_schema(path).metadata or {}).get(SHARDS)
    return [Path(path)] if named is None else [Path(path).parent / name for name in json.loads(named)]


def stream(path: Path | str, batch_size: int = 64, columns: Sequence[str] | None = None) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of at most `batch_size` rows; memory holds one row group. Raises ValueError naming a file that is damaged."""
    # Group by group: `iter_batches` over the whole file keeps what it has read, so that memory grows with the file.
    for shard in shards_of(path):
        with _reading(shard), pq.ParquetFile(shard) as parquet:
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=None if columns is None else list(columns), use_threads=False)
                for start in range(0, table.num_rows, batch_size):
                    yield table.slice(start, batch_size).to_pylist()


def rows(path: Path | str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file one by one, streaming."""
    for batch in stream(path, ROW_GROUP, columns):
        yield from batch


def read(*paths: Path | str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one logical table from its parts (shards), in the order given. Raises ValueError naming a file that is damaged."""
    parts = []
    for path in paths:
        with _reading(path):
            parts.append(pq.read_table(path, columns=None if columns is None else list(columns)))
    return pa.concat_tables(parts)


def count(path: Path | str) -> int:
    """Number of rows, from the footers alone. Raises ValueError naming a file that is damaged."""
    found = 0
    for shard in shards_of(path):
        with _reading(shard):
            found += pq.read_metadata(shard).num_rows
    return found


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor numpy scalars: NaN and infinities become null, arrays become lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path | str, value: Any) -> None:
    """Write sorted, indented JSON atomically; NaN and infinities as null."""
    write_text(path, json.dumps(_plain(value), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path | str, text: str) -> None:
    """Write a UTF-8 text file atomically, with Unix line ends."""
    with atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path | str) -> Any:
    """Read a UTF-8 JSON file. Raises ValueError naming a file that is damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # also of bytes that are no UTF-8
        raise _damaged(path, "JSON", error) from None


def write_rows(path: Path | str, schema: pa.Schema, items: Iterable[Mapping[str, Any]]) -> None:
    """Write all rows of an iterable as one Parquet file."""
    with Writer(path, schema) as writer:
        for item in items:
            writer.write(item)
