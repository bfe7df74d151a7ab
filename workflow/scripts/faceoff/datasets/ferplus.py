"""Read FER+ (Barsoum et al. 2016): FER2013's pictures with ten taggers' votes.

It offers every label rule in use (protocol §2). Layout: a folder with FER2013Train, FER2013Valid
and FER2013Test, each a folder, a .tar.gz or a .zip as the FERPlus repository's generator makes
them, or the original fer2013.csv; and fer2013new.csv for the vote table of that name (`label` reads
each part's label.csv).
"""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from faceoff.datasets._fer2013_pictures import PARTS, Part, fingerprint, others, twins
from faceoff.emotions import EMOTIONS, FERPLUS_COLUMNS
from faceoff.plugins.label_rules import Universe
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import OUTLIER, VOTES, Sample

DATASETS = {
    "ferplus": {
        "class": "FerPlus",
        "title": "FER+",
        "terms": "pictures: ICML-2013 challenge, research use; votes: MIT (Microsoft/FERPlus)",
        "how_to_get": "FER2013 from Kaggle, votes and generator from github.com/microsoft/FERPlus",
        "votes": True,
    }
}


class FerPlusOptions(DatasetConfig):
    """Keys of a ferplus dataset."""

    path: DataPath = Field(description="folder with the pictures and fer2013new.csv")
    votes: Literal["fer2013new", "label"] = Field(
        "fer2013new", description="vote table: fer2013new.csv or the parts' label.csv"
    )
    rule: Literal["majority", "argmax8", "argmax10", "probability", "multi_target"] = Field(
        "majority", description="how votes become a label"
    )
    split: Literal["train", "valid", "test"] = Field("test", description="part of the data")
    clean: Literal["train", "train_valid"] | None = Field(
        None, description="leave out pictures pixel-identical to one of these parts"
    )
    keep: Literal["labelled", "all"] = Field(
        "labelled",
        description="all: also predict the rows that the rule gives no emotion, unlabelled, as "
        "outliers that had better be rejected",
    )

    @model_validator(mode="after")
    def _every_row_for_every_rule(self) -> "FerPlusOptions":
        if self.multiverse and (self.keep != "all" or self.clean):
            raise ValueError("multiverse needs the rows of every rule: set keep: all, and no clean")
        return self


def majority(votes: np.ndarray) -> np.ndarray | None:
    """Return the one-hot target (8,) of FERPlus `ferplus.py`, mode majority, in FER+ order.

    Single votes are dropped; then more than half of the rest is needed. Returns None for unknown
    and non-face. votes: (10,) in FER+ order.
    """
    kept = np.where(votes > 1, votes, 0.0)
    best = int(kept.argmax())
    if kept[best] <= 0.5 * kept.sum() or best >= 8:
        return None
    return np.eye(8)[best]


def argmax(votes: np.ndarray, columns: int) -> np.ndarray | None:
    """Return the most frequent vote among the first `columns` columns.

    Ties go to the first in FER+ order. Returns None for unknown and non-face.
    """
    best = int(votes[:columns].argmax())
    return np.eye(8)[best] if best < 8 else None


def probability(votes: np.ndarray) -> np.ndarray | None:
    """Return the target of FERPlus `ferplus.py`, mode probability.

    It takes the top votes until three classes or 75 % are reached, renormalised over the 8
    emotions. Classes of equal count enter together; unknown or non-face ends the collection and
    counts only when it leads.
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
    """Return the target of FERPlus `ferplus.py`, mode multi_target.

    It has every class with at least 30 % of the votes, together more than half of them.
    """
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


def readings(rule: str, votes: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return what may count as right under a rule, as column indices; empty if it drops the row.

    label: the one label, ties to the first; last: ties to the last; untied: absent if another class
    has as many votes; set: every class that the rule keeps, or that ties.
    """
    target = RULES[rule](votes)
    if target is None:
        return {}
    label = (int(target.argmax()),)
    if rule == "majority":
        return {"label": label}
    if rule.startswith("argmax"):
        counted = votes[: int(rule.removeprefix("argmax"))]
        tied = np.flatnonzero(counted == counted.max())
        kept = (
            tied if counted.any() else tied[:0]
            # argmax8 keeps rows without any emotion: all classes tie at no vote, which makes none
            # of them right.
        )
    else:
        kept, tied = np.flatnonzero(target), np.flatnonzero(target == target.max())
    answers = {
        "label": label,
        "last": (int(tied[-1]),),
        "untied": label if len(tied) == 1 else (),
        "set": tuple(map(int, kept)),
    }
    return {
        answer: emotions
        for answer, columns in answers.items()
        if (emotions := tuple(column for column in columns if column < 8))
    }


