"""Remember the checksums of a run's files, and find the files that are damaged."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from faceoff.storage import files

Checksums = dict[str, dict[str, Any]]  # path below the folder -> size, mtime_ns, sha256


def read(record: Path) -> Checksums:
    """Return the checksums that a record holds; none where it is absent or damaged."""
    try:
        found: Checksums = files.read_json(record)
        return {name: dict(entry) for name, entry in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def renewed(folder: Path, paths: Iterable[str | Path], known: Checksums) -> Checksums:
    """Return the checksums of those of these files that are there.

    A file of the size and time that `known` has is not read again.
    """
    found = {}
    for path in map(Path, paths):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            stat, entry = path.stat(), known.get(name, {})
            about = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
            same = about.items() <= entry.items()
            found[name] = about | {"sha256": entry["sha256"] if same else _sha256(path)}
    return found


def damaged(folder: Path, paths: Iterable[str | Path], known: Checksums) -> Iterator[Path]:
    """Yield those of these files that are not what a run wrote.

    Their content differs from the known checksum; without one, they cannot be what their suffix
    says. A file that is absent is not damaged.
    """
    for path in map(Path, paths):
        if not path.is_file():
            continue
        stat, entry = path.stat(), known.get(path.relative_to(folder).as_posix())
        if entry is None:
            if not _is_whole(path):
                yield path
        elif (stat.st_size, stat.st_mtime_ns) != (entry["size"], entry["mtime_ns"]) and (
            stat.st_size != entry["size"] or _sha256(path) != entry["sha256"]
        ):
            yield path


def _is_whole(path: Path) -> bool:
    """Return whether a file can be what its suffix says, without reading large ones through."""
    from faceoff.storage import parquet  # which needs pyarrow; a reader of a record does not

    try:
        if path.suffix == ".parquet":
            parquet.read_schema(path)
        elif path.suffix == ".json":
            files.read_json(path)
        elif path.suffix == ".npz":
            return zipfile.is_zipfile(path)
    except (OSError, ValueError):
        return False
    return path.stat().st_size > 0


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
