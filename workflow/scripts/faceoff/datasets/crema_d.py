"""Read CREMA-D (Cao et al. 2014): 91 actors speak twelve sentences in six emotions.

The label is what the actor was asked to show. Layout: the repository's VideoFlash folder,
1001_DFA_ANG_XX.flv: actor_sentence_emotion_level. VideoDemographics.csv, if present, adds groups.
"""

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from faceoff import emotions
from faceoff.datasets._files import files_below, fingerprint
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "crema_d": {
        "class": "CremaD",
        "title": "CREMA-D",
        "terms": "Open Database License; contents under the Database Contents License",
        "how_to_get": "git lfs clone https://github.com/CheyneyComputerScience/CREMA-D.git",
    }
}

SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
LABELS = {
    "NEU": "neutral",
    "HAP": "happiness",
    "SAD": "sadness",
    "FEA": "fear",
    "DIS": "disgust",
    "ANG": "anger",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
ACTORS = tuple(str(actor) for actor in range(1001, 1092))
CLIPS = 7442

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")
_MISNAMED = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}  # published with this error
_LFS = b"version https://git-lfs"  # a clone without git-lfs has this in place of a clip


class CremaDOptions(DatasetConfig):
    """Keys of a crema_d dataset."""

    path: DataPath = Field(description="the repository's folder, or its VideoFlash")
    demographics: DataPath | None = Field(
        None,
        description="VideoDemographics.csv (groups sex, age, race, ethnicity); default: the one "
        "in path or beside it",
    )


def parse(stem: str) -> tuple[str, str, str, str] | None:
    """Return (actor, sentence, emotion code, level code) of a file name; None for other names.

    Raises ValueError naming the field whose code is unknown.
    """
    name = _NAME.fullmatch(_MISNAMED.get(stem, stem))
    if not name:
        return None
    actor, sentence, emotion, level = name.groups()
    if actor not in ACTORS:
        raise ValueError(f"unknown actor code {actor!r}; known: 1001-1091")
    known = {"sentence": SENTENCES, "emotion": tuple(LABELS), "level": tuple(LEVELS)}
    for (field, codes), code in zip(known.items(), (sentence, emotion, level), strict=True):
        if code not in codes:
            raise ValueError(f"unknown {field} code {code!r}{suggestion(code, codes)}")
    return actor, sentence, emotion, level


def read_demographics(path: Path) -> dict[str, dict[str, str]]:
    """Return actor -> groups; ages as decades. Raises ValueError if a column is missing."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(file, skipinitialspace=True)
            if any(cell.strip() for cell in row)
        ]
    header = rows[0] if rows else []
    for column in ("ActorID", "Age", "Sex", "Race", "Ethnicity"):
        if column not in header:
            raise ValueError(f"{path}: no column {column!r}{suggestion(column, header)}")
    groups = {}
    for number, cells in enumerate(rows[1:], start=1):
        row = dict(zip(header, cells))
        if len(cells) < len(header) or not row["Age"].isdecimal():
            raise ValueError(
                f"{path}, row {number}: not an actor with age, sex, race and ethnicity: "
                f"{', '.join(cells)}"
            )
        decade = int(row["Age"]) // 10 * 10
        groups[row["ActorID"]] = {
            "sex": row["Sex"].lower(),
            "age": f"{decade}-{decade + 9}",
            "race": row["Race"],
            "ethnicity": row["Ethnicity"],
        }
    return groups


class CremaD:
    """All clips, by name."""

    Options = CremaDOptions
    space = emotions.order(list(LABELS.values()))

    def __init__(self, options: CremaDOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of CREMA-D is not there (dataset key 'path')"
            )
        self._clips: dict[tuple[str, str, str, str], Path] = {}
        for path in sorted(
            path for path in files_below(options.path, hidden=False) if path.suffix == ".flv"
        ):
            try:
                parts = parse(path.stem)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            if parts:
                self._clips.setdefault(parts, path)  # a name in two folders is one clip
        if not self._clips:
            raise FileNotFoundError(
                f"{options.path}: no clip such as VideoFlash/1001_DFA_ANG_XX.flv below it "
                "(dataset key 'path')"
            )
        pointers = [
            path
            for path in self._clips.values()
            if path.is_file() and path.stat().st_size < 200 and path.read_bytes().startswith(_LFS)
        ]
        if pointers:
            raise FileNotFoundError(
                f"{pointers[0]}: a Git LFS pointer stands for the clip, as for {len(pointers):,} "
                "in all; run `git lfs pull` in the repository"
            )
        beside = [
            folder / "VideoDemographics.csv" for folder in (options.path, options.path.parent)
        ]
        self._table = options.demographics or next(
            (path for path in beside if path.is_file()), None
        )
        if self._table and not self._table.is_file():
            raise FileNotFoundError(
                f"{self._table}: the table of actors is not there (dataset key 'demographics')"
            )
        self.version = f"intended{'-demographics' if self._table else ''}@1"

    def samples(self) -> Iterator[Sample]:
        """Yield the clips that are present; report an incomplete copy on stderr."""
        if len(self._clips) != CLIPS:
            print(
                f"crema_d: {len(self._clips):,} of {CLIPS:,} clips are below {self.options.path}",
                file=sys.stderr,
            )
        people: Mapping[str, Mapping[str, str]] | None = (
            read_demographics(self._table) if self._table else None
        )
        for (actor, sentence, emotion, level), path in sorted(self._clips.items()):
            if people is not None and actor not in people:
                raise ValueError(f"{self._table}: no row for actor {actor}")
            yield Sample(
                sample_id=f"{actor}_{sentence}_{emotion}_{level}",
                path=path.relative_to(self.options.path).as_posix(),
                kind="video",
                label=LABELS[emotion],
                subject=actor,
                groups={
                    "actor": actor,
                    "sentence": sentence,
                    "level": LEVELS[level],
                    **(people[actor] if people is not None else {}),
                },
            )

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self.options.path / sample.path

    def fingerprint(self) -> Any:
        files = [*self._clips.values(), *([self._table] if self._table else [])]
        return fingerprint(self.options.path, files)
