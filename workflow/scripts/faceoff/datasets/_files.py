"""The files of a dataset on disk: what lies below its folder, and whether that has changed."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

# What operating systems, file servers and archivers put beside pictures.
_SYSTEM = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "@eadir",
        "#recycle",
        "__macosx",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)


def of_the_system(name: str) -> str | None:
    """Return why a file or folder of this name is no data of the user's, else None."""
    if name.casefold() in _SYSTEM:
        return "file or folder of the system"
    return "hidden file or folder" if name.startswith(".") else None


def files_below(
    root: Path, hidden: bool = True, left_out: Counter[str] | None = None
) -> Iterator[Path]:
    """Yield every file below a folder, sorted within each folder.

    Folders that are links come last and are followed. A folder that was read before, or that holds
    `root`, is skipped, so that circular links end. hidden: whether files and folders count whose
    names start with a dot or are the operating system's; else `left_out` counts them. Raises
    OSError for a folder that cannot be read.
    """

    def wanted(name: str) -> bool:
        reason = None if hidden else of_the_system(name)
        if reason and left_out is not None:
            left_out[reason] += 1
        return reason is None

    top = root.resolve()
    seen = {_identity(folder) for folder in (top, *top.parents)}
    for parent, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        entries = sorted(filter(wanted, folders))
        folders.clear()
        for name in sorted(entries, key=lambda name: os.path.islink(os.path.join(parent, name))):
            identity = _identity(os.path.join(parent, name))
            if identity not in seen:
                seen.add(identity)
                folders.append(name)
        yield from (Path(parent, name) for name in sorted(filter(wanted, names)))


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
