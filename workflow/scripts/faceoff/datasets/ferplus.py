"""FER+ (Barsoum et al. 2016): FER2013's pictures with ten taggers' votes, under every label rule in use (protocol §2).

Layout: a folder with FER2013Train, FER2013Valid and FER2013Test, each a folder, a .tar.gz or a .zip as the FERPlus repository's generator
makes them, or the original fer2013.csv; and fer2013new.csv for the vote table of that name (`label` reads each part's label.csv).
"""

import csv
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from faceoff.config import DataPath, DatasetConfig
from faceoff.emotions import EMOTIONS, FERPLUS_COLUMNS
from faceoff.media import DecodeError, decode_image, encode_png
from faceoff.protocols import Sample

DATASETS = {
    "ferplus": {
        "class": "FerPlus",
        "title": "FER+",
        "terms": "pictures: ICML-2013 challenge, research use; votes: MIT (Microsoft/FERPlus)",
        "how_to_get": "FER2013 from Kaggle, votes and generator from github.com/microsoft/FERPlus",
    }
}

PARTS = {"train": ("FER2013Train", "Training"), "valid": ("FER2013Valid", "PublicTest"), "test": ("FER2013Test", "PrivateTest")}
_SIDE = 48


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


class _Part:
    """The pictures of one split: from a folder, a .tar.gz, a .zip or rows of fer2013.csv."""

    def __init__(self, root: Path, split: str):
        self.name, self.usage = PARTS[split]
        folder, tar, zipped = root / self.name, root / f"{self.name}.tar.gz", root / f"{self.name}.zip"
        self._csv = root / "fer2013.csv"
        self.source = next((path for path in (folder, tar, zipped, self._csv) if path.exists()), None)
        if self.source is None:
            raise FileNotFoundError(f"{root}: neither {self.name}/ nor {self.name}.tar.gz, {self.name}.zip or fer2013.csv is there")

    @cached_property
    def _tar(self) -> tuple[tarfile.TarFile, dict[str, tarfile.TarInfo]]:
        archive = tarfile.open(self.source, "r:gz")  # noqa: SIM115 - it stays open for as long as its pictures are read
        return archive, {Path(member.name).name: member for member in archive if member.isfile()}

    @cached_property
    def _zip(self) -> tuple[zipfile.ZipFile, dict[str, str]]:
        archive = zipfile.ZipFile(self.source)
        return archive, {Path(name).name: name for name in archive.namelist()}

    @cached_property
    def _offsets(self) -> dict[str, int]:
        """Byte offset of each picture's row in fer2013.csv; its n-th row is the picture fer{n:07d}.png."""
        offsets = {}
        with open(self._csv, "rb") as file:
            file.readline()
            index, offset = 0, file.tell()
            for line in file:
                if line.strip():
                    offsets[f"fer{index:07d}.png"] = offset
                    index += 1
                offset += len(line)
        return offsets

    def read(self, name: str) -> bytes:
        """Encoded bytes of a picture or file of this part. Raises OSError when it is not there."""
        if self.source.is_dir():
            return (self.source / name).read_bytes()
        if self.source.suffix == ".zip":
            archive, members = self._zip
            if name in members:
                return archive.read(members[name])
        elif self.source.suffix == ".gz":
            archive, members = self._tar
            if name in members:
                return archive.extractfile(members[name]).read()
        elif name in self._offsets:
            with open(self._csv, "rb") as file:
                file.seek(self._offsets[name])
                pixels = np.array(file.readline().split(b",")[1].replace(b'"', b"").split(), np.uint8)
            if pixels.size != _SIDE * _SIDE:
                raise OSError(f"{pixels.size} pixels instead of {_SIDE * _SIDE}")
            return encode_png(np.repeat(pixels.reshape(_SIDE, _SIDE, 1), 3, axis=2))
        raise FileNotFoundError(f"{name} is not in {self.source.name}")

    def pictures(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(name, hash of the pixels) of every readable picture among these."""
        for name in names:
            try:
                yield name, hashlib.sha256(decode_image(self.read(name)).tobytes()).hexdigest()
            except (OSError, DecodeError):
                continue


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
        self._part = _Part(options.path, options.split)
        self._others = {split: _Part(options.path, split) for split in (options.clean or "").split("_") if split and split != options.split}
        if options.votes == "label" and self._part.source.suffix == ".csv":
            raise FileNotFoundError(f"{options.path}: `votes: label` needs the generator's folders or archives, which hold label.csv")
        self._several = options.rule in {"probability", "multi_target"}
        clean = f"-clean_{options.clean}" if options.clean else ""
        self.version = f"{options.votes}-{options.rule}-{options.split}{clean}@1"

    def _votes(self, split: str, part: _Part) -> Iterator[tuple[str, np.ndarray]]:
        """(file name, ten votes) row by row; several rows may name one file."""
        if self.options.votes == "label":
            for row in csv.reader(io.StringIO(part.read("label.csv").decode())):
                yield row[0], np.array(row[2:12], float)
            return
        with open(self.options.path / "fer2013new.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["Usage"] == PARTS[split][1] and row["Image name"].strip():
                    yield row["Image name"].strip(), np.array([row[column] for column in FERPLUS_COLUMNS], float)

    def _seen(self) -> set[str]:
        """Pixel hashes of the parts that `clean` names."""
        hashes: set[str] = set()
        for split, part in self._others.items():
            hashes |= {digest for _, digest in part.pictures(name for name, _ in self._votes(split, part))}
        return hashes

    def samples(self) -> Iterator[Sample]:
        """The rows of the vote table that the rule gives an emotion, in the table's order."""
        seen = self._seen()
        twins = {name for name, digest in self._part.pictures(dict(self._votes(self.options.split, self._part))) if digest in seen} if seen else set()
        times: dict[str, int] = {}
        for name, votes in self._votes(self.options.split, self._part):
            times[name] = times.get(name, 0) + 1
            target = RULES[self.options.rule](votes)
            if target is None or name in twins:
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
        root = self.options.path
        ends = ("", ".tar.gz", ".zip")
        files = [root / "fer2013new.csv", root / "fer2013.csv", *(root / f"{name}{end}" for name, _ in PARTS.values() for end in ends)]
        return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.exists()]
