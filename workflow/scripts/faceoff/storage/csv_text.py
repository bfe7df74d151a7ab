"""Write CSV files, in which no cell is a formula for a spreadsheet."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.storage import files

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of a formula


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows atomically under these headings, as UTF-8 with Unix line ends.

    A column that a row lacks stays empty. Text that begins as a formula does gets a "'" in front,
    as spreadsheets write it, since names of files and people's labels come from outside.
    """
    with files.atomic(path) as scratch, open(scratch, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(map(_safe, columns)), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({_safe(name): _safe(value) for name, value in row.items()})


def _safe(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
