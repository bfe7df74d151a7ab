"""Read and write JSON and text files, atomically and reproducibly.

A file is written to `.{name}.{host}-{pid}.tmp` beside its target and renamed when it is complete,
so that a reader never sees half a file.
"""

import errno
import json
import math
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def temporary(path: Path) -> Path:
    """Return the neighbour that `path` is written to before it is renamed."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.tmp")


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Give a temporary path in the target's folder, renamed to `path` on success.

    It is removed on failure. Raises OSError with a readable message if the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = temporary(path)
    try:
        yield scratch
        os.replace(scratch, path)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        said = (
            "the disk is full or the quota used up; make space and run again, what is finished "
            "stays"
        )
        raise OSError(error.errno, said, str(path)) from error
    finally:
        scratch.unlink(missing_ok=True)


def _writes(pid: int, leftover: Path) -> bool:
    """Return whether a process of this host is still writing the file.

    It must live, be no zombie, and not be a later process that reuses the writer's number.
    """
    try:
        # The name stands in brackets and may hold anything. After it come the state and, as the
        # 20th field, the start in ticks since the machine started.
        fields = (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()
        )
        age = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - int(
            fields[19]
        ) / os.sysconf("SC_CLK_TCK")
        return fields[0] not in {"Z", "X"} and time.time() - age <= leftover.stat().st_mtime + 1.0
    except (OSError, ValueError, IndexError):  # no such process, or no /proc
        return False


def clear_leftovers(folder: Path, older_than_s: float = 86_400.0) -> None:
    """Remove temporary files of dead writers below `folder`.

    A file of this host goes if its process is gone, a file of another host after a day.
    """
    here = f".{socket.gethostname()}"  # a host's name may have dots, so its end is compared
    for leftover in folder.rglob(".*.tmp"):
        host, _, pid = leftover.name.removesuffix(".tmp").rpartition("-")
        local = host.endswith(here) and pid.isdigit()
        try:
            abandoned = (
                not _writes(int(pid), leftover)
                if local
                else time.time() - leftover.stat().st_mtime > older_than_s
            )
        except FileNotFoundError:  # its writer has just renamed it
            continue
        if abandoned:
            leftover.unlink(missing_ok=True)


_LARGEST_TEXT = 1_000_000  # bytes


def read_written(path: Path | str) -> str:
    """Return the UTF-8 text of a file that a person writes: a configuration, a card, a plug-in.

    Raises ValueError for a pipe, socket or device, whose end may never come, and for more than 1
    MB, which takes minutes as YAML.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError("a pipe, socket or device, which is not opened")
    if path.is_file() and path.stat().st_size > _LARGEST_TEXT:
        raise ValueError("larger than 1 MB, so it is another file than you mean")
    return path.read_text(encoding="utf-8")


class DamagedError(ValueError):
    """A file was cut short or overwritten. what: the file and its fault, without a cure."""

    def __init__(self, what: str):
        super().__init__(f"{what}; remove it and run snakemake again, which makes it anew")
        self.what = what


def damaged(path: Path | str, kind: str, error: Exception) -> DamagedError:
    """Return the error for a file of a run that was cut short or overwritten."""
    fault = " ".join(str(error).split())
    return DamagedError(f"{path} is no {kind}, or a damaged one ({fault})")


def plain(value: Any) -> Any:
    """Return the value as JSON can hold it: NaN and infinities as null, arrays as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: Path | str, value: Any) -> None:
    """Write sorted, indented JSON atomically; NaN and infinities as null."""
    write_text(path, _text(value) + "\n")


def write_json_rows(
    path: Path | str, rows: Iterable[Any], value: Mapping[str, Any] | None = None, name: str = ""
) -> None:
    """Write what `write_json` writes of {**value, name: list(rows)}, a row at a time.

    Without a value it is what `write_json` writes of list(rows).
    """
    head, deep = ("[", 0) if value is None else (_text({**value, name: []}), 1)
    mark = "[" if value is None else f'\n "{name}": ['
    before, _, after = head.partition(mark)
    indent = "\n" + " " * deep
    with atomic(path) as scratch, open(scratch, "w", encoding="utf-8", newline="\n") as file:
        file.write(before + mark)
        end = "]"
        for number, row in enumerate(rows):
            text = _text(row).replace("\n", f"{indent} ")
            file.write(f"{',' if number else ''}{indent} {text}")
            end = f"{indent}]"
        file.write(f"{end}{after.removeprefix(']')}\n")


def _text(value: Any) -> str:
    return json.dumps(plain(value), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


_FAILURE = b'{"failure"'


def write_failure(path: Path | str, reason: str, failed_files: list[str]) -> None:
    """Write the stand-in for a file that a job should have made, whatever its format is."""
    with atomic(path) as scratch:
        text = json.dumps({"failure": reason, "failed_files": failed_files}, ensure_ascii=False)
        scratch.write_text(text, encoding="utf-8")


def failure_of(path: Path | str) -> dict[str, Any] | None:
    """Return what such a stand-in says (failure, failed_files), None for any other file."""
    with open(path, "rb") as file:
        if file.read(len(_FAILURE)) != _FAILURE:
            return None
    found: dict[str, Any] = read_json(path)
    return found


def write_text(path: Path | str, text: str) -> None:
    """Write a UTF-8 text file atomically, with Unix line ends."""
    with atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path | str) -> Any:
    """Read a UTF-8 JSON file. Raises ValueError naming a file that is damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # also of bytes that are no UTF-8
        raise damaged(path, "JSON", error) from None
