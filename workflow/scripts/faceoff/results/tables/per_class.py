"""Precision, recall and F1 of each emotion."""

from faceoff.results.tables.table import Column, Row, Sources, Table, about, in_percent, plain


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell and emotion."""
    return [about(cell) | emotion for cell in sources.scored for emotion in cell["per_class"]]


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model", "emotion", "n"),
        Column(header="precision %", text=in_percent("precision")),
        Column(header="recall %", text=in_percent("recall")),
        Column(header="F1 %", text=in_percent("f1")),
    ],
)
