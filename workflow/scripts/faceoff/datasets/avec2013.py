"""Read AVEC 2013 (Valstar et al. 2013): recordings of people at a computer.

They have valence and arousal over time. Layout: clips 203_1_cut_combined.mp4 (person, recording)
below a folder whose path contains Training, Development or Testing. For each clip there is one CSV
file of valence and one of arousal whose names start with 203_1_ and contain that word, with a value
per line, the first for the clip's start.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from faceoff.datasets._files import files_below, fingerprint
from faceoff.datasets._raters import at
from faceoff.emotions import EMOTIONS
from faceoff.media.kinds import VIDEO_SUFFIXES
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Annotation, Sample

DATASETS = {
    "avec2013": {
        "class": "Avec2013",
        "title": "AVEC 2013",
        "terms": "on request from the organisers, for research; the wording could not be verified",
        "how_to_get": "ask the organisers of AVEC 2013 (doi.org/10.1145/2512530.2512533)",
    }
}

SPLITS = {"train": "training", "valid": "development", "test": "testing"}
_VIDEO = re.compile(r"(\d{3})_(\d+)_cut_combined", re.IGNORECASE)
_LABELS = re.compile(r"(\d{3})_(\d+)_.*(valence|arousal).*", re.IGNORECASE)

Key = tuple[str, str]  # person, recording


class Avec2013Options(DatasetConfig):
    """Keys of an avec2013 dataset."""

    path: DataPath = Field(description="folder below which the clips and the label files lie")
    split: Literal["train", "valid", "test"] = Field(
        "valid", description="Training, Development or Testing"
    )
    label_hz: float = Field(
        30.0, gt=0, le=1000, description="label values per second; one per frame of the clips"
    )


def read_values(path: Path) -> np.ndarray:
    """Return the values (times,) of a label file, from the last column of each line.

    A first line of words is a header. Raises ValueError naming file and line.
    """
    values = []
    with open(path, newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(
            (
                row
                for row in csv.reader(file, skipinitialspace=True)
                if any(cell.strip() for cell in row)
            ),
            start=1,
        ):
            try:
                values.append(float(row[-1]))
            except ValueError:
                if number > 1:
                    raise ValueError(f"{path}, line {number}: {row[-1]!r} is no number") from None
                continue
            if np.isfinite(values[-1]) and abs(values[-1]) > 1 + 1e-6:
                raise ValueError(f"{path}, line {number}: {values[-1]:g} is outside -1 to 1")
    if not values:
        raise ValueError(f"{path}: no value in it")
    return np.array(values)


class Avec2013:
    """The clips of one part, by person and recording.

    `incomplete` counts the clips without labels, which are only predicted.
    """

    Options = Avec2013Options
    space = EMOTIONS  # no sample has a label: models are compared by their valence and arousal

    def __init__(self, options: Avec2013Options, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of AVEC 2013 is not there (dataset key 'path')"
            )
        self._clips: dict[Key, Path] = {}
        self._labels: dict[tuple[Key, str], Path] = {}
        for path in files_below(options.path):
            self._place(path)
        if not self._clips:
            raise FileNotFoundError(
                f"{options.path}: no clip such as "
                f"{SPLITS[options.split].capitalize()}/203_1_cut_combined.mp4 below it (dataset "
                "keys 'path', 'split')"
            )
        self.incomplete: Counter[str] = Counter()
        self.version = f"{options.split}-{options.label_hz:g}hz@1"

    def _place(self, path: Path) -> None:
        """Keep a clip or label file of the part; a second file of one name counts as the same."""
        if (
            path.name.startswith(".")
            or SPLITS[self.options.split]
            not in path.parent.relative_to(self.options.path).as_posix().lower()
        ):
            return
        clip, label = _VIDEO.fullmatch(path.stem), _LABELS.fullmatch(path.stem)
        if clip and path.suffix.lower() in VIDEO_SUFFIXES:
            self._clips.setdefault((clip.group(1), clip.group(2)), path)
        elif label and path.suffix.lower() == ".csv":
            person, recording, dimension = label.group(1), label.group(2), label.group(3).lower()
            kept = self._labels.setdefault(((person, recording), dimension), path)
            if kept.name != path.name:
                raise ValueError(
                    f"{path}: a second {dimension} file of this clip beside {kept}; "
                    "keep one of them below 'path'"
                )

    # A clip's frames come one after the other, and a dataset lives as long as its job.
    @lru_cache(maxsize=4)  # noqa: B019
    def _values(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        values = read_values(path)
        return np.arange(len(values)) / self.options.label_hz, values

    def _mean(self, key: Key, dimension: str) -> float | None:
        if (key, dimension) not in self._labels:
            return None
        values = self._values(self._labels[key, dimension])[1]
        return float(np.nanmean(values)) if np.isfinite(values).any() else None

    def samples(self) -> Iterator[Sample]:
        """Yield the part's clips; the clip's valence and arousal are the means over time.

        Clips without label files are kept, counted and reported on stderr.
        """
        self.incomplete.clear()
        for key, path in sorted(self._clips.items()):
            if not any((key, dimension) in self._labels for dimension in ("valence", "arousal")):
                self.incomplete["clip without labels"] += 1
            person, recording = key
            yield Sample(
                sample_id=f"{person}_{recording}",
                path=path.relative_to(self.options.path).as_posix(),
                kind="video",
                valence=self._mean(key, "valence"),
                arousal=self._mean(key, "arousal"),
                subject=person,
                split=self.options.split,
                groups={"person": person, "recording": recording},
            )
        log_skipped("avec2013", self.incomplete, "kept all the same:")

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self.options.path / sample.path

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return valence and arousal at this moment, interpolated.

        They are None more than one value before the first or after the last.
        """
        person, recording = sample.sample_id.split("_")
        values = {}
        for dimension in ("valence", "arousal"):
            path = self._labels.get(((person, recording), dimension))
            values[dimension] = (
                at(*self._values(path), timestamp_s, 1 / self.options.label_hz) if path else None
            )
        return Annotation(valence=values["valence"], arousal=values["arousal"])

    def fingerprint(self) -> Any:
        return fingerprint(
            self.options.path,
            [path for files in (self._clips, self._labels) for _, path in sorted(files.items())],
        )
