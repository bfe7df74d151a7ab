"""Print tables, rounded and with intervals, as Markdown and LaTeX.

The CSV files keep every digit.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any

from faceoff.results import latex
from faceoff.results.tables.table import Column, Row, Table

# What Markdown would take for markup: names are text. A sign between blanks is none, and brackets
# make a link only before an opening one.
_MARKUP = re.compile(r"[\\`*_|~>]|[<&](?! )|\](?=[(\[])")
_PRINTED = 90  # characters of a reason
_TIED = "† not significantly different from the best"


def in_print(table: Table, rows: Sequence[Row], note: str = "") -> tuple[str, str]:
    """Return the rows of a table as (Markdown, LaTeX). note: a line that stands with the table.

    Values that cannot be told from the best of their column are marked; the best of each dataset
    are bold in LaTeX.
    """
    lines = table.lines(rows)
    shown = [[column.text(line) for column in table.columns] for line in lines]
    tied = {
        (row, place)
        for place, column in enumerate(table.columns)
        if column.marks_ties
        for row, values in enumerate(lines)
        if values.get("tied_with_best")
    }
    markdown = _markdown(shown, [column.header for column in table.columns], note, tied)
    tests = ", ".join(sorted({row["test"] for row in rows if row.get("test")}))
    notes = [f"paired test: {tests}" if tests else "", note]
    return markdown, _latex(table.columns, lines, shown, notes, tied)


def _markdown(
    rows: Sequence[Sequence[str]],
    headers: Sequence[str],
    note: str,
    tied: Collection[tuple[int, int]],
) -> str:
    """Return a Markdown table. tied: cells (row, column) that get a trailing "="."""

    def line(values: Sequence[str]) -> str:
        shown = (_MARKUP.sub(r"\\\g<0>", " ".join(str(value).split())) for value in values)
        return f"| {' | '.join(shown)} |"

    marked = [
        [f"{value} =" if (row, column) in tied else value for column, value in enumerate(values)]
        for row, values in enumerate(rows)
    ]
    text = "\n".join([line(headers), "|" + " --- |" * len(headers), *map(line, marked)]) + "\n"
    return f"*{note}*\n\n{text}" if note else text


def _latex(
    columns: Sequence[Column],
    lines: Sequence[Row],
    shown: Sequence[Sequence[str]],
    notes: Sequence[str],
    tied: Collection[tuple[int, int]],
) -> str:
    """Return the table for a paper, without the wide columns.

    The best of each dataset (and dimension) is bold; a dagger marks what cannot be told from it.
    """

    def of_dataset(row: Any) -> tuple[Any, ...]:
        return row.get("dataset"), row.get("dimension")

    kept = [place for place, column in enumerate(columns) if not column.wide]
    bold = {
        (row, kept.index(place))
        for place, column in enumerate(columns)
        if column.best
        for row in latex.best(
            [line | {column.best: None} if line.get("ranked") is False else line for line in lines],
            column.best,
            group=of_dataset,
            lowest=column.lowest,
        )
    }
    marked = {(row, kept.index(place)) for row, place in tied} - bold
    return latex.table(
        [columns[place].header for place in kept],
        [[_cut(values[place]) for place in kept] for values in shown],
        bold=bold,
        marked=marked,
        notes=[text for text in (_TIED if marked else "", *notes) if text],
    )


def _cut(text: str) -> str:
    return text if len(text) <= _PRINTED else text[: _PRINTED - 1] + "…"
