"""Compare fusions with the best single pair, pairs with the top one, and every two pairs."""

from collections.abc import Callable, Sequence

from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, plain
from faceoff.results.words import p_in_table


def rows(sources: Sources) -> list[Row]:
    """Return a row per comparison."""
    return [
        {"dataset": found["dataset"], **pair}
        for found in sources.comparisons
        for pair in found["comparisons"]
    ]


def _printed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are printed: the family of all pairs is in the CSV only."""
    return [row for row in rows if row["family"] != "all pairs"]


def _points(value: str, low: str = "low", high: str = "high") -> Callable[[Row], str]:
    """Return a function that prints a difference in percentage points with its interval.

    Too few clusters give no interval.
    """

    def text(row: Row) -> str:
        if row[value] is None:
            return "–"
        limits = "" if row[low] is None else f" [{100 * row[low]:+.2f}, {100 * row[high]:+.2f}]"
        return f"{100 * row[value]:+.2f}{limits}"

    return text


TABLE = Table(
    rows=rows,
    lines=_printed,
    columns=[
        *plain("dataset", "a", "b"),
        Column(header="difference, points [95 % CI]", text=_points("difference")),
        Column(header="p", text=lambda row: p_in_table(row["p"])),
        Column(header="adjusted p", text=lambda row: p_in_table(row["p_adjusted"])),
        Column(
            header="test",
            text=lambda row: f"{row['test']}, adjusted by {row['adjusted_by']}",
            wide=True,
        ),
        *plain("verdict"),
        Column(
            header="where both have a face",
            text=_points("common", "common_low", "common_high"),
            wide=True,
        ),
        Column(
            header="UAR, points", text=_points("uar_difference", "uar_low", "uar_high"), wide=True
        ),
        Column(
            header="macro-F1, points", text=_points("f1_difference", "f1_low", "f1_high"), wide=True
        ),
        Column(header="detectable, points", text=in_percent("minimum_detectable"), wide=True),
    ],
)
