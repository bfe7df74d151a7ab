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
from markupsafe import Markup

from faceoff.analysis.result import Analysis
from faceoff.analysis.summary import name_of
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
    """Return what the script draws: of each face, by the place of its frame, what is seen."""
    times: dict[int, float] = {}
    faces: dict[str, dict[int, Any]] = {}
    names: dict[str, str] = {}
    first: dict[str, Any] = {}
    for row in analysis.frames.rows():
        first = first or row
        place = len(times) - (row["frame"] in times)
        times[row["frame"]] = row["timestamp"]
        if row["success"]:
            number = row["face_id"] if row["identity"] is None else row["identity"]
            names[str(number)] = name_of(number, row["person"])
            faces.setdefault(str(number), {})[place] = {
                "box": None if row["x"] is None else [round(row[side], 1) for side in "xywh"],
                "emotion": row["emotion"],
                "p": [round(row[f"p_{emotion}"] or 0.0, 4) for emotion in analysis.emotions],
            }
    people = analysis.summary["people"]
    return {
        "times": list(times.values()),
        "width": first.get("width"),
        "height": first.get("height"),
        "emotions": list(analysis.emotions),
        "faces": faces,
        "names": names,
        "main": str(people[0]["identity"]) if people else "",
    }
