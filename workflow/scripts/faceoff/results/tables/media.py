"""Every two pairs on stills and on video: does the medium change which is better?"""

from dataclasses import asdict

from faceoff.results.dataset_results import label
from faceoff.results.stills_and_video import interactions
from faceoff.results.tables.table import Column, Row, Sources, Table, plain
from faceoff.results.words import p_in_table, points


def rows(sources: Sources) -> list[Row]:
    """Return a row per two cells and two datasets of different media, largest change first."""
    return [
        {"on": f"{row.stills}; {row.video}", **asdict(row)}
        for row in interactions(sources.cells, sources.comparisons)
    ]


TABLE = Table(
    rows=rows,
    needs=("several_datasets",),
    columns=[
        *plain("stills", "video"),
        Column(header="A", text=lambda row: label(row["a"])),
        Column(header="B", text=lambda row: label(row["b"])),
        Column(header="A − B on stills", text=lambda row: points(row["on_stills"])),
        Column(header="on video", text=lambda row: points(row["on_video"])),
        Column(header="change", text=lambda row: points(row["difference"])),
        Column(header="p", text=lambda row: p_in_table(row["p_adjusted"])),
    ],
)
