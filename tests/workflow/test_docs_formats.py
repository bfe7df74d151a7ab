"""Test that the docs describe a run's files: columns of tables, and keys of JSON as types."""

import csv
import json
import re
from pathlib import Path

import msgspec
import pytest

import runs
from faceoff.scoring.records import Comparison, Score

pytestmark = pytest.mark.slow
SHARED = ("all", "all about cells")


def documented() -> dict[str, set[str]]:
    """Return table -> the columns that the page names."""
    part = (
        (runs.ROOT / "docs" / "formats.md")
        .read_text(encoding="utf-8")
        .split("## tables/*.csv\n")[1]
        .split("\n## ")[0]
    )
    found: dict[str, set[str]] = {}
    for table, columns in re.findall(r"^\| ([\w ]+) \| ([^|]+) \|", part, re.MULTILINE):
        found.setdefault(table, set()).update(re.findall(r"`(\w+)`", columns))
    return found


def test_every_column_is_there(finished: Path) -> None:
    known = documented()
    files = sorted((finished / "results" / "small" / "tables").glob("*.csv"))
    assert {"accuracy", "comparisons", "confusion", "coverage", "speed"} <= {
        path.stem for path in files
    }
    for path in files:
        with open(path, newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file))
        assert path.stem in known, f"{path.name} is not on the page"
        assert (
            set(columns).difference(known[path.stem], *(known[rows] for rows in SHARED)) == set()
        ), path.name


@pytest.mark.parametrize(("folder", "record"), [("scores", Score), ("comparisons", Comparison)])
def test_every_key_of_a_document_is_in_its_record(
    finished: Path, folder: str, record: type
) -> None:
    paths = sorted((finished / "results" / "small" / folder).rglob("*.json"))
    assert paths
    for path in paths:
        found = json.loads(path.read_text(encoding="utf-8"))
        assert msgspec.to_builtins(msgspec.convert(found, record)) == found, path
