"""Join further groups of a dataset's samples from tables by sample id (`groups_from`)."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceoff.plugins.protocols import OUTLIER, VOTES, Sample
from faceoff.spelling import suggestion
from faceoff.statistics.bins import bin_of, thirds
from faceoff.storage.delimited import DelimitedTable, number_in

if TYPE_CHECKING:
    from faceoff.plugins.options import GroupsFile

MOST_LEVELS = 12  # an attribute with more levels has no subgroup scores
PREDICTED = " (predicted)"  # ends the name of an attribute that nobody looked at
# Names in `groups` with another meaning: sets of labels, measured action units, votes.
_OTHER = ("label_set", "units", OUTLIER)
_ACTION_UNIT = re.compile(r"au_?\d", re.IGNORECASE)
_NOTHING = frozenset({"na", "n/a", "nan"})  # "none" is an answer: glasses: none


def is_group(name: str) -> bool:
    """Return whether a name in `groups` is that of an attribute that divides samples."""
    return not (name in _OTHER or _ACTION_UNIT.match(name) or name.lower().startswith(VOTES))


@dataclass(frozen=True)
class GroupTable:
    """The groups that a table names.

    source: what a report says of their origin; levels: sample id -> attribute -> level, without
    empty cells; columns: attribute -> column of the file; notes: what was left out or cut into
    bins.
    """

    path: Path
    source: str
    levels: Mapping[str, Mapping[str, str]]
    columns: Mapping[str, str]
    notes: Sequence[str]


def read_groups(section: "GroupsFile") -> GroupTable:
    """Read the groups that a table names.

    Raises ValueError naming the file, the row or column and the cure for a file or column that is
    not there, an id that is empty or stands twice, a cell that is no number in a column with given
    bins, and a name that has another meaning.
    """
    path = section.path
    if not path.is_file():
        raise ValueError(f"{path}: the table is not there (dataset key 'groups_from')")
    table = DelimitedTable(path, section.id, section.encoding, "groups_from.encoding")
    columns = _columns(section, table.names)
    cells: dict[str, dict[str, str]] = {}
    rows: dict[str, int] = {}
    for row_number, row in table.rows({section.id, *columns.values()}):
        if not any(row.values()):
            continue
        where, identity = f"{path}, row {row_number}", row[section.id]
        if identity is None:
            raise ValueError(f"{where}: {section.id} is empty (groups_from.id)")
        key = _key(identity)
        if key in rows:
            raise ValueError(
                f"{where}: {section.id} {identity!r} stands in row {rows[key]} already; keep one"
            )
        rows[key] = row_number
        cells[key] = {
            name: cell.strip()
            for name, column in columns.items()
            if (cell := row[column]) is not None and cell.strip().casefold() not in _NOTHING
        }
    if not rows:
        raise ValueError(f"{path}: no row")
    levels: dict[str, dict[str, str]] = {key: {} for key in cells}
    marked: dict[str, str] = {}
    notes = []
    for name, column in columns.items():
        written = {key: own[name] for key, own in cells.items() if name in own}
        found, note = _levels(written, section.bins.get(name), f"{path}, column {column!r}", rows)
        notes += [f"{path.name}: {name}: {note}"] if note else []
        if not found:
            continue
        shown = name + PREDICTED if section.predicted_by else name
        marked[shown] = column
        for key, level in found.items():
            levels[key][shown] = level
    source = f"predicted by {section.predicted_by}" if section.predicted_by else f"file {path.name}"
    return GroupTable(path, source, levels, marked, notes)


def _columns(section: "GroupsFile", present: Sequence[str]) -> dict[str, str]:
    """Return attribute -> column. Raises ValueError for one that is missing, or named badly."""
    path, given = section.path, section.columns
    if given is None:
        columns = {name: name for name in present if name and name != section.id}
    else:
        columns = dict(given) if isinstance(given, dict) else {name: name for name in given}
    for key, column in [("id", section.id), *(("columns", name) for name in columns.values())]:
        if column not in present:
            raise ValueError(
                f"{path}: no column {column!r}{suggestion(column, present)}; name it in "
                f"groups_from.{key}"
            )
        if present.count(column) > 1:
            places = [str(place) for place, name in enumerate(present, 1) if name == column]
            raise ValueError(
                f"{path}: columns {' and '.join(places)} are both named {column!r}; rename one"
            )
    for name, column in columns.items():
        if not is_group(name) or name.endswith(PREDICTED):
            raise ValueError(
                f"{path}, column {column!r}: the group name {name!r} has another meaning; rename "
                f"it, as in groups_from.columns: {{my_{name.split()[0]}: {column}}}"
            )
    if not columns:
        raise ValueError(f"{path}: no column besides {section.id!r}, so it names no group")
    for name in section.bins:
        if name not in columns:
            raise ValueError(f"groups_from.bins: no attribute {name!r}{suggestion(name, columns)}")
    return columns


def _levels(
    written: Mapping[str, str],
    edges: Sequence[float] | None,
    where: str,
    rows: Mapping[str, int],
) -> tuple[Mapping[str, str], str]:
    """Return id -> level of one column, and a line about what was done to it.

    Numbers are cut at the edges; without edges, more than 12 different numbers are cut into thirds.
    A text with more than 12 values has no level.
    """
    if edges is None and len(set(written.values())) <= MOST_LEVELS:
        return written, "" if written else "no cell has anything in it"
    numbers: dict[str, float] = {}
    for key, cell in written.items():
        try:
            value = number_in(cell)
        except ValueError as error:
            if edges is None:
                count = len(set(written.values()))
                return {}, f"not read, as it has {count:,} values and {MOST_LEVELS} are the most"
            raise ValueError(f"{where}, row {rows[key]}: {error}; it has bins") from None
        if value is not None:
            numbers[key] = value
    if not numbers:
        return {}, "no cell has a number in it"
    note = ""
    if edges is None:
        values = list(numbers.values())
        if len(set(values)) <= MOST_LEVELS:  # 1, 1.0 and 01 are one number
            return {key: f"{value:g}" for key, value in numbers.items()}, ""
        edges = thirds(values)
        cut = " and ".join(f"{edge:g}" for edge in edges)
        note = f"{len(set(values)):,} numbers, cut into thirds at {cut}; groups_from.bins cuts else"
    return dict(zip(numbers, bin_of(list(numbers.values()), edges), strict=True)), note


def _key(identity: str) -> str:
    """Return a sample id in the form that compares: a table of Windows writes a\\b for a/b."""
    return identity.strip().replace("\\", "/")


def sources(tables: Sequence[GroupTable]) -> dict[str, str]:
    """Return attribute -> where it comes from, as a report says it."""
    found: dict[str, list[str]] = {}
    for table in tables:
        for name in table.columns:
            found.setdefault(name, []).append(table.source)
    return {name: ", ".join(named) for name, named in found.items()}


def joined(
    dataset: str, samples: Iterable[Sample], tables: Sequence[GroupTable]
) -> Iterator[Sample]:
    """Yield the samples with the groups that the tables name.

    Reports on stderr how many ids of a table are no sample, and how many samples have no row.
    Raises ValueError where a table names a group that the sample has, or no sample at all.
    """
    met: Counter[int] = Counter()
    total, example = 0, ""
    of_dataset: set[str] = set()
    for sample in samples:
        total, example = total + 1, sample.sample_id
        groups = dict(sample.groups)
        of_dataset |= groups.keys()
        for place, table in enumerate(tables):
            own = table.levels.get(_key(sample.sample_id))
            if own is None:
                continue
            met[place] += 1
            for name in own:
                if name in groups:
                    raise ValueError(_collision(table, name, dataset))
            groups |= own
        yield replace(sample, groups=groups)
    for place, table in enumerate(tables):
        for name in of_dataset & table.columns.keys():  # of other samples than the table's
            raise ValueError(_collision(table, name, dataset))
        if not met[place] and total:
            written = next(iter(table.levels))
            raise ValueError(
                f"{table.path}: none of its {len(table.levels):,} ids is a sample of {dataset}: "
                f"it has {written!r}, the dataset {example!r}; name the column with the sample "
                "ids in groups_from.id"
            )
        print(
            f"{dataset}: {table.path.name} names groups of {met[place]:,} of {total:,} samples; "
            f"{len(table.levels) - met[place]:,} of its rows are of no sample",
            file=sys.stderr,
        )
        for note in table.notes:
            print(f"{dataset}: {note}", file=sys.stderr)


def _collision(table: GroupTable, name: str, dataset: str) -> str:
    """Return the message for a group that a sample has already."""
    column = table.columns[name]
    plain = name.removesuffix(PREDICTED)
    return (
        f"{table.path}, column {column!r}: samples of {dataset} have a group {name!r} already "
        "(of the dataset or of another table); "
        f"rename this one, as in groups_from.columns: {{{plain}_of_file: {column}}}"
    )
