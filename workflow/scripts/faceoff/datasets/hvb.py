"""Read Hume-VB, the vocal bursts of A-VB 2022 (Baird et al. 2022), which has sound only.

Laughs, gasps and cries are rated for ten emotions. Layout: labels/high_info.csv (File_ID as
[10119], Split, then the ten intensities from 0 to 1), audio/wav/10119.wav; optional
labels/two_info.csv (File_ID, Split, Valence, Arousal) and, in any of the two, Country and
Subject_ID.
"""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from faceoff.datasets._files import fingerprint
from faceoff.emotions import order
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "hvb": {
        "class": "HumeVocalBursts",
        "title": "Hume-VB (A-VB 2022)",
        "terms": (
            "for research, on request; the licence of the recordings could not be verified (the "
            "baseline code is CC BY-NC-ND 4.0)"
        ),
        "how_to_get": "competitions@hume.ai",
    }
}

# As the columns stand; ties go to the first.
STATES = (
    "Awe",
    "Excitement",
    "Amusement",
    "Awkwardness",
    "Fear",
    "Horror",
    "Distress",
    "Triumph",
    "Sadness",
    "Surprise",
)
SPLITS = {"train": "Train", "valid": "Val", "test": "Test"}
_COUNTRY = ("Country", "Country_string")


class HumeVocalBurstsOptions(DatasetConfig):
    """Keys of an hvb dataset."""

    path: DataPath = Field(description="folder with labels/ and audio/wav/")
    split: Literal["train", "valid", "test"] = Field(
        "valid",
        description="part of the data; the labels of test are not in the files that were given out",
    )
    affect_range: tuple[float, float] = Field(
        (0.0, 1.0), description="lowest and highest value of Valence and Arousal in two_info.csv"
    )

    @model_validator(mode="after")
    def _range_increases(self) -> Self:
        if not self.affect_range[0] < self.affect_range[1]:
            raise ValueError("'affect_range' is [lowest, highest]")
        return self


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (place for messages, row) of a label file.

    Raises ValueError for a missing column, or a File_ID that is empty or repeated.
    """
    seen: set[str] = set()
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True)
        header = [cell.strip() for cell in next(lines, ())]
        for column in columns:
            if column not in header:
                raise ValueError(f"{path}: no column {column!r}{suggestion(column, header)}")
        for cells in lines:
            row = dict(zip(header, (cell.strip() for cell in cells)))
            if not any(row.values()):
                continue
            where = f"{path}, line {lines.line_num}"
            row["File_ID"] = row["File_ID"].strip("[]")
            if not row["File_ID"] or row["File_ID"] in seen:
                raise ValueError(
                    f"{where}: File_ID {row['File_ID']!r} "
                    f"{'occurs twice' if row['File_ID'] else 'is empty'}"
                )
            seen.add(row["File_ID"])
            if row.get("Split") not in SPLITS.values():
                raise ValueError(
                    f"{where}: unknown Split {row.get('Split')!r}; known: "
                    f"{', '.join(SPLITS.values())}"
                )
            yield where, row


def _number(row: Mapping[str, str], column: str, where: str) -> float | None:
    """Return a value, or None for an empty cell or −1, which means "hidden".

    Raises ValueError naming the place.
    """
    try:
        value = float(row.get(column) or "nan")
    except ValueError:
        raise ValueError(f"{where}: {column} {row[column]!r} is no number") from None
    return None if math.isnan(value) or value == -1 else value


class HumeVocalBursts:
    """The bursts of one part, in the order of high_info.csv.

    The label is the strongest of ten states. `incomplete` counts those without label or file.
    """

    Options = HumeVocalBurstsOptions
    space = order([state.lower() for state in STATES])

    def __init__(self, options: HumeVocalBurstsOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of Hume-VB is not there (dataset key 'path')"
            )
        self._table = options.path / "labels" / "high_info.csv"
        self._affect = options.path / "labels" / "two_info.csv"
        if not self._table.is_file():
            raise FileNotFoundError(f"{self._table}: the labels are not there (dataset key 'path')")
        self.incomplete: Counter[str] = Counter()
        low, high = options.affect_range
        scale = "" if (low, high) == (0, 1) else f"_{low:g}_{high:g}"
        self.version = f"high-{options.split}{f'-two{scale}' if self._affect.is_file() else ''}@1"

    def _scaled(self, value: float | None, column: str, where: str) -> float | None:
        low, high = self.options.affect_range
        if value is None:
            return None
        if not low <= value <= high:
            raise ValueError(
                f"{where}: {column} {value:g} is outside {low:g} to {high:g} (dataset key "
                "'affect_range')"
            )
        return 2 * (value - low) / (high - low) - 1

    def _two(self) -> dict[str, tuple[float | None, float | None, dict[str, str]]]:
        """Return File_ID -> (valence, arousal, row) of the part, if two_info.csv is present."""
        if not self._affect.is_file():
            return {}
        two = {}
        for where, row in _rows(self._affect, ("File_ID", "Split", "Valence", "Arousal")):
            if row["Split"] == SPLITS[self.options.split]:
                valence = self._scaled(_number(row, "Valence", where), "Valence", where)
                arousal = self._scaled(_number(row, "Arousal", where), "Arousal", where)
                two[row["File_ID"]] = (valence, arousal, row)
        return two

    def _label(self, row: Mapping[str, str], where: str) -> str | None:
        intensities = [_number(row, state, where) for state in STATES]
        known = [value for value in intensities if value is not None]
        if not known or max(known) == 0:
            return None
        if len(known) < len(STATES) or min(known) < 0:
            raise ValueError(
                f"{where}: the intensities of {', '.join(STATES)} are not all there, or below 0"
            )
        return STATES[intensities.index(max(known))].lower()

    def samples(self) -> Iterator[Sample]:
        """Yield the part's bursts; those without intensities have no label.

        They and absent sound files are counted on stderr.
        """
        self.incomplete.clear()
        two = self._two()
        count = 0
        for where, row in _rows(self._table, ("File_ID", "Split", *STATES)):
            if row["Split"] != SPLITS[self.options.split]:
                continue
            count += 1
            label = self._label(row, where)
            valence, arousal, other = two.get(row["File_ID"], (None, None, {}))
            details = {**other, **row}
            country = next((details[column] for column in _COUNTRY if details.get(column)), None)
            sample = Sample(
                sample_id=row["File_ID"],
                path=f"audio/wav/{row['File_ID']}.wav",
                kind="audio",
                label=label,
                valence=valence,
                arousal=arousal,
                subject=details.get("Subject_ID") or None,
                split=self.options.split,
                groups={"country": country} if country else {},
            )
            self.incomplete["burst without intensities"] += label is None
            self.incomplete["burst without sound file"] += not self.file(sample).is_file()
            yield sample
        if not count:
            raise ValueError(
                f"{self._table}: no row has Split {SPLITS[self.options.split]!r} (dataset key "
                "'split')"
            )
        log_skipped("hvb", self.incomplete, "kept all the same:")

    def file(self, sample: Sample) -> Path:
        """Return the path of the sound."""
        return self.options.path / sample.path

    def fingerprint(self) -> Any:
        """Return the label files, and the sound folder's time, which changes with its files."""
        return fingerprint(
            self.options.path, [self._table, self._affect, self.options.path / "audio" / "wav"]
        )
