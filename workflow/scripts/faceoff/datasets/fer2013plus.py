"""Read fer2013plus, an edition of FER+ on Kaggle: 112 × 112 pictures, a folder per class.

See protocol §2. Layout: fer2013/{train,test}/<class>/*.png or *.jpg below the folder. Its test part
is FER+ (label.csv) under argmax8; the other parts are oversampled.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from faceoff import emotions
from faceoff.datasets._files import fingerprint
from faceoff.media.kinds import read_bytes
from faceoff.plugins.omissions import log_skipped
from faceoff.plugins.options import DataPath, DatasetConfig
from faceoff.plugins.protocols import Sample

DATASETS = {
    "fer2013plus": {
        "class": "Fer2013Plus",
        "title": "FER2013Plus (Kaggle)",
        "terms": (
            "pictures: ICML-2013 challenge, research use; the edition states no terms that could "
            "be verified"
        ),
        "how_to_get": "https://www.kaggle.com/datasets/subhaditya/fer2013plus",
    }
}

FOLDERS = {"train": ("train",), "valid": ("validation", "valid", "val"), "test": ("test",)}
TEST_PICTURES = 3_573
_SUFFIXES = {".png", ".jpg", ".jpeg"}


class Fer2013PlusOptions(DatasetConfig):
    """Keys of a fer2013plus dataset."""

    path: DataPath = Field(description="folder with fer2013/, or fer2013/ itself")
    split: Literal["train", "valid", "test"] = Field(
        "test", description="part of the data; only test may be scored, the others are oversampled"
    )

    @model_validator(mode="after")
    def _only_test_is_scored(self) -> Self:
        if self.split != "test" and self.role == "test":
            raise ValueError(
                f"'split: {self.split}' cannot have 'role: test': this part is oversampled; set "
                "role to validation or train, or split to test"
            )
        return self


class Fer2013Plus:
    """The pictures of one part, by class and name.

    `left_out` counts by reason the files that are no pictures.
    """

    Options = Fer2013PlusOptions
    space = emotions.EMOTIONS

    def __init__(self, options: Fer2013PlusOptions, seed: int = 0):
        self.options = options
        if not options.path.is_dir():
            raise FileNotFoundError(
                f"{options.path}: the folder of fer2013plus is not there (dataset key 'path')"
            )
        places = [
            root / name
            for root in (options.path / "fer2013", options.path)
            for name in FOLDERS[options.split]
        ]
        root = next((place for place in places if place.is_dir()), None)
        if root is None:
            names = " nor ".join(str(place.relative_to(options.path)) for place in places)
            raise FileNotFoundError(f"{options.path}: neither {names} is there")
        self._root = root
        self._labels: dict[Path, str] = {}
        for folder in sorted(
            path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith(".")
        ):
            try:
                label = emotions.canonical(folder.name)
            except ValueError as error:
                raise ValueError(f"{folder}: {error}") from None
            if label in self._labels.values():
                raise ValueError(
                    f"{folder}: a second folder of {label}; one folder per class is expected"
                )
            self._labels[folder] = label
        if not self._labels:
            raise FileNotFoundError(
                f"{self._root}: no class folders such as {self._root.name}/happiness (dataset key "
                "'path')"
            )
        self.left_out: Counter[str] = Counter()
        self.version = f"{options.split}@1"

    def _files(self, left_out: Counter[str]) -> Iterator[tuple[Path, str]]:
        """Yield (picture, its label); count other files."""
        for folder, label in self._labels.items():
            for name in sorted(os.listdir(folder)):
                path = folder / name
                if name.startswith("."):
                    left_out["hidden file"] += 1
                elif path.suffix.lower() not in _SUFFIXES:
                    left_out["other file"] += 1
                else:
                    yield path, label

    def samples(self) -> Iterator[Sample]:
        """Yield every picture of every class folder.

        The count is reported on stderr if it is not the published one.
        """
        self.left_out.clear()
        count = 0
        for path, label in self._files(self.left_out):
            count += 1
            name = path.relative_to(self._root).as_posix()
            yield Sample(
                sample_id=name.rsplit(".", 1)[0], path=name, label=label, split=self.options.split
            )
        if self.options.split == "test" and count != TEST_PICTURES:
            print(
                f"fer2013plus: {count:,} pictures instead of {TEST_PICTURES:,} are below "
                f"{self._root}",
                file=sys.stderr,
            )
        log_skipped("fer2013plus", self.left_out)

    def read(self, sample: Sample) -> bytes:
        return read_bytes(self._root / sample.path)

    def fingerprint(self) -> Any:
        return fingerprint(self._root, (path for path, _ in self._files(Counter())))
