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
from faceoff.scoring.records import Clips


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell: how many samples are in each state."""
    return [
        about(cell)
        | cell["counts"]
        | {"coverage": cell["metrics"]["coverage"]}
        | _of_clips(cell["clips"])
        for cell in sources.scored
    ]


def _of_clips(clips: Clips | None) -> Row:
    """Return the frames of clips, and accuracy by the share of them that was read."""
    thirds = clips["thirds"] if clips else [None] * 3
    found: Row = {
        "frames": clips and clips["frames"],
        "frames_read": clips and clips["seen"],
        "frame_coverage": clips and clips["seen"] / clips["frames"],
    }
    for place, third in enumerate(thirds, start=1):
        found[f"n_third_{place}"] = third and third["n"]
        found[f"accuracy_third_{place}"] = third and third["accuracy"]
    return found


TABLE = Table(
    rows=rows,
    columns=[
        *plain("dataset", "detector", "model", "n"),
        Column(header="coverage %", text=in_percent("coverage")),
        Column(header="no face", text=as_it_is("no_face")),
        *plain("unreadable", "error"),
        Column(header="frames read %", text=in_percent("frame_coverage"), wide=True),
    ],
)
