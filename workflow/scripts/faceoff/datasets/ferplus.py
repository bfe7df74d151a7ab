"""FER+ (Barsoum et al. 2016): FER2013's pictures with ten taggers' votes, under every label rule in use (protocol §2).

Layout: a folder with FER2013Train, FER2013Valid and FER2013Test, each a folder, a .tar.gz or a .zip as the FERPlus repository's generator
makes them, or the original fer2013.csv; and fer2013new.csv for the vote table of that name (`label` reads each part's label.csv).
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from faceoff.config import DataPath, DatasetConfig
from faceoff.emotions import EMOTIONS, FERPLUS_COLUMNS
from faceoff.fer2013_pictures import PARTS, Part, fingerprint, others, twins
from faceoff.protocols import Sample

DATASETS = {
    "ferplus": {
        "class": "FerPlus",
        "title": "FER+",
        "terms": "pictures: ICML-2013 challenge, research use; votes: MIT (Microsoft/FERPlus)",
        "how_to_get": "FER2013 from Kaggle, votes and generator from github.com/microsoft/FERPlus",
    }
}


class Options(DatasetConfig):
    """Keys of a ferplus dataset."""

    path: DataPath = Field(description="folder with the pictures and fer2013new.csv")
    votes: Literal["fer2013new", "label"] = Field("fer2013new", description="vote table: fer2013new.csv or the parts' label.csv")
    rule: Literal["majority", "argmax8", "argmax10", "probability", "multi_target"] = Field("majority", description="how votes become a label")
    split: Literal["train", "valid", "test"] = Field("test", description="part of the data")
    clean: Literal["train", "train_valid"] | None = Field(None, description="leave out pictures pixel-identical to one of these parts")


def majority(votes: np.ndarray) -> np.ndarray | None:
    """FERPlus `ferplus.py`, mode majority: single votes dropped, then more than half of what is left; None for unknown and non-face.

    votes: (10,) in FER+ order. Returns the one-hot target (8,) in FER+ order.
    """
    kept = np.where(votes > 1, votes, 0.0)
    best = int(kept.argmax())
    if kept[best] <= 0.5 * kept.sum() or best >= 8:
        return None
    return np.eye(8)[best]


def argmax(votes: np.ndarray, columns: int) -> np.ndarray | None:
    """The most frequent vote among the first `columns` columns, ties to the first in FER+ order; None for unknown and non-face."""
    best = int(votes[:columns].argmax())
    return np.eye(8)[best] if best < 8 else None


def probability(votes: np.ndarray) -> np.ndarray | None:
    """FERPlus `ferplus.py`, mode probability: the top votes until three classes or 75 % are reached, renormalised over the 8 emotions.

    Classes of equal count enter together; unknown or non-face ends the collection and counts only when it leads.
    """
    rest = np.where(votes > 1, votes, 0.0)
    total, taken = rest.sum(), np.zeros(len(votes))
    entered, open_ = 0, True
    while taken.sum() < 0.75 * total and entered < 3 and open_:
        top = rest.max()
        for index in np.flatnonzero(rest == top):
            taken[index], rest[index] = top, 0.0
            entered += 1
            if index >= 8:
                open_ = False
                if taken.sum() > top:
                    taken[index] = 0.0
                    entered -= 1
                break
    return None if taken.sum() <= 0.5 * total or entered > 3 else _emotions_only(taken)


def multi_target(votes: np.ndarray) -> np.ndarray | None:
    """FERPlus `ferplus.py`, mode multi_target: every class with at least 30 % of the votes, together more than half of them."""
    kept = np.where(votes > 1, votes, 0.0)
    taken = np.where(kept >= 0.3 * kept.sum(), kept, 0.0)
    return None if taken.sum() <= 0.5 * kept.sum() else _emotions_only(taken)


def _emotions_only(taken: np.ndarray) -> np.ndarray | None:
    if int(taken.argmax()) >= 8 or taken[:8].sum() == 0:
        return None
    return taken[:8] / taken[:8].sum()


RULES = {
    "majority": majority,
    "argmax8": lambda votes: argmax(votes, 8),
    "argmax10": lambda votes: argmax(votes, 10),
    "probability": probability,
    "multi_target": multi_target,
}


class FerPlus:
    """FER+ under one vote table, rule and split."""

    Options = Options
    space = EMOTIONS

    def __init__(self, options: Options, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(f"{options.path}: the folder of FER+ is not there (dataset key 'path')")
        table = options.path / "fer2013new.csv"
        if options.votes == "fer2013new" and not table.is_file():
            raise FileNotFoundError(f"{table}: the vote table is not there; get it from github.com/microsoft/FERPlus")
        self._part = Part(options.path, options.split)
        self._others = others(options.path, options.split, options.clean)
        if options.votes == "label" and self._part.source.suffix == ".csv":
            raise FileNotFoundError(f"{options.path}: `votes: label` needs the generator's folders or archives, which hold label.csv")
        self._several = options.rule in {"probability", "multi_target"}
        clean = f"-clean_{options.clean}" if options.clean else ""
        self.version = f"{options.votes}-{options.rule}-{options.split}{clean}@1"

    def _votes(self, split: str, part: Part) -> Iterator[tuple[str, np.ndarray]]:
        """(file name, ten votes) row by row; several rows may name one file."""
        if self.options.votes == "label":
            for row in csv.reader(io.StringIO(part.read("label.csv").decode())):
                yield row[0], np.array(row[2:12], float)
            return
        with open(self.options.path / "fer2013new.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["Usage"] == PARTS[split][1] and row["Image name"].strip():
                    yield row["Image name"].strip(), np.array([row[column] for column in FERPLUS_COLUMNS], float)

    def samples(self) -> Iterator[Sample]:
        """The rows of the vote table that the rule gives an emotion, in the table's order."""

        def names(split: str, part: Part) -> dict[str, None]:
            return dict.fromkeys(name for name, _ in self._votes(split, part))

        elsewhere = [(part, names(split, part)) for split, part in self._others.items()]
        left_out = twins(self._part, names(self.options.split, self._part), elsewhere) if elsewhere else set()
        times: dict[str, int] = {}
        for name, votes in self._votes(self.options.split, self._part):
            times[name] = times.get(name, 0) + 1
            target = RULES[self.options.rule](votes)
            if target is None or name in left_out:
                continue
            by_name = dict(zip(FERPLUS_COLUMNS, votes, strict=True))
            stem = Path(name).stem
            yield Sample(
                sample_id=stem if times[name] == 1 else f"{stem}#{times[name]}",
                path=f"{self._part.name}/{name}",
                label=FERPLUS_COLUMNS[int(target.argmax())],
                votes=tuple(float(by_name[emotion]) for emotion in EMOTIONS),
                split=self.options.split,
                # Rules that keep several labels per picture also score whether the prediction is one of them.
                groups={"label_set": "|".join(FERPLUS_COLUMNS[index] for index in np.flatnonzero(target))} if self._several else {},
            )

    def read(self, sample: Sample) -> bytes:
        return self._part.read(Path(sample.path).name)

    def fingerprint(self) -> Any:
        return fingerprint(self.options.path, "fer2013new.csv")
