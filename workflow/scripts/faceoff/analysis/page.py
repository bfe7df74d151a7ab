"""Write analysis.html: the video with its faces, the curves under it, a cursor that moves both.

The page is one file that works from file:// without a network. The video is linked by its path
relative to the page, not copied. Texts are escaped, and the content security policy lets no script
run but the page's own.
"""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from faceoff.analysis import summary
from faceoff.analysis.result import Analysis
from faceoff.media.kinds import sample_kind
from faceoff.storage import files

_HERE = Path(__file__).parent


def write(analysis: Analysis, path: Path, lines: Sequence[str]) -> None:
    """Write the page of a file's analysis. lines: its summary in words."""
    if analysis.path is None:
        raise ValueError("a page shows a file; arrays and iterators have none")
    style, script = ((_HERE / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    # In a script element only "<" can end the element or open a comment.
    data = json.dumps(_data(analysis)).replace("<", "\\u003c")
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(_HERE), undefined=jinja2.StrictUndefined
    )
    source = os.path.relpath(analysis.path.resolve(), path.parent.resolve())
    page = environment.get_template("page.html.j2").render(
        name=analysis.name,
        lines=lines,
        still=sample_kind(analysis.path) == "image",
        source=quote(source),
        overlay="overlay.mp4" if (path.parent / "overlay.mp4").is_file() else "",
        policy=(
            f"default-src 'none'; img-src 'self' file:; media-src 'self' file:; "
            f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
            "form-action 'none'"
        ),
        style=Markup(style),
        script=Markup(script),
        data=Markup(data),
    )
    files.write_text(path, page)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(analysis: Analysis) -> dict[str, Any]:
    """Return what the script draws: the times of frames, and of each person what is seen when.

    Everything is in columns of whole numbers, so that an hour of video stays small: places of
    frames; x, y, w, h in pixels, four per place; percentages, one per emotion and place; scores of
    units in tenths. state is the rule's, -1 where there is none.
    """
    table = analysis.table
    frames, first = np.unique(summary.values(table, "frame"), return_index=True)
    read = table.filter(pc.equal(table["success"], 1))
    owner = summary.keys(read, "identity")
    places = np.searchsorted(frames, summary.values(read, "frame"))
    size = table.slice(0, 1).select(["width", "height"]).to_pylist()
    units = [name for name in table.schema.names if name.startswith("au_")]
    people = analysis.summary["people"]
    return {
        "times": np.round(summary.values(table, "timestamp")[first], 4).tolist(),
        **(size[0] if size else {"width": None, "height": None}),
        "emotions": list(analysis.emotions),
        "units": [f"AU{name.removeprefix('au_').upper()}" for name in units],
        "rule": analysis.rule,
        "people": [
            {
                "name": summary.name_of(person["identity"], person["person"]),
                "share": person["frames"] / len(frames),
                "places": places[owner == person["identity"]].tolist(),
                **_columns(read.filter(owner == person["identity"]), analysis.emotions, units),
            }
            for person in people
        ],
        "episodes": [
            {
                **episode,
                "identity": [person["identity"] for person in people].index(episode["identity"]),
            }
            for episode in analysis.episodes
        ],
    }


def _columns(rows: pa.Table, emotions: Sequence[str], units: Sequence[str]) -> dict[str, Any]:
    shares = [f"p_{emotion}" for emotion in emotions]
    states = [*emotions]
    return {
        "box": _whole(rows, list("xywh"), 1),
        "p": _whole(rows, shares, 100),
        "au": _whole(rows, units, 10),
        "reliable": rows["reliable"].to_pylist(),
        "state": [
            states.index(state) if state in states else -1
            for state in rows["steady_emotion"].to_pylist()
        ],
    }


def _whole(rows: pa.Table, names: Sequence[str], factor: float) -> list[int | None]:
    """Return several columns as one list of whole numbers, row by row, None for what is null."""
    values = np.column_stack([np.empty((len(rows), 0)), *[summary.values(rows, n) for n in names]])
    scaled = np.round(values * factor).ravel()
    return [None if np.isnan(value) else int(value) for value in scaled.tolist()]
