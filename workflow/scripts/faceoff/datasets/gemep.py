"""Read GEMEP (Bänziger, Mortillaro & Scherer 2012): ten actors portray eighteen affective states.

The core set has 145 clips. Layout: clips anywhere below the folder. With the key `labels`, a CSV
table (file, actor, emotion) gives their labels. Otherwise the names are read: 01joy… is the actor
and three letters of the state. That scheme was seen in one public program and is not confirmed by
the authors' description.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from faceoff.datasets._files import files_below, fingerprint
from faceoff.emotions import EMOTIONS, order
from faceoff.media.kinds import VIDEO_SUFFIXES
from faceoff.plugins.omissions import counted, log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "gemep": {
        "class": "Gemep",
        "title": "GEMEP",
        "terms": "research, free of charge, on request",
        "how_to_get": "request at https://www.unige.ch/cisa/gemep/",
    }
}

# Code -> state. A basic emotion has its canonical name: elation is happiness, hot anger is anger,
# panic fear is fear.
CODES = {
    "joy": "happiness", "amu": "amusement", "pri": "pride", "ang": "anger", "fea": "fear",
    "des": "despair", "ple": "pleasure", "rel": "relief", "int": "interest", "irr": "irritation",
    "anx": "anxiety", "sad": "sadness", "sur": "surprise", "adm": "admiration", "dis": "disgust",
    "con": "contempt", "ten": "tenderness",
}  # fmt: skip
# shame is not in the core set; its code is not known to us
STATES = order([*CODES.values(), "shame"])
BASIC = tuple(state for state in STATES if state in EMOTIONS)
# Other names of the states, for label tables.
NAMES = {
    "elation": "happiness", "hot anger": "anger", "rage": "anger", "panic fear": "fear",
    "panic": "fear", "cold anger": "irritation", "worry": "anxiety", "sensory pleasure": "pleasure",
}  # fmt: skip
ACTORS, CLIPS = 10, 145

_NAME = re.compile(r"(\d{2})([a-z]{3}).*", re.IGNORECASE)
_COLUMNS = ("file", "actor", "emotion")


class GemepOptions(DatasetConfig):
    """Keys of a gemep dataset."""

    path: DataPath = Field(description="folder of the clips")
    labels: DataPath | None = Field(
        None,
        description="CSV with the columns file (below path), actor, emotion; default: read the "
        "names of the files",
    )
    states: Literal["all", "basic"] = Field(
        "all", description="all eighteen states, or the seven that are basic emotions or contempt"
    )


class _Clip(NamedTuple):
    """A clip, its actor (two digits where it is a number) and state."""

    path: Path
    actor: str
    state: str


def state_of(written: str) -> str:
    """Return the state of a code or a name. Raises ValueError with the nearest known one."""
    word = " ".join(written.replace("_", " ").split()).casefold()
    state = CODES.get(word) or NAMES.get(word) or (word if word in STATES else None)
    if state is None:
        raise ValueError(f"unknown state {written!r}{suggestion(word, [*CODES, *NAMES, *STATES])}")
    return state


def parse(stem: str) -> tuple[str, str] | None:
    """Return (actor, state) of a file name, None for other names.

    Raises ValueError naming the field whose code is unknown.
    """
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    actor, code = match.group(1), match.group(2).casefold()
    if not 1 <= int(actor) <= ACTORS:
        raise ValueError(f"unknown actor {actor!r}; known: 01-{ACTORS}")
    if code not in CODES:
        raise ValueError(
            f"unknown state code {code!r}; known: {', '.join(CODES)}; or list the clips in a "
            "table (dataset key 'labels')"
        )
    return actor, CODES[code]


class Gemep:
    """Clips by actor and name. `left_out` counts those that are not in the task, by reason."""

    Options = GemepOptions

    def __init__(self, options: GemepOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of GEMEP is not there (dataset key 'path')"
            )
        self.space = STATES if options.states == "all" else BASIC
        self.left_out: Counter[str] = Counter()
        self._clips: dict[str, _Clip] = {}
        for clip in sorted(
            self._listed(options.labels) if options.labels else self._named(),
            key=lambda clip: (clip.actor, clip.path),
        ):
            name = clip.path.relative_to(options.path).with_suffix("").as_posix()
            if clip.state not in self.space:
                self.left_out[clip.state] += 1
            elif name in self._clips:
                self.left_out["the same clip in another format"] += 1
            else:
                self._clips[name] = clip
        if not self._clips:
            seen = counted(self.left_out) or "nothing"
            raise FileNotFoundError(
                f"{options.path}: no clip of the task such as 01joy….avi below it (dataset keys "
                f"'path', 'labels'); left out: {seen}"
            )
        self.version = f"{options.states}{'-table' if options.labels else ''}@1"

    def _named(self) -> Iterator[_Clip]:
        """Yield the clips whose names give their labels."""
        for path in files_below(self.options.path, hidden=False):
            if path.suffix.lower() not in VIDEO_SUFFIXES:
                continue
            try:
                parts = parse(path.stem)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            if parts:
                yield _Clip(path, *parts)
            else:
                self.left_out["clip of another name"] += 1

    def _listed(self, table: Path) -> Iterator[_Clip]:
        """Yield the clips of the label table. Raises ValueError naming the row that is wrong."""
        if not table.is_file():
            raise FileNotFoundError(f"{table}: the label table is not there (dataset key 'labels')")
        with open(table, newline="", encoding="utf-8-sig") as file:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(file, skipinitialspace=True)
                if any(cell.strip() for cell in row)
            ]
        header = [cell.casefold() for cell in rows[0]] if rows else []
        for column in _COLUMNS:
            if column not in header:
                raise ValueError(f"{table}: no column {column!r}{suggestion(column, header)}")
        seen: set[str] = set()
        for number, cells in enumerate(rows[1:], start=1):
            file_name, actor, emotion = (
                dict(zip(header, cells)).get(column, "") for column in _COLUMNS
            )
            where = f"{table}, row {number}"
            if not file_name or not actor:
                raise ValueError(
                    f"{where}: not a clip with file, actor and emotion: {', '.join(cells)}"
                )
            if file_name in seen:
                raise ValueError(f"{where}: {file_name!r} occurs twice")
            seen.add(file_name)
            try:
                state = state_of(emotion)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            if (self.options.path / file_name).is_file():
                yield _Clip(
                    self.options.path / file_name,
                    actor.zfill(2) if actor.isdecimal() else actor,
                    state,
                )
            else:
                self.left_out["listed clip not there"] += 1

    def samples(self) -> Iterator[Sample]:
        """Yield the clips; report what is left out, and an incomplete copy, on stderr."""
        if (
            len(self._clips)
            + sum(count for state, count in self.left_out.items() if state in STATES)
            != CLIPS
        ):
            print(
                f"gemep: {len(self._clips)} clips are in the task; the core set has {CLIPS}",
                file=sys.stderr,
            )
        log_skipped("gemep", self.left_out)
        for name, clip in self._clips.items():
            yield Sample(
                sample_id=name,
                path=clip.path.relative_to(self.options.path).as_posix(),
                kind="video",
                label=clip.state,
                subject=clip.actor,
                groups={"actor": clip.actor},
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self.options.path / sample.path

    def fingerprint(self) -> Any:
        files = [
            *(clip.path for clip in self._clips.values()),
            *([self.options.labels] if self.options.labels else []),
        ]
        return fingerprint(self.options.path, files)
