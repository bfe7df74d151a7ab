"""The files of a dataset on disk: what lies below its folder, and whether that has changed."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_below(root: Path, hidden: bool = True) -> Iterator[Path]:
    """Yield every file below a folder, sorted within each folder.

    Folders that are links come last and are followed. A folder that was read before, or that holds
    `root`, is skipped, so that circular links end. hidden: whether files and folders whose names
    start with a dot count. Raises OSError for a folder that cannot be read.
    """
    top = root.resolve()
    seen = {_identity(folder) for folder in (top, *top.parents)}
    for parent, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        entries = sorted(name for name in folders if hidden or not name.startswith("."))
        folders.clear()
        for name in sorted(entries, key=lambda name: os.path.islink(os.path.join(parent, name))):
            identity = _identity(os.path.join(parent, name))
            if identity not in seen:
                seen.add(identity)
                folders.append(name)
        yield from (
            Path(parent, name) for name in sorted(names) if hidden or not name.startswith(".")
        )


def _identity(folder: str | Path) -> tuple[int, int]:
    """Return device and inode, which are the same for a folder and all links to it."""
    stat = os.stat(folder)
    return stat.st_dev, stat.st_ino


def _refuse(error: OSError) -> None:
    raise error


def fingerprint(root: Path, files: Iterable[str | os.PathLike[str]]) -> str:
    """Return a hash of the files' places below `root`, their sizes and times of change.

    A file that cannot be looked at counts as missing; the others still count.
    """
    digest, above = hashlib.sha256(), os.path.join(root, "")
    for file in files:
        try:
            stat = os.stat(file)
            state = f"{stat.st_size}|{stat.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(
            f"{os.fspath(file).removeprefix(above)}|{state}\n".encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()
