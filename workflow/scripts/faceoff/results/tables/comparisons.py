"""Paired comparisons: each fusion against the best single pair, each pair against the top one."""

from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, plain
from faceoff.results.words import p_in_table


def rows(sources: Sources) -> list[Row]:
    """Return a row per comparison."""
    return [
        {"dataset": found["dataset"], **pair}
        for found in sources.comparisons
        for pair in found["comparisons"]
    ]


def _points(row: Row) -> str:
    """Return a difference in percentage points with its interval; too few clusters give none."""
    limits = "" if row["low"] is None else f" [{100 * row['low']:+.2f}, {100 * row['high']:+.2f}]"
    return f"{100 * row['difference']:+.2f}{limits}"


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "a", "b"),
        Column(header="difference, points [95 % CI]", text=_points),
        Column(header="p", text=lambda row: p_in_table(row["p"])),
        Column(header="Holm p", text=lambda row: p_in_table(row["p_adjusted"])),
        Column(header="test", text=lambda row: row["test"], wide=True),
        *plain("verdict"),
        Column(header="detectable, points", text=in_percent("minimum_detectable"), wide=True),
    ],
)
