"""Read SEND, the Stanford Emotional Narratives Dataset (Ong et al. 2019), first version.

People tell of their lives, and observers rate their valence over time. Layout:
ratings/{Train,Valid,Test}/ with observer_EWE/results_112_1.csv (time, evaluatorWeightedEstimate;
0–100), observer/results_112_1.csv (time, then one column per rater; 0–100) and
target/target_112_1_normal.csv (time, rating; 0–1, the speaker's own); clips ID112_vid1*.mp4
anywhere below `videos`. Names are person and narrative. Every half second has a rating.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from faceoff.datasets._files import files_below, fingerprint
from faceoff.datasets._raters import at, evaluator_weighted
from faceoff.emotions import EMOTIONS
from faceoff.media.kinds import VIDEO_SUFFIXES
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Annotation, Sample
from faceoff.spelling import suggestion

DATASETS = {
    "send": {
        "class": "Send",
        "title": "SENDv1",
        "terms": (
            "academic research only, under a signed EULA; no passing on, no commercial use, no "
            "synthesis of the people shown"
        ),
        "how_to_get": "request access as github.com/StanfordSocialNeuroscienceLab/SEND describes",
    }
}

CLIPS = {"train": 114, "valid": 40, "test": 39}
# Clips whose speakers agreed that researchers may get them; the others have ratings only.
SHARED = {
    "train": 54,
    "valid": 27,
    "test": 31,
}
WINDOW_S = 0.5

# gold standard -> (folder, file name, lowest, highest)
GOLD = {
    "observer_EWE": ("observer_EWE", re.compile(r"results_(\d+)_(\d+)\.csv"), 0.0, 100.0),
    "observer": ("observer", re.compile(r"results_(\d+)_(\d+)\.csv"), 0.0, 100.0),
    "target": ("target", re.compile(r"target_(\d+)_(\d+)_normal\.csv"), 0.0, 1.0),
}
_COLUMN = {"observer_EWE": "evaluatorWeightedEstimate", "target": "rating"}
_VIDEO = re.compile(r"ID(\d+)_vid(\d+)(?!\d).*", re.IGNORECASE)

Key = tuple[int, int]  # person, narrative


class SendOptions(DatasetConfig):
    """Keys of a send dataset."""

    path: DataPath = Field(description="folder with ratings/ (or ratings/ itself)")
    videos: DataPath | None = Field(
        None, description="folder below which the clips lie; default: path"
    )
    split: Literal["train", "valid", "test"] = Field(
        "test", description="part of the official 60:20:20 division"
    )
    gold: Literal["observer_EWE", "observer", "target"] = Field(
        "observer_EWE",
        description="whose valence: the published estimate, the same computed here from the "
        "raters' columns, or the speaker's own",
    )


def _inside(folder: Path, name: str) -> Path | None:
    """Return the sub-folder of this name in any case: releases write Train and train."""
    matches = (
        sorted(
            path for path in folder.iterdir() if path.is_dir() and path.name.lower() == name.lower()
        )
        if folder.is_dir()
        else []
    )
    return matches[0] if matches else None


def read_ratings(path: Path, gold: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (seconds, valence from −1 to 1), both (times,); NaN where nobody rated.

    Raises ValueError naming file, row and column.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [
            [cell.strip() for cell in row]
            for row in csv.reader(file)
            if any(cell.strip() for cell in row)
        ]
    header = rows[0] if rows else []
    wanted = ("time", _COLUMN[gold]) if gold in _COLUMN else ("time",)
    for column in wanted:
        if column not in header:
            raise ValueError(f"{path}: no column {column!r}{suggestion(column, header)}")
    # The other columns of the raters' files are one rater each.
    columns = (
        [header.index(_COLUMN[gold])]
        if gold in _COLUMN
        else [index for index, name in enumerate(header) if name != "time"]
    )
    if not columns or len(rows) < 2:
        raise ValueError(f"{path}: no ratings in it")
    _, _, low, high = GOLD[gold]
    seconds, values = np.empty(len(rows) - 1), np.empty((len(columns), len(rows) - 1))
    for number, row in enumerate(rows[1:]):
        try:
            seconds[number] = float(row[header.index("time")])
            values[:, number] = [float(row[index] or "nan") for index in columns]
        except (ValueError, IndexError):
            raise ValueError(
                f"{path}, row {number + 1}: not a time and a rating per column: {', '.join(row)}"
            ) from None
        outside = values[:, number][
            (values[:, number] < low - 1e-6) | (values[:, number] > high + 1e-6)
        ]
        if outside.size:
            raise ValueError(
                f"{path}, row {number + 1}: rating {outside[0]:g} is outside {low:g} to {high:g} "
                "(dataset key 'gold')"
            )
    if not (np.isfinite(seconds).all() and (np.diff(seconds) > 0).all()):
        raise ValueError(f"{path}: column 'time' does not increase from row to row")
    rating = evaluator_weighted(values) if gold == "observer" else values[0]
    return seconds, 2 * (rating - low) / (high - low) - 1


class Send:
    """The clips of one part, by person and narrative; the truth is valence over time.

    `left_out` counts what has only ratings or only a clip.
    """

    Options = SendOptions
    space = EMOTIONS  # no sample has a label: models are compared by their valence

    def __init__(self, options: SendOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of SEND is not there (dataset key 'path')"
            )
        if options.videos and not options.videos.is_dir():
            raise FileNotFoundError(
                f"{options.videos}: the folder of the clips is not there (dataset key 'videos')"
            )
        self._videos = options.videos or options.path
        part = _inside(_inside(options.path, "ratings") or options.path, options.split)
        folder = _inside(part, GOLD[options.gold][0]) if part else None
        if folder is None:
            raise FileNotFoundError(
                f"{options.path}: no ratings/{options.split.capitalize()}/{GOLD[options.gold][0]} "
                "(dataset keys 'path', 'split', 'gold')"
            )
        self._folder = folder
        self.left_out: Counter[str] = Counter()
        self.version = f"v1-{options.split}-{options.gold}@1"

    @cached_property
    def _ratings(self) -> dict[Key, Path]:
        ratings = {}
        for path in sorted(self._folder.glob("*.csv")):
            name = GOLD[self.options.gold][1].fullmatch(path.name)
            if name:
                ratings[int(name.group(1)), int(name.group(2))] = path
        return dict(sorted(ratings.items()))

    @cached_property
    def _clips(self) -> dict[Key, Path]:
        clips: dict[Key, Path] = {}
        for path in sorted(files_below(self._videos)):
            name = _VIDEO.fullmatch(path.stem)
            if name and path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                # a name in two folders is one clip
                clips.setdefault((int(name.group(1)), int(name.group(2))), path)
        return clips

    # A clip's frames come one after the other, and a dataset lives as long as its job.
    @lru_cache(maxsize=8)  # noqa: B019
    def _valence(self, key: Key) -> tuple[np.ndarray, np.ndarray]:
        return read_ratings(self._ratings[key], self.options.gold)

    def samples(self) -> Iterator[Sample]:
        """Yield the clips that have ratings; the clip's valence is its mean over time.

        What is left out is counted and reported on stderr.
        """
        self.left_out.clear()
        if not self._ratings:
            raise FileNotFoundError(
                f"{self._folder}: no file such as results_112_1.csv or target_112_1_normal.csv in "
                "it (dataset key 'path')"
            )
        for key in self._ratings:
            if key not in self._clips:
                self.left_out["ratings without a clip"] += 1
                continue
            _, valence = self._valence(key)
            person, narrative = key
            yield Sample(
                sample_id=f"ID{person}_vid{narrative}",
                path=self._clips[key].relative_to(self._videos).as_posix(),
                kind="video",
                valence=float(np.nanmean(valence)) if np.isfinite(valence).any() else None,
                subject=str(person),
                split=self.options.split,
                groups={"person": str(person)},
            )
        count = len(self._ratings) - self.left_out["ratings without a clip"]
        if not count:
            raise FileNotFoundError(
                f"{self._videos}: no clip such as ID112_vid1.mp4 of the rated ones below it "
                "(dataset keys 'path', 'videos')"
            )
        if count != SHARED[self.options.split]:
            print(
                f"send: {count} of the {SHARED[self.options.split]} clips of {self.options.split} "
                "that are given out are there",
                file=sys.stderr,
            )
        log_skipped("send", self.left_out)

    def file(self, sample: Sample) -> Path:
        """Return the path of the clip."""
        return self._videos / sample.path

    def annotation(self, sample: Sample, timestamp_s: float) -> Annotation:
        """Return valence at this moment, interpolated between the half-second ratings.

        It is None more than half a second before the first or after the last.
        """
        person, narrative = re.findall(r"\d+", sample.sample_id)
        return Annotation(
            valence=at(*self._valence((int(person), int(narrative))), timestamp_s, WINDOW_S)
        )

    def fingerprint(self) -> Any:
        return fingerprint(
            self.options.path,
            [
                *self._ratings.values(),
                *(self._clips[key] for key in self._ratings if key in self._clips),
            ],
        )
