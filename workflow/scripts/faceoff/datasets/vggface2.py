"""Read VGGFace2 (Cao et al. 2018): 3.3 million pictures of 9,131 people.

It has no emotions, so it can be predicted but not scored. Layout: train/ and test/ with
n000001/0001_01.jpg: identity, picture and face. Optional: bb_landmark/loose_bb_test.csv (NAME_ID,
X, Y, W, H) and bb_landmark/loose_landmark_test.csv (NAME_ID, P1X, P1Y … P5X, P5Y), the same for
train. Only one identity's data are held at a time.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faceoff.datasets._files import fingerprint
from faceoff.emotions import EMOTIONS
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.spelling import suggestion

DATASETS = {
    "vggface2": {
        "class": "VggFace2",
        "title": "VGGFace2",
        "terms": (
            "pictures from the web, copyright with their owners; terms at the source could not be "
            "verified"
        ),
        "how_to_get": (
            "www.robots.ox.ac.uk/~vgg/data/vgg_face2 (whether it still gives the pictures out "
            "could not be verified)"
        ),
    }
}

IDENTITIES = {"train": 8_631, "test": 500}
BOX_COLUMNS = ("NAME_ID", "X", "Y", "W", "H")
LANDMARK_COLUMNS = ("NAME_ID", *(f"P{number}{axis}" for number in range(1, 6) for axis in "XY"))
_IDENTITY = re.compile(r"n\d{6}")
_PICTURE = re.compile(r"\d{4}_\d{2}\.jpe?g", re.IGNORECASE)


class VggFace2Options(DatasetConfig):
    """Keys of a vggface2 dataset."""

    path: DataPath = Field(description="folder with train/ or test/")
    split: Literal["train", "test"] = Field(
        "test", description="part of the data; the two share no person"
    )
    boxes: Literal["loose", "none"] | None = Field(
        None,
        description="loose: boxes and landmarks of bb_landmark/; none: without; default: loose "
        "where they are",
    )


class _Table:
    """The rows of a loose_*.csv, by identity.

    Only the places of each identity's rows are kept (8,631 numbers for 3.1 million rows).
    """

    def __init__(self, path: Path, columns: tuple[str, ...]):
        self._path, self._columns = path, columns

    @cached_property
    def _places(self) -> dict[bytes, list[tuple[int, int]]]:
        """Return identity -> byte ranges of its rows; several if they are not contiguous."""
        places: dict[bytes, list[tuple[int, int]]] = {}
        with open(self._path, "rb") as file:
            header = [
                cell.strip() for cell in file.readline().decode("utf-8-sig", "replace").split(",")
            ]
            for column in self._columns:
                if column not in header:
                    raise ValueError(
                        f"{self._path}: no column {column!r}{suggestion(column, header)}"
                    )
            if header != list(self._columns):
                raise ValueError(
                    f"{self._path}: columns {', '.join(header)} instead of "
                    f"{', '.join(self._columns)}"
                )
            offset, before = file.tell(), None
            for line in file:
                identity = line.split(b"/", 1)[0].strip().strip(b"\"'")
                if line.strip():
                    ranges = places.setdefault(identity, [])
                    if identity == before:
                        ranges[-1] = (ranges[-1][0], offset + len(line))
                    else:
                        ranges.append((offset, offset + len(line)))
                    before = identity
                offset += len(line)
        return places

    def of(self, identity: str) -> dict[str, tuple[float, ...]]:
        """Return NAME_ID (n000001/0001_01) -> its numbers.

        Raises ValueError naming file and row for any other row.
        """
        rows = {}
        with open(self._path, "rb") as file:
            for start, end in self._places.get(identity.encode(), ()):
                file.seek(start)
                for line in file.read(end - start).decode("utf-8", "replace").splitlines():
                    name, *cells = (cell.strip().strip("\"'") for cell in line.split(","))
                    if not line.strip():
                        continue
                    try:
                        numbers = tuple(float(cell) for cell in cells)
                    except ValueError:
                        numbers = ()
                    if len(numbers) != len(self._columns) - 1:
                        raise ValueError(
                            f"{self._path}, row of {name}: {line.strip()!r} does not have the "
                            f"numbers {', '.join(self._columns[1:])}"
                        )
                    rows[name] = numbers
        return rows


class VggFace2:
    """The pictures of one part, by identity and name.

    `left_out` counts other files, `incomplete` the pictures that have no box in the table.
    """

    Options = VggFace2Options
    space = EMOTIONS  # no sample has a label

    def __init__(self, options: VggFace2Options, seed: int = 0):
        self.options = options
        self._root = options.path / options.split
        if not self._root.is_dir():
            raise FileNotFoundError(
                f"{self._root}: the folder of VGGFace2's pictures is not there (dataset keys "
                "'path', 'split')"
            )
        tables = {
            name: _Table(path, columns)
            for name, columns in (("bb", BOX_COLUMNS), ("landmark", LANDMARK_COLUMNS))
            if options.boxes != "none"
            and (
                path := options.path / "bb_landmark" / f"loose_{name}_{options.split}.csv"
            ).is_file()
        }
        if options.boxes == "loose" and "bb" not in tables:
            raise FileNotFoundError(
                f"{options.path}: bb_landmark/loose_bb_{options.split}.csv is not there (dataset "
                "key 'boxes')"
            )
        # Landmarks belong to a box; alone they are of no use.
        self._boxes = tables.get("bb")
        self._landmarks = tables.get("landmark") if "bb" in tables else None
        self.left_out: Counter[str] = Counter()
        self.incomplete: Counter[str] = Counter()
        given = f"{'-boxes' if self._boxes else ''}{'-landmarks' if self._landmarks else ''}"
        self.version = f"{options.split}{given}@1"

    def _identities(self) -> list[os.DirEntry]:
        with os.scandir(self._root) as entries:
            return sorted(
                (entry for entry in entries if entry.is_dir() and _IDENTITY.fullmatch(entry.name)),
                key=lambda entry: entry.name,
            )

    def samples(self) -> Iterator[Sample]:
        """Yield every picture, one identity at a time; report what is missing or left out."""
        self.left_out.clear()
        self.incomplete.clear()
        identities = self._identities()
        if not identities:
            raise FileNotFoundError(
                f"{self._root}: no folder such as n000001 in it (dataset key 'path')"
            )
        for identity in identities:
            boxes = self._boxes.of(identity.name) if self._boxes else {}
            landmarks = self._landmarks.of(identity.name) if self._landmarks else {}
            with os.scandir(identity.path) as entries:
                names = sorted(entry.name for entry in entries)
            for name in names:
                if not _PICTURE.fullmatch(name):
                    self.left_out["other file"] += 1
                    continue
                sample_id = f"{identity.name}/{name.rsplit('.', 1)[0]}"
                box, points = boxes.get(sample_id), landmarks.get(sample_id)
                if self._boxes and box is None:
                    self.incomplete["picture without a box"] += 1
                five = tuple(zip(points[::2], points[1::2], strict=True)) if points else None
                yield Sample(
                    sample_id=sample_id,
                    path=f"{identity.name}/{name}",
                    subject=identity.name,
                    split=self.options.split,
                    boxes=((box[0], box[1], box[2], box[3]),) if box else None,
                    landmarks=(five,) if box and five else None,
                )
        if len(identities) != IDENTITIES[self.options.split]:
            print(
                f"vggface2: {len(identities):,} of {IDENTITIES[self.options.split]:,} identities "
                f"are below {self._root}",
                file=sys.stderr,
            )
        log_skipped("vggface2", self.left_out)
        log_skipped("vggface2", self.incomplete, "kept all the same:")

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self._root / sample.path)

    def fingerprint(self) -> Any:
        """Return names and times of the identities' folders, and the tables.

        A folder's time changes when a picture comes or goes; 3 million files are not looked at.
        """
        tables = [table._path for table in (self._boxes, self._landmarks) if table]
        return fingerprint(self.options.path, [*self._identities(), *tables])
