"""List what the samples of each true emotion were taken for."""

from collections.abc import Sequence

from faceoff.results.dataset_results import task_of
from faceoff.results.tables.table import Column, Row, Sources, Table, about, plain


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell, true emotion and answer."""
    found = []
    for cell in sources.scored:
        space = task_of(cell)["space"]
        for truth, counts in zip(space, cell["confusion"], strict=True):
            found += [
                about(cell) | {"truth": truth, "predicted": name, "count": n}
                for name, n in zip([*space, "no_face"], counts, strict=True)
            ]
    return found


def lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line per true class: what it was taken for."""
    taken: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (row["dataset"], row["detector"], row["model"], row["truth"])
        if row["count"]:
            taken.setdefault(key, []).append(f"{row['predicted']} {row['count']}")
    names = ("dataset", "detector", "model", "truth")
    return [
        dict(zip(names, key, strict=True)) | {"taken": ", ".join(words)}
        for key, words in taken.items()
    ]


TABLE = Table(
    rows=rows,
    lines=lines,
    columns=[
        *plain("dataset", "detector", "model", "truth"),
        Column(header="taken for", text=lambda row: row["taken"]),
    ],
)
