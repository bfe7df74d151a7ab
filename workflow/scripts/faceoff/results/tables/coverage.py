"""Samples in which a face was found, and what happened to the others."""

from collections.abc import Mapping
from typing import Any

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
from faceoff.storage.columns import outcomes


def rows(sources: Sources) -> list[Row]:
    """Return a row per cell: how many samples are in each state."""
    boxes = {
        (found["dataset"], row["detector"]): row
        for found in sources.overlaps
        for row in found["detectors"]
    }
    return [
        about(cell)
        | outcomes(cell["counts"])
        | {"coverage": cell["metrics"]["coverage"]}
        | _of_clips(cell["clips"])
        | _on_face(boxes.get((cell["dataset"], cell.get("detector", ""))))
        for cell in sources.scored
    ]


def _on_face(boxes: Mapping[str, Any] | None) -> Row:
    """Return how many true faces the detector's chosen box lies on (protocol §9).

    Empty where a dataset has no true boxes, of whole frames and of fusions.
    """
    found = boxes or {}
    with_face = found.get("with_face")
    return {
        "with_face": with_face,
        "on_face": found.get("on_face"),
        "coverage_on_face": found["on_face"] / with_face if with_face else None,
        "false_alarms": found.get("false_alarms"),
    }


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
        Column(header="on the face %", text=in_percent("coverage_on_face")),
        Column(header="frames read %", text=in_percent("frame_coverage"), wide=True),
    ],
)
