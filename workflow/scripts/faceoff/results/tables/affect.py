"""Valence and arousal: how well continuous ratings are followed."""

from faceoff.results.tables.table import (
    Column,
    Row,
    Sources,
    Table,
    about,
    in_percent,
    number,
    plain,
    rounded,
)


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell and dimension."""
    return [
        about(cell) | {"dimension": name} | values
        for cell in sources.cells
        for name, values in sorted(cell.get("affect", {}).items())
    ]


def _concordance(row: Row) -> str:
    low, high = row["ccc_low"], row["ccc_high"]
    return number(row["ccc"]) + ("" if low is None else f" [{number(low)}, {number(high)}]")


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model", "dimension", "n"),
        Column(header="CCC [95 % CI]", text=_concordance, best="ccc"),
        Column(header="CCC where read", text=rounded("covered_ccc")),
        Column(header="CCC within clips", text=rounded("ccc_within_clips")),
        *plain("clips"),
        Column(header="Pearson r", text=rounded("pearson")),
        Column(header="RMSE", text=rounded("rmse")),
        Column(header="sign agreement %", text=in_percent("sign_agreement")),
        Column(header="coverage %", text=in_percent("coverage")),
    ],
)
