"""Show what is read live in a terminal, or as lines where the output is none."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from faceoff.storage.files import plain

NOTE = "perceived from the face, not felt · Ctrl-C ends"
_BAR, _SHORT = 20, 4  # characters of a probability of 1: where there is room, at least
_BESIDE, _FIRST = 8, 11  # columns of a pipeline beside its bar, and of the emotions' names
_PARTS = " ▏▎▍▌▋▊▉"  # eighths of a character
_PER_S = 8.0  # drawings
_MOST = 4  # faces that the block shows


def json_line(told: Mapping[str, Any]) -> str:
    """Return a frame as one line of JSON. told: of `Watched`."""
    return json.dumps(plain(told), ensure_ascii=False, allow_nan=False)


def line(told: Mapping[str, Any]) -> str:
    """Return a frame as one line of words."""
    said = "; ".join(map(_face, told["faces"])) or "no face"
    return f"{told['time_s']:8.2f} s  {said}  ({told['ms']['all']:.0f} ms)"


def _face(face: Mapping[str, Any]) -> str:
    """Return what is seen of a face: the vote, its probability, and the state over time."""
    vote, name = face["vote"], f"face {face['track']}"
    if vote is None:
        reasons = [str(one["reason"] or one["state"]) for one in face["readings"].values()]
        return f"{name}: not read ({reasons[0]})"
    said = f"{name}: {vote['emotion']} {vote['posterior'][vote['emotion']]:.2f}"
    states = list(dict.fromkeys(state for state in face["states"].values() if state))
    if states:
        said += f" [{', '.join(states)}]"
    if face["disagreement"]:
        said += f", {face['disagreement']:.0%} of pairs disagree"
    return said


class Block:
    """Draw frames over one another, until this is closed; the last one stays."""

    def __init__(self, console: Console, name: str):
        self._name, self._console = name, console
        self._live = Live(console=console, refresh_per_second=_PER_S, transient=False)

    def __enter__(self) -> "Block":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, told: Mapping[str, Any]) -> None:
        """Draw a frame at the next refresh. told: of `Watched`."""
        self._live.update(block(told, self._name, self._console.width))


def block(told: Mapping[str, Any], name: str, width: int) -> RenderableType:
    """Return a frame as a block that is drawn over the one before.

    A face has a bar for each emotion of each pipeline. name: of the source; width: of the terminal,
    in characters.
    """
    head = Text.assemble(
        (name, "bold"),
        f"  {told['width']} × {told['height']}  {told['time_s']:.1f} s  {told['fps']:.1f} frames/s"
        f"  latency {told['ms']['all']:.0f} ms  dropped {told['dropped']}",
    )
    faces = told["faces"]
    shown: list[RenderableType] = [head]
    for face in faces[:_MOST]:
        shown += [Text(_face(face), "bold"), _bars(face, width)]
    if not faces:
        shown.append(Text("no face"))
    if len(faces) > _MOST:
        shown.append(Text(f"and {len(faces) - _MOST} more faces"))
    return Group(*shown, Text(NOTE, "dim"))


def _bars(face: Mapping[str, Any], width: int) -> Table:
    """Return a table of a face: a row per emotion, a column per pipeline."""
    readings: Mapping[str, Mapping[str, Any]] = face["readings"]
    bar = max(_SHORT, min(_BAR, (width - _FIRST) // max(len(readings), 1) - _BESIDE))
    table = Table(box=None, pad_edge=False, show_header=len(readings) > 1)
    table.add_column("")
    for name in readings:
        table.add_column(name, min_width=bar + _BESIDE - 2, overflow="fold")
    emotions: Sequence[str] = list((face["vote"] or {"posterior": {}})["posterior"])
    for emotion in emotions:
        cells = [_cell(one, emotion, bar) for one in readings.values()]
        table.add_row(emotion, *cells)
    states = face["states"]
    if any(states.values()):
        table.add_row("over time", *(Text(states.get(name) or "–") for name in readings))
    return table


def _cell(reading: Mapping[str, Any], emotion: str, most: int) -> Text:
    """Return a probability as a bar and a number. most: characters of a probability of 1."""
    share = (reading["posterior"] or {}).get(emotion)
    if share is None:
        return Text("–" if reading["state"] == "ok" else str(reading["state"]))
    whole, eighths = divmod(round(8 * most * share), 8)
    bar = "█" * whole + (_PARTS[eighths] if eighths else "")
    named = reading["emotion"] == emotion
    return Text(f"{bar:<{most}} {share:.0%}", "bold green" if named else "")
