"""Read the user's own copy of AffectNet (Mollahosseini et al. 2017; protocol §1.4).

Its authors give out two layouts.

Layout csv: training.csv and validation.csv (beside the pictures or in
Manually_Annotated_file_lists/), pictures in Manually_Annotated_Images/.

Layout npy: train_set/ and val_set/, each with images/<id>.jpg and annotations/<id>_exp.npy,
<id>_val.npy, <id>_aro.npy, <id>_lnd.npy.
"""

import csv
import hashlib
import heapq
import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from faceoff.datasets._files import fingerprint
from faceoff.emotions import AFFECTNET_ORDER, EMOTIONS
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig, Section
from faceoff.plugins.protocols import Box, Points, Sample
from faceoff.spelling import suggestion

DATASETS = {
    "affectnet": {
        "class": "AffectNet",
        "title": "AffectNet",
        "terms": (
            "research only, under a licence signed by a professor or lab manager; pictures may not "
            "be passed on"
        ),
        "how_to_get": "request form at http://mohammadmahoor.com/affectnet/",
    }
}

NOT_EMOTIONS = ("none", "uncertain", "no face")  # codes 8, 9, 10
COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_AFFECT = (*COLUMNS[1:6], "valence", "arousal")
_CSV = {"train": "training.csv", "valid": "validation.csv"}
_SETS = {"train": "train_set", "valid": "val_set"}


class Subset(Section):
    """A balanced part that stays the same on every machine and when pictures are added."""

    per_class: int = Field(ge=1, description="pictures of each class")
    seed: int = Field(0, ge=0, description="another seed draws other pictures")


class AffectNetOptions(DatasetConfig):
    """Keys of an affectnet dataset."""

    path: DataPath = Field(description="folder with the CSV files, or with train_set and val_set")
    images: DataPath | None = Field(
        None,
        description="folder that the CSV's picture paths start from; default: "
        "Manually_Annotated_Images below path, or path",
    )
    split: Literal["train", "valid"] = Field(
        "valid",
        description="part of the data; results are reported on valid, as the test part was never "
        "released",
    )
    classes: Literal[8, 7] = Field(8, description="8 emotions, or 7 without contempt")
    non_emotions: Literal["drop", "keep"] = Field(
        "drop",
        description="rows of 'none', 'uncertain' and 'no face': left out, or kept without a label",
    )
    subset: Subset | None = Field(
        None, description="balanced subset {per_class, seed}, chosen by a hash of seed and id"
    )

    @field_validator("split", mode="before")
    @classmethod
    def _no_test_part(cls, value: Any) -> Any:
        if value == "test":
            raise ValueError(
                "AffectNet's test set was never released: report on 'valid' (500 pictures per "
                "class), and choose nothing on it"
            )
        return value


class _Row(NamedTuple):
    """One annotated picture.

    where: its place, for messages.

    affect: the source of valence, arousal, box and landmarks.
    """

    sample_id: str
    path: str
    expression: str
    where: str
    affect: Any