class FerPlus:
    """FER+ under one vote table, rule and split."""

    Options = FerPlusOptions
    space = EMOTIONS

    def __init__(self, options: FerPlusOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of FER+ is not there (dataset key 'path')"
            )
        table = options.path / "fer2013new.csv"
        if options.votes == "fer2013new" and not table.is_file():
            raise FileNotFoundError(
                f"{table}: the vote table is not there; get it from github.com/microsoft/FERPlus"
            )
        self._part = Part(options.path, options.split)
        self._others = others(options.path, options.split, options.clean)
        if options.votes == "label" and self._part.source.suffix == ".csv":
            raise FileNotFoundError(
                f"{options.path}: `votes: label` needs the generator's folders or archives, which "
                "hold label.csv"
            )
        self._several = options.rule in {"probability", "multi_target"}
        clean = f"-clean_{options.clean}" if options.clean else ""
        self.version = f"{options.votes}-{options.rule}-{options.split}{clean}@1"

    def _votes(
        self, split: str, part: Part, table: str | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield (file name, ten votes) row by row of a vote table (default: the configured one).

        Several rows may name one file.
        """
        if (table or self.options.votes) == "label":
            for cells in csv.reader(io.StringIO(part.read("label.csv").decode())):
                yield cells[0], np.array(cells[2:12], float)
            return
        with open(self.options.path / "fer2013new.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["Usage"] == PARTS[split][1] and row["Image name"].strip():
                    yield (
                        row["Image name"].strip(),
                        np.array([row[column] for column in FERPLUS_COLUMNS], float),
                    )

    def samples(self) -> Iterator[Sample]:
        """Yield the rows of the vote table that the rule gives an emotion, in the table's order.

        With `keep: all` the other rows come too, without a label.
        """

        def names(split: str, part: Part) -> dict[str, None]:
            return dict.fromkeys(name for name, _ in self._votes(split, part))

        elsewhere = [(part, names(split, part)) for split, part in self._others.items()]
        left_out = (
            twins(self._part, names(self.options.split, self._part), elsewhere)
            if elsewhere
            else set()
        )
        for sample_id, name, votes in _identified(self._votes(self.options.split, self._part)):
            target = RULES[self.options.rule](votes)
            if name in left_out or (target is None and self.options.keep == "labelled"):
                continue
            by_name = dict(zip(FERPLUS_COLUMNS, votes, strict=True))
            yield Sample(
                sample_id=sample_id,
                path=f"{self._part.name}/{name}",
                label=None if target is None else FERPLUS_COLUMNS[int(target.argmax())],
                votes=tuple(float(by_name[emotion]) for emotion in EMOTIONS),
                split=self.options.split,
                groups=self._groups(by_name, target),
            )

    def _groups(self, votes: dict[str, float], target: np.ndarray | None) -> dict[str, str]:
        """Return the groups of a row: votes for no emotion, and labels beside the first.

        With the labels that a rule keeps beside the first, a score can test whether the prediction
        is one of them. A row without a label is an outlier: non-face if that leads the votes, else
        unknown, as FERPlus' `ferplus.py` calls rows that no class wins.
        """
        groups = {
            f"{VOTES}{column}": f"{votes[column]:g}"
            for column in FERPLUS_COLUMNS[8:]
            if votes[column]
        }
        if target is None:
            return groups | {
                OUTLIER: "NF" if max(votes, key=lambda column: votes[column]) == "NF" else "unknown"
            }
        if self._several:
            groups["label_set"] = "|".join(
                FERPLUS_COLUMNS[index] for index in np.flatnonzero(target)
            )
        return groups

    def universes(self) -> list[Universe]:
        """Return this split under every vote table, rule, answer (see `readings`) and policy.

        The policies for duplicates are: every row of the table; distinct, one row per picture (the
        first); clean_train and clean_train_valid, as with the key `clean`. Only tables and parts
        whose files are present take part.
        """
        split = self.options.split
        tables = [
            name
            for name in ("fer2013new", "label")
            if name == self.options.votes or self._has(name)
        ]
        rows = {name: list(self._votes(split, self._part, name)) for name in tables}
        emitted = {sample_id for sample_id, _, _ in _identified(rows[self.options.votes])}
        left_out = self._duplicates(
            dict.fromkeys(name for table in tables for name, _ in rows[table])
        )
        universes = []
        for table in tables:
            for policy, without in left_out.items():
                kept: dict[tuple[str, str], list[tuple[str, frozenset[str]]]] = {}
                for sample_id, name, votes in _identified(rows[table]):
                    if name in without or (policy == "distinct" and "#" in sample_id):
                        continue
                    for rule in RULES:
                        for answer, columns in readings(rule, votes).items():
                            # A second row of one picture may stand in one table only: the picture's
                            # prediction serves for both.
                            known = sample_id if sample_id in emitted else Path(name).stem
                            kept.setdefault((rule, answer), []).append(
                                (known, frozenset(FERPLUS_COLUMNS[column] for column in columns))
                            )
                universes += [
                    Universe(
                        {"votes": table, "rule": rule, "answer": answer, "duplicates": policy},
                        tuple(kept[rule, answer]),
                    )
                    for rule in RULES
                    for answer in ("label", "last", "untied", "set")
                    if (rule, answer) in kept
                ]
        return universes

    def _has(self, table: str) -> bool:
        """Return whether the other vote table is present too."""
        return (
            self._part.source.suffix != ".csv"
            if table == "label"
            else (self.options.path / "fer2013new.csv").is_file()
        )

    def _duplicates(self, names: Iterable[str]) -> dict[str, set[str]]:
        """Return policy for duplicates -> names that it leaves out, for parts that are present."""
        digests = dict(self._part.pictures(names))
        first = {digest: name for name, digest in reversed(digests.items())}
        policies: dict[str, set[str]] = {
            "rows": set(),
            "distinct": {name for name, digest in digests.items() if first[digest] != name},
        }
        elsewhere: dict[str, set[str]] = {}
        for clean in ("train", "train_valid"):
            try:
                parts = others(self.options.path, self.options.split, clean)
            except FileNotFoundError:
                continue
            for split, part in parts.items():
                if split not in elsewhere:
                    elsewhere[split] = {
                        digest
                        for _, digest in part.pictures(
                            dict.fromkeys(name for name, _ in self._votes(split, part))
                        )
                    }
            if parts:
                policies[f"clean_{clean}"] = {
                    name
                    for name, digest in digests.items()
                    if any(digest in elsewhere[split] for split in parts)
                }
        return policies

    def read(self, sample: Sample) -> bytes:
        return self._part.read(Path(sample.path).name)

    def fingerprint(self) -> Any:
        return fingerprint(self.options.path, "fer2013new.csv")


def _identified(rows: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (sample id, file name, votes).

    An id is the name's stem, with #2 … for the further rows of one file.
    """
    times: dict[str, int] = {}
    for name, votes in rows:
        times[name] = times.get(name, 0) + 1
        stem = Path(name).stem
        yield (stem if times[name] == 1 else f"{stem}#{times[name]}"), name, votes
