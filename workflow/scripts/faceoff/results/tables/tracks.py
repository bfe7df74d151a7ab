"""Scores of tracks and identities, of all clips of a dataset and of each kind (protocol §51)."""

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    percent_with_interval,
    plain,
    rounded,
)


def rows(sources: Sources) -> list[Row]:
    """Return a row per dataset, detector and kind of clip; `all` stands for every kind."""
    return [
        {
            "dataset": found["dataset"],
            "detector": found["detector"],
            "policy": found["policy"],
            "kind": part["kind"] or "all",
            "clips": part["n"],
            **part["counts"],
            **_with_intervals(part),
        }
        for found in sources.tracks
        for part in found["parts"]
    ]


def _with_intervals(part: Row) -> Row:
    row: Row = {}
    for name, value in part["values"].items():
        row[name] = value
        low, high = part["intervals"].get(name, (None, None))
        row[f"{name}_low"], row[f"{name}_high"] = low, high
    return row


TABLE = Table(
    rows=rows,
    needs=("tracks",),
    columns=[
        *plain("dataset", "detector", "kind", "clips"),
        Column(header="MOTA %", text=percent_with_interval("mota")),
        Column(header="IDF1 %", text=percent_with_interval("idf1")),
        Column(header="HOTA %", text=percent_with_interval("hota")),
        Column(header="IDF1 of identities %", text=percent_with_interval("identity_idf1")),
        Column(header="B³ F1 %", text=percent_with_interval("b3_f1"), wide=True),
        Column(header="found − true", text=rounded("surplus", 2)),
        Column(header="recognised", text=lambda row: f"{row['recognised']} of {row['returns']}"),
        Column(header="changes/min", text=rounded("changes_per_minute", 2)),
    ],
)
