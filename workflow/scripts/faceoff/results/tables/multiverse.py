"""Accuracy of every pipeline under every vote table, label rule and treatment of ties."""

from collections.abc import Sequence

from faceoff.results.tables.table import Column, Row, Sources, Table, in_percent, plain
from faceoff.scoring import multiverse


def rows(sources: Sources) -> list[Row]:
    """Return a row per pipeline and universe."""
    return [
        {"dataset": found["dataset"], **row}
        for found in sources.universes
        for row in multiverse.rows(found)
    ]


def lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line per pipeline: its range over the universes."""
    by_pipeline: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_pipeline.setdefault((row["dataset"], row["pipeline"]), []).append(row)
    made = []
    for (dataset, pipeline), own in by_pipeline.items():
        values = [row["accuracy"] for row in own if row["accuracy"] is not None]
        made.append(
            {
                "dataset": dataset,
                "pipeline": pipeline,
                "home": next((row["accuracy"] for row in own if row["home"]), None),
                "lowest": min(values, default=None),
                "highest": max(values, default=None),
                "best": f"{sum(row['best'] for row in own)} of {len(own)}",
            }
        )
    return made


TABLE = Table(
    rows=rows,
    lines=lines,
    needs=("multiverse",),
    columns=[
        *plain("dataset", "pipeline"),
        Column(header="this task %", text=in_percent("home")),
        Column(header="lowest %", text=in_percent("lowest")),
        Column(header="highest %", text=in_percent("highest")),
        Column(header="best or tied in", text=lambda row: row["best"]),
    ],
)