def _number(text: str) -> float | None:
    """Return a finite number, or None for empty cells and words such as NULL."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _affect(text: str) -> float | None:
    """Return valence or arousal; None for −2, which means that it was not annotated."""
    value = _number(text)
    return None if value == -2 else value


class _Affect(NamedTuple):
    """The annotations of a row beside its expression."""

    valence: float | None
    arousal: float | None
    box: Box | None = None
    landmarks: Points | None = None


def _five(text: str, box: Box) -> Points | None:
    """Return five landmarks of the 68 that a row lists as `x;y;x;y…` (iBUG order).

    They are the centres of the eyes, the tip of the nose and the corners of the mouth. Returns None
    unless there are 68 points that lie around the face box.
    """
    numbers = [number for value in text.split(";") if (number := _number(value)) is not None]
    if len(numbers) != 136 or text.count(";") != 135:
        return None
    points = np.reshape(numbers, (68, 2))
    centre = points.mean(axis=0) - box[:2]
    if not (0 < centre[0] < box[2] and 0 < centre[1] < box[3]):
        return None
    five = (
        points[36:42].mean(axis=0),
        points[42:48].mean(axis=0),
        points[30],
        points[48],
        points[54],
    )
    return tuple((float(x), float(y)) for x, y in five)


class _CsvLayout:
    """Rows of training.csv or validation.csv."""

    def __init__(self, options: AffectNetOptions, table: Path):
        self._table = table
        candidates = [
            options.path / "Manually_Annotated_Images",
            options.path / "Manually_Annotated" / "Manually_Annotated_Images",
            options.path,
        ]
        self.root = options.images or next(folder for folder in candidates if folder.is_dir())
        if not self.root.is_dir():
            raise FileNotFoundError(
                f"{self.root}: the folder of pictures is not there (dataset key 'images')"
            )

    def rows(self) -> Iterator[_Row]:
        """Yield every row in the file's order; a picture's second row gets its line number."""
        seen: set[str] = set()
        with open(self._table, newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, skipinitialspace=True)
            first = [cell.strip() for cell in next(lines, ())]
            # a copy without header line has the official order
            headless = len(first) == len(COLUMNS) and _number(first[6]) is not None
            header = COLUMNS if headless else first
            for column in ("subDirectory_filePath", "expression"):
                if column not in header:
                    raise ValueError(
                        f"{self._table}: no column {column!r}{suggestion(column, header)}"
                    )
            for cells in chain([first] if headless else (), lines):
                # a short row lacks its last cells
                row = dict(zip(header, (cell.strip() for cell in cells)))
                where = f"{self._table}, line {lines.line_num}"
                path = row.get("subDirectory_filePath", "")
                if not any(row.values()):
                    continue
                if not path:
                    raise ValueError(f"{where}: subDirectory_filePath is empty")
                sample_id = path.rsplit(".", 1)[0]
                sample_id = sample_id if sample_id not in seen else f"{sample_id}#{lines.line_num}"
                seen.add(sample_id)
                yield _Row(
                    sample_id,
                    path,
                    row.get("expression", ""),
                    where,
                    tuple(row.get(column, "") for column in _AFFECT),
                )

    def affect(self, row: _Row) -> _Affect:
        """Return valence, arousal, face box and landmarks in pixels of the picture.

        Rows without a face have neither box nor landmarks.
        """
        *corners, points, valence, arousal = row.affect
        x, y, w, h = map(_number, corners)
        if x is None or y is None or w is None or h is None or w <= 0 or h <= 0:
            return _Affect(_affect(valence), _affect(arousal))
        box = (x, y, w, h)
        return _Affect(_affect(valence), _affect(arousal), box, _five(points, box))

    def fingerprint(self) -> Any:
        return [fingerprint(self._table.parent, [self._table]), str(self.root)]


class _NpyLayout:
    """Annotations of train_set or val_set: one file per value, holding a string or a number."""

    def __init__(self, options: AffectNetOptions, folder: Path):
        self.root = options.path
        self._images, self._annotations = folder / "images", folder / "annotations"
        for part in (self._images, self._annotations):
            if not part.is_dir():
                raise FileNotFoundError(f"{part}: the folder is not there (dataset key 'path')")

    def _value(self, name: str) -> str:
        """Return the one value of a file, as text.

        Pickled files are refused, because loading them runs code that came with the data.
        """
        path = self._annotations / name
        try:
            value = np.load(path, allow_pickle=False).item()
        except (ValueError, EOFError, AttributeError) as error:
            raise ValueError(
                f"{path}: no plain array of one string or number, and pickled objects are not "
                f"read ({error})"
            ) from None
        return (value.decode() if isinstance(value, bytes) else str(value)).strip()

    def rows(self) -> Iterator[_Row]:
        """Yield every annotated picture, by number; an absent picture shows when it is read."""
        names = [
            name.removesuffix("_exp.npy")
            for name in os.listdir(self._annotations)
            if name.endswith("_exp.npy") and not name.startswith(".")
        ]
        for name in sorted(
            names,
            key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name),
        ):
            file = f"{name}_exp.npy"
            path = (self._images / f"{name}.jpg").relative_to(self.root).as_posix()
            yield _Row(name, path, self._value(file), str(self._annotations / file), name)

    def affect(self, row: _Row) -> _Affect:
        """Return valence and arousal; no box, as the pictures are face crops already."""
        valence, arousal = (
            _affect(self._value(name)) if (self._annotations / name).exists() else None
            for name in (f"{row.affect}_val.npy", f"{row.affect}_aro.npy")
        )
        return _Affect(valence, arousal)

    def without_annotation(self) -> int:
        """Return how many pictures have no _exp.npy."""
        pictures = {
            name.removesuffix(".jpg")
            for name in os.listdir(self._images)
            if name.endswith(".jpg") and not name.startswith(".")
        }
        return len(
            pictures - {name.removesuffix("_exp.npy") for name in os.listdir(self._annotations)}
        )

    def fingerprint(self) -> Any:
        expressions = sorted(
            name for name in os.listdir(self._annotations) if name.endswith("_exp.npy")
        )
        # The train set has a million other files; their folders' times tell when one came or went.
        return fingerprint(
            self.root,
            [
                *(f"{self._annotations}/{name}" for name in expressions),
                self._images,
                self._annotations,
            ],
        )


def _layout(options: AffectNetOptions) -> tuple[str, _CsvLayout | _NpyLayout]:
    """Return the layout of the folder. Raises FileNotFoundError naming the expected files."""
    if not options.path.is_dir():
        raise FileNotFoundError(
            f"{options.path}: the folder of AffectNet is not there (dataset key 'path'); request "
            "it at http://mohammadmahoor.com/affectnet/"
        )
    tables = [
        folder / _CSV[options.split]
        for folder in (options.path, options.path / "Manually_Annotated_file_lists")
    ]
    for table in tables:
        if table.is_file():
            return "csv", _CsvLayout(options, table)
    folder = options.path / _SETS[options.split]
    if folder.is_dir():
        return "npy", _NpyLayout(options, folder)
    raise FileNotFoundError(
        f"{options.path}: neither {_CSV[options.split]} nor "
        f"Manually_Annotated_file_lists/{_CSV[options.split]} nor {folder.name}/ is there"
    )


class AffectNet:
    """The pictures of one part.

    After `samples`, `left_out` counts by reason the rows that are not in the task.
    """

    Options = AffectNetOptions

    def __init__(self, options: AffectNetOptions, seed: int = 0):
        self.options = options
        self.space = EMOTIONS[: options.classes]
        name, self._layout = _layout(options)
        self.left_out: Counter[str] = Counter()
        kept = "-non_emotions" if options.non_emotions == "keep" and not options.subset else ""
        subset = (
            f"-subset_{options.subset.per_class}_seed_{options.subset.seed}"
            if options.subset
            else ""
        )
        self.version = f"{name}-{options.split}-{options.classes}{kept}{subset}@1"

    def _labelled(self) -> Iterator[tuple[_Row, str | None]]:
        """Yield rows of the task with their emotions; None for the kept rows that show none.

        Raises ValueError for an unknown code.
        """
        for row in self._layout.rows():
            code = _number(row.expression)
            if code is None or code not in range(len(AFFECTNET_ORDER) + len(NOT_EMOTIONS)):
                raise ValueError(
                    f"{row.where}: unknown expression code {row.expression!r}; known: 0-7 "
                    "emotions, 8-10 none, uncertain, no face"
                )
            if code >= len(AFFECTNET_ORDER):
                if self.options.non_emotions == "keep":
                    yield row, None
                else:
                    self.left_out[NOT_EMOTIONS[int(code) - len(AFFECTNET_ORDER)]] += 1
            elif AFFECTNET_ORDER[int(code)] in self.space:
                yield row, AFFECTNET_ORDER[int(code)]
            else:
                self.left_out[AFFECTNET_ORDER[int(code)]] += 1

    def _subset(self, subset: Subset) -> Iterator[tuple[_Row, str | None]]:
        """Return the `per_class` rows of each class with the lowest hash of seed and id.

        They are in the data's order; no more rows than these are ever held.
        """
        lowest: dict[str, list[tuple[int, int, _Row]]] = {label: [] for label in self.space}
        rows = 0
        for index, (row, label) in enumerate(self._labelled()):
            rows += 1
            if label is not None:
                digest = hashlib.sha256(f"{subset.seed}|{row.sample_id}".encode()).digest()
                # heapq drops the smallest item, which is here the highest hash.
                push = (
                    heapq.heappush if len(lowest[label]) < subset.per_class else heapq.heappushpop
                )
                push(lowest[label], (-int.from_bytes(digest, "big"), index, row))
        for label, found in lowest.items():
            if len(found) < subset.per_class:
                raise ValueError(
                    f"subset.per_class: {subset.per_class} pictures of each class are wanted, but "
                    f"{label} has {len(found)}"
                )
        self.left_out["outside the subset"] = rows - subset.per_class * len(lowest)
        chosen = [(index, row, label) for label, found in lowest.items() for _, index, row in found]
        yield from ((row, label) for _, row, label in sorted(chosen))

    def samples(self) -> Iterator[Sample]:
        """Yield the task's rows in the data's order; count and report the others on stderr."""
        self.left_out.clear()
        for row, label in (
            self._subset(self.options.subset) if self.options.subset else self._labelled()
        ):
            valence, arousal, box, points = self._layout.affect(row)
            boxes, landmarks = (box,) if box else None, (points,) if points else None
            yield Sample(
                row.sample_id,
                row.path,
                label,
                valence=valence,
                arousal=arousal,
                split=self.options.split,
                boxes=boxes,
                landmarks=landmarks,
            )
        if isinstance(self._layout, _NpyLayout) and self._layout.without_annotation():
            self.left_out["picture without annotation"] = self._layout.without_annotation()
        log_skipped("affectnet", self.left_out)

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self._layout.root / sample.path)

    def fingerprint(self) -> Any:
        return self._layout.fingerprint()
