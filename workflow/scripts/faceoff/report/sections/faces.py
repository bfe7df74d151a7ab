"""Section: the gallery, faces of every confusion cell as the models saw them.

A picture stands once in the page, however many pipelines looked at it.
"""

import base64
from collections.abc import Mapping
from typing import Any

from faceoff.report.part import Part, View, by_interest
from faceoff.results import words
from faceoff.results.dataset_results import name_of, shorten
from faceoff.storage import parquet

ANCHOR, TITLE, NAV = "faces", "Faces, right and wrong", "Faces"
_GLANCE = 4  # right and wrong faces at the head of the page
_FIRST = 8  # right and wrong faces that are there before anything is chosen


def data_uri(data: bytes) -> str:
    """Return an encoded picture as a URI that holds it.

    Galleries are WebP; a table of another program may hold PNG.
    """
    kind = "webp" if data[:4] == b"RIFF" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def glance(part: Part) -> View | None:
    """Return a few faces for the head of the page; None without any.

    They are of the pipeline of most interest, as many right as wrong.
    """
    rows = list(parquet.rows(part.pictures)) if part.pictures else []
    cells = {row["cell"] for row in rows}
    names = [name_of(score) for score in by_interest(part.dataset) if name_of(score) in cells]
    cell = next(iter(names or sorted(cells)), None)
    if cell is None:
        return None
    found = [_face(row, part) for row in rows if row["cell"] == cell]
    right, wrong, plain = (
        [face for face in found if face["outcome"] == outcome] for outcome in ("right", "wrong", "")
    )
    shown = [*right[:_GLANCE], *wrong[:_GLANCE]] or plain[: 2 * _GLANCE]
    words_of = "four faces that it reads right, four that it does not." if right and wrong else ""
    if len(right) < _GLANCE or len(wrong) < _GLANCE:
        words_of = "faces that it reads right and wrong." if right or wrong else "what it answered."
    return {"title": words.label_short(cell), "words": words_of, "faces": shown}


def view(part: Part) -> View | None:
    """Return the faces to show; None without any.

    `store`: what the browser shows by choice; `right`, `wrong`: what is shown at first, of the
    pipeline of most interest.
    """
    by_cell: dict[str, list[dict[str, Any]]] = {}
    for row in parquet.rows(part.pictures) if part.pictures else ():
        by_cell.setdefault(row["cell"], []).append(row)
    order = [
        name_of(score) for score in by_interest(part.dataset) if name_of(score) in by_cell
    ] or sorted(by_cell)
    if not order:
        return None
    images: dict[bytes, int] = {}
    labels: dict[str, int] = {}
    pipelines = []
    for cell in order:
        faces = [_stored(row, images, labels, part) for row in by_cell[cell]]
        pipelines.append(
            {"id": part.ids.get(cell, ""), "title": words.label_short(cell), "faces": faces}
        )
    shown = [_face(row, part) for row in by_cell[order[0]]]
    return {
        "store": {
            "images": [data_uri(data) for data in images],
            "labels": list(labels),
            "pipelines": pipelines,
        },
        "first": pipelines[0]["title"],
        "labelled": (labelled := any(row["truth"] for row in by_cell[order[0]])),
        "heading": TITLE if labelled else "Faces",
        "right": [face for face in shown if face["outcome"] == "right"][:_FIRST],
        "wrong": [face for face in shown if face["outcome"] == "wrong"][:_FIRST],
        "unlabelled": [face for face in shown if face["outcome"] == ""][:_FIRST],
        "files": part.links("examples"),
    }


def _stored(
    row: Mapping[str, Any], images: dict[bytes, int], labels: dict[str, int], part: Part
) -> list[Any]:
    """Return [picture, truth, predicted, confidence in percent, sample].

    The first three are places in the store's lists; truth is −1 where there is none.
    """
    picture = images.setdefault(row["image"]["bytes"], len(images))
    truth, predicted = (
        -1 if row[key] is None else labels.setdefault(part.emotion(row[key]), len(labels))
        for key in ("truth", "predicted")
    )
    return [
        picture,
        truth,
        predicted,
        round(100 * row["confidence"]),
        shorten(row["sample_id"], 80),
    ]


def _face(row: Mapping[str, Any], part: Part) -> View:
    return {
        "src": data_uri(row["image"]["bytes"]),
        "truth": "" if row["truth"] is None else part.emotion(row["truth"]),
        "predicted": part.emotion(row["predicted"]),
        "confidence": row["confidence"],
        "sample": shorten(row["sample_id"], 80),
        "outcome": {True: "right", False: "wrong", None: ""}[row["correct"]],
    }
