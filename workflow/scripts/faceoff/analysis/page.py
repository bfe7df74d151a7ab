"""Write analysis.html: the video with its faces, curves and voice under it, one cursor for all.

The page is one file that works from file:// without a network. The video is linked by its path
relative to the page, not copied. Texts are escaped, and the content security policy lets no script
run but the page's own.
"""

import base64
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
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
from faceoff.analysis.voice import STEP_S, Voice
from faceoff.media.kinds import sample_kind
from faceoff.statistics.arrays import Floats
from faceoff.storage import columns, files

_HERE = Path(__file__).parent


def write(analysis: Analysis, path: Path, lines: Sequence[str]) -> None:
    """Write the page of a file's analysis. lines: its summary in words."""
    if analysis.path is None:
        raise ValueError("a page shows a file; arrays and iterators have none")
    style, script = ((_HERE / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(_HERE), undefined=jinja2.StrictUndefined
    )
    source = os.path.relpath(analysis.path.resolve(), path.parent.resolve())
    page = environment.get_template("page.html.j2").render(
        name=analysis.name,
        lines=lines,
        kind=sample_kind(analysis.path),
        voice=analysis.voice,
        source=quote(source),
        overlay="overlay.mp4" if (path.parent / "overlay.mp4").is_file() else "",
        policy=(
            f"default-src 'none'; img-src 'self' file:; media-src 'self' file:; "
            f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
            "form-action 'none'"
        ),
        style=Markup(style),
        script=Markup(script),
        data=_MARK,
    )
    before, after = page.split(_MARK)
    with files.atomic(path) as scratch, open(scratch, "w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        for part in _data(analysis):
            # In a script element only "<" can end the element or open a comment.
            file.write(part.replace("<", "\\u003c"))
        file.write(after)


_MOST = 6000  # values of loudness that a page has: more than a screen has pixels
_MARK = f"data of {hashlib.sha256(b'analysis').hexdigest()}"  # stands where the data come


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(analysis: Analysis) -> Iterator[str]:
    """Yield the JSON that the script draws, in parts: times of frames, and who is seen when.

    Everything is in columns of whole numbers, so that an hour of video stays small: places of
    frames; x, y, w, h in pixels, four per place; percentages, one per emotion and place; scores of
    units in tenths. state is the rule's, -1 where there is none; talking is 1 where the mouth moves
    as in speech, and stands only where a signal tells it. The voice is as of `_voice`.
    """
    table = analysis.table
    frames, first = np.unique(summary.values(table, "frame"), return_index=True)
    size = table.slice(0, 1).select(["width", "height"]).to_pylist()
    units = [name for name in table.schema.names if name.startswith("au_")]
    whole = {
        "times": np.round(summary.values(table, "timestamp")[first], 4).tolist(),
        **(size[0] if size else {"width": None, "height": None}),
        "emotions": list(analysis.emotions),
        "units": [columns.unit_name(name) for name in units],
        "rule": analysis.rule,
        "voice": None if analysis.voice is None else _voice(analysis.voice),
    }
    yield json.dumps(whole).removesuffix("}") + ', "people": ['
    read = np.flatnonzero(table["success"].to_numpy() == 1)
    owner = summary.keys(table, "identity")[read]
    places = np.searchsorted(frames, summary.values(table, "frame")[read])
    chances = [f"p_{name}" for name in analysis.emotions]
    mouths = ["talking"] if "talking" in table.schema.names else []
    drawn = table.select([*"xywh", *chances, *units, *mouths, "reliable", "steady_emotion"])
    for number, person in enumerate(analysis.summary["people"]):
        own = owner == person["identity"]
        seen = {
            "name": summary.name_of(person["identity"], person["person"]),
            "share": person["frames"] / len(frames),
        }
        yield (", " if number else "") + json.dumps(seen).removesuffix("}")
        rows = drawn.take(read[own])
        yield from _listed("places", places[own][:, None].astype(float))
        yield from _listed("box", _numbers(rows, list("xywh")))
        yield from _listed("p", 100 * _numbers(rows, chances))
        yield from _listed("au", 10 * _numbers(rows, units))
        yield from _listed("reliable", _numbers(rows, ["reliable"]))
        for name in mouths:
            yield from _listed(name, _numbers(rows, [name]))
        names = pa.array(analysis.emotions, pa.string())
        state = pc.fill_null(pc.index_in(rows["steady_emotion"], names), -1)
        yield from _listed("state", state.to_numpy()[:, None].astype(float))
        yield "}"
    yield "]}"


def _voice(voice: Voice) -> dict[str, Any]:
    """Return what the script draws of a voice.

    loudness: percentages of the loudest part, one per `step` seconds from `start` on, which is
    None without sound; segments:
    start and end in seconds, place of the emotion (-1: not read), percentages of all emotions.
    """
    every = max(1, math.ceil(len(voice.loudness) / _MOST))
    padded = np.zeros(math.ceil(len(voice.loudness) / every) * every)
    padded[: len(voice.loudness)] = voice.loudness
    loudness = padded.reshape(-1, every).max(axis=1)
    share = 100 * loudness / max(float(loudness.max(initial=0.0)), 1e-9)
    segments = [
        {
            "start": round(row["start_s"], 3),
            "end": round(row["end_s"], 3),
            "speaker": row["speaker"],
            "emotion": voice.emotions.index(row["emotion"]) if row["emotion"] else -1,
            "p": [round(100 * (row[f"p_{name}"] or 0.0)) for name in voice.emotions],
        }
        for row in voice.spoken()
    ]
    return {
        "emotions": list(voice.emotions),
        "segments": segments,
        "start": voice.start_s if len(loudness) else None,
        "end": voice.start_s + voice.duration_s if len(loudness) else None,
        "step": every * STEP_S,
        "loudness": np.round(share).astype(int).tolist(),
        "silent": "" if segments else f"{voice.state}: {voice.reason}",
    }


def _numbers(rows: pa.Table, names: Sequence[str]) -> Floats:
    """Return several columns (rows, columns), NaN where they are null."""
    return np.column_stack(
        [np.empty((len(rows), 0)), *[summary.values(rows, name) for name in names]]
    )


def _listed(name: str, numbers: Floats) -> Iterator[str]:
    """Yield the JSON of one list of whole numbers, row by row, null for NaN, in small parts."""
    yield f', "{name}": ['
    for start in range(0, len(numbers), 1024):
        part = np.round(numbers[start : start + 1024]).ravel().tolist()
        text = ",".join("null" if math.isnan(value) else str(int(value)) for value in part)
        yield ("," if start and part else "") + text
    yield "]"
