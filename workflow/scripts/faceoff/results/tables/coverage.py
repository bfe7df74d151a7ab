"""Samples in which a face was found, and what happened to the others."""

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    about,
    as_it_is,
    in_percent,
    plain,
)


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell: how many samples are in each state."""
    return [
        about(cell) | cell["counts"] | {"coverage": cell["metrics"]["coverage"]}
        for cell in sources.scored
    ]


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model", "n"),
        Column(header="coverage %", text=in_percent("coverage")),
        Column(header="no face", text=as_it_is("no_face")),
        *plain("unreadable", "error"),
    ],
)
