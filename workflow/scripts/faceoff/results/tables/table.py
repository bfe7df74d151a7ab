"""Describe a table: the entry `TABLE` with which each table's module ends.

A table is written as CSV with every digit, and as Markdown and LaTeX, rounded and with intervals.
Its caption is in workflow/report/table_NAME.rst, where NAME is the module's name. `needs` is a
literal, since the plan of a run reads it without importing the module (`plan/table_list.py`).
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faceoff.results.dataset_results import columns_of, name_of
from faceoff.scoring.records import Comparison, Multiverse, Score
from faceoff.scoring.robustness_records import Robustness
from faceoff.scoring.time_records import OverTime

Row = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """Hold what tables are made of, as read from a run's files.

    cells: scores, sorted by dataset, best first within it; comparisons, universes (scores under
    every label rule), over_time, overlaps (of boxes with the true ones): one per dataset, sorted;
    timings: of the jobs that did not fail; latencies: of single pictures; tracks, signals,
    saliency, synchrony: their scores, by dataset and detector; robustness: scores on worse
    pictures, by dataset and corruption.
    """

    cells: Sequence[Score] = ()
    comparisons: Sequence[Comparison] = ()
    timings: Sequence[Mapping[str, Any]] = ()
    universes: Sequence[Multiverse] = ()
    over_time: Sequence[OverTime] = ()
    latencies: Sequence[Mapping[str, Any]] = ()
    overlaps: Sequence[Mapping[str, Any]] = ()
    tracks: Sequence[Mapping[str, Any]] = ()
    signals: Sequence[Mapping[str, Any]] = ()
    robustness: Sequence[Robustness] = ()
    saliency: Sequence[Mapping[str, Any]] = ()
    synchrony: Sequence[Mapping[str, Any]] = ()

    @property
    def scored(self) -> list[Score]:
        """Return the scores of the cells that ran."""
        return [cell for cell in self.cells if cell["state"] == "ok"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """Describe a column of the printed table.

    text: a row's value as text; marks_ties: whether values that cannot be told from the best are
    marked; best: key of the row whose best value of each dataset is bold in LaTeX; lowest: whether
    less is better; wide: left out of LaTeX, as a page has no room for it.
    """

    header: str
    text: Callable[[Row], str]
    marks_ties: bool = False
    best: str | None = None
    lowest: bool = False
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Describe a table of a run.

    rows: rows of the CSV; columns: what is printed of them; lines: several rows as one printed
    line, where they are not printed one by one; needs: what a run must have for it, by the
    names that `plan.job_specs.Plan.table_names` gives.
    """

    rows: Callable[[Sources], list[Row]]
    columns: Sequence[Column]
    lines: Callable[[Sequence[Row]], list[Row]] = field(default=list)
    needs: tuple[str, ...] = ()


def load(name: str) -> Table:
    """Return the table that the module of this name makes."""
    table: Table = importlib.import_module(f"faceoff.results.tables.{name}").TABLE
    return table


def about(cell: Score) -> Row:
    """Return the columns with which the rows of a cell or fusion begin."""
    task: Mapping[str, Any] = cell["task"] or {}
    detector, model = columns_of(cell)
    return {
        "dataset": cell["dataset"],
        "task": task.get("version"),
        "n": task.get("n"),
        "task_hash": task.get("hash"),
        "kind": cell["kind"],
        "detector": detector,
        "model": model,
        "cell": name_of(cell),
    }


def plain(*names: str) -> list[Column]:
    """Return columns that print values as they are, under their own names."""
    return [Column(header=name, text=as_it_is(name)) for name in names]


def as_it_is(name: str) -> Callable[[Row], str]:
    """Return a function that prints a value as it is."""
    return lambda row: str(row[name])


def in_percent(name: str) -> Callable[[Row], str]:
    """Return a function that prints a share in percent."""
    return lambda row: percent(row.get(name))


def rounded(name: str, digits: int = 3) -> Callable[[Row], str]:
    """Return a function that prints a number with so many decimals."""
    return lambda row: number(row.get(name), digits)


def percent(value: float | None) -> str:
    """Return a share in percent with two decimals; '–' for no value."""
    return "–" if value is None else f"{100 * value:.2f}"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many decimals; '–' for no value."""
    return "–" if value is None else f"{value:.{digits}f}"


def number_with_interval(name: str) -> Callable[[Row], str]:
    """Return a function that prints a number with its interval."""

    def text(row: Row) -> str:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        return number(row[name]) + ("" if low is None else f" [{number(low)}, {number(high)}]")

    return text


def percent_with_interval(name: str) -> Callable[[Row], str]:
    """Return a function that prints a share with its interval, in percent."""

    def text(row: Row) -> str:
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        interval = f" [{percent(low)}, {percent(high)}]" if low is not None else ""
        return "–" if row.get(name) is None else percent(row[name]) + interval

    return text
