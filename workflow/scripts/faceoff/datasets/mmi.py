"""Read the MMI Facial Expression Database (Pantic et al. 2005; Valstar & Pantic 2010).

Its expressions are posed or induced and go from neutral over the peak to neutral. Layout of a
download, as several public programs read it (the authors' own description was not at hand):
Sessions/<number>/ holds a clip S001-002.avi (subject, recording), S001-002.xml with <Metatag
Name="Emotion" Value="4"/>, session.xml with <track view="0">, and, if action units are coded,
S001-002-oao_aucs.xml with <ActionUnit Number="12">.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from faceoff.datasets._files import fingerprint
from faceoff.emotions import order
from faceoff.media.kinds import VIDEO_SUFFIXES
from faceoff.plugins.omissions import counted, log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample

DATASETS = {
    "mmi": {
        "class": "Mmi",
        "title": "MMI",
        "terms": "research only, under a signed end-user licence; may not be passed on",
        "how_to_get": "account at https://mmifacedb.eu",
    }
}

# other values are no basic emotion
CODES = {
    1: "anger",
    2: "disgust",
    3: "fear",
    4: "happiness",
    5: "sadness",
    6: "surprise",
}
VIEWS = {"0": "frontal", "1": "profile", "2": "dual"}  # dual: both side by side in one picture

_CLIP = re.compile(r"(S\d{3})-\d{3}")
View = Literal["frontal", "profile", "dual"]


class MmiOptions(DatasetConfig):
    """Keys of a mmi dataset."""

    path: DataPath = Field(description="the download's folder with Sessions, or Sessions itself")
    views: list[View] = Field(
        default=["frontal"],
        min_length=1,
        description="keep clips of these views; dual shows the face twice, frontal and in profile",
    )


class _Session(NamedTuple):
    """A session's clip, its label, and what describes it; `files` are those that were read."""

    clip: Path
    label: str
    view: str
    units: tuple[int, ...]
    files: tuple[Path, ...]


def _elements(path: Path, tag: str) -> list[ElementTree.Element]:
    """Return the elements of this name anywhere in an XML file, whatever their case.

    Raises ValueError naming a file that is no XML.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}: not readable as XML: {error}") from None
    return [
        element
        for element in root.iter()
        if isinstance(element.tag, str)
        and element.tag.rpartition("}")[2].casefold() == tag.casefold()
    ]


def read_emotion(path: Path) -> int | None:
    """Return the emotion code of a clip's XML, None without one.

    Raises ValueError if it is no number, or if two differ.
    """
    values = {
        (tag.get("Value") or "").strip()
        for tag in _elements(path, "Metatag")
        if (tag.get("Name") or "").strip().casefold() == "emotion"
    }
    if not values - {""}:
        return None
    value = values.pop()
    if values or not value.isdecimal():
        raise ValueError(
            f"{path}: one number is expected as Value of the Metatag 'Emotion', found "
            f"{', '.join(sorted({value, *values}))!r}"
        )
    return int(value)


def read_units(path: Path) -> tuple[int, ...]:
    """Return the action units of an …-oao_aucs.xml, rising. Raises ValueError naming the file."""
    numbers = {(unit.get("Number") or "").strip() for unit in _elements(path, "ActionUnit")}
    if not all(number.isdecimal() for number in numbers):
        raise ValueError(f"{path}: an ActionUnit without a Number: {', '.join(sorted(numbers))!r}")
    return tuple(sorted(map(int, numbers)))


class Mmi:
    """The clips of a basic emotion, by name.

    `left_out` counts by reason the sessions that are not in the task.
    """

    Options = MmiOptions
    space = order(list(CODES.values()))

    def __init__(self, options: MmiOptions, seed: int = 0):
        self.options = options
        root = options.path / "Sessions" if (options.path / "Sessions").is_dir() else options.path
        sessions = (
            [path for path in root.iterdir() if path.is_dir() and path.name.isdecimal()]
            if root.is_dir()
            else []
        )
        if not sessions:
            raise FileNotFoundError(
                f"{root}: no session such as Sessions/1/S001-001.avi below it (dataset key 'path')"
            )
        self.left_out: Counter[str] = Counter()
        self._sessions: dict[str, _Session] = {}
        for folder in sorted(sessions, key=lambda path: int(path.name)):
            session = self._session(folder)
            if isinstance(session, str):
                self.left_out[session] += 1
            elif session.clip.stem in self._sessions:
                self.left_out["clip of another session"] += 1
            else:
                self._sessions[session.clip.stem] = session
        if not self._sessions:
            raise FileNotFoundError(
                f"{root}: no session of the task (dataset keys 'path', 'views'); left out: "
                f"{counted(self.left_out)}"
            )
        self.version = f"{'-'.join(view for view in VIEWS.values() if view in options.views)}@1"

    def _session(self, folder: Path) -> _Session | str:
        """Return a session of the task, or why it is not in it."""
        clips = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in VIDEO_SUFFIXES and _CLIP.fullmatch(path.stem)
        )
        if not clips:
            return "no clip"
        if len({clip.stem for clip in clips}) > 1:
            raise ValueError(
                f"{folder}: several clips in one session: {', '.join(clip.name for clip in clips)}"
            )
        # A clip in another format is the user's copy of the AVI, such as one turned upright.
        clip = next((path for path in clips if path.suffix.lower() != ".avi"), clips[0])
        about, session, units = (
            folder / name
            for name in (f"{clip.stem}.xml", "session.xml", f"{clip.stem}-oao_aucs.xml")
        )
        code = read_emotion(about) if about.is_file() else None
        if code not in CODES:
            return "no emotion" if code is None else f"emotion code {code}"
        written = (
            {(track.get("view") or "").strip() for track in _elements(session, "track")}
            & VIEWS.keys()
            if session.is_file()
            else set()
        )
        view = VIEWS[written.pop()] if len(written) == 1 else "unknown"
        if view not in self.options.views:
            return f"{view} view"
        files = tuple(path for path in (clip, about, session, units) if path.is_file())
        return _Session(
            clip, CODES[code], view, read_units(units) if units.is_file() else (), files
        )

    def samples(self) -> Iterator[Sample]:
        """Yield the clips in order of their names; count and report the others on stderr."""
        log_skipped("mmi", self.left_out)
        for name, session in sorted(self._sessions.items()):
            yield Sample(
                sample_id=name,
                path=session.clip.relative_to(self.options.path).as_posix(),
                kind="video",
                label=session.label,
                subject=name[:4],
                groups={
                    "subject": name[:4],
                    "session": session.clip.parent.name,
                    "view": session.view,
                    **{f"au{unit:02d}": "present" for unit in session.units},
                },
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self.options.path / sample.path

    def fingerprint(self) -> Any:
        files = [path for session in self._sessions.values() for path in session.files]
        return fingerprint(self.options.path, files)
