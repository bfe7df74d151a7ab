"""Keep the pictures of a training in a memory map: decoded once, read in any order."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Floats, Ints
from faceoff.storage import files

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures.

    pixels: (n, height, width, channels) uint8, an array or a memory map; targets: (n, k) weights
    of the classes; labels: (n,) the label's index.
    """

    pixels: Pixels
    targets: Floats
    labels: Ints

    def __len__(self) -> int:
        return len(self.pixels)


def pixel_hash(pixels: npt.NDArray[Any]) -> str:
    """Return a hash of a picture's shape and pixels: twins in other files have the same."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def store(path: Path, rows: Iterable[tuple[Pixels, Floats, int]]) -> Pictures:
    """Write the pixels of (pixels, target, label) rows to a memory map, and return the pictures.

    The pixels lie behind one another in the file, so that their number need not be known before.
    Raises ValueError without a row.
    """
    targets: list[Floats] = []
    labels: list[int] = []
    shape: tuple[int, ...] = ()
    with files.atomic(path) as scratch, open(scratch, "wb") as file:
        for pixels, target, label in rows:
            file.write(np.ascontiguousarray(pixels, np.uint8).tobytes())
            shape = pixels.shape
            targets.append(target)
            labels.append(label)
        if not labels:
            raise ValueError("no picture has both a face and a label of the network's classes")
    pixels = np.memmap(path, np.uint8, "r", shape=(len(labels), *shape))
    return Pictures(pixels, np.stack(targets), np.array(labels))


def batches(pictures: Pictures, size: int) -> Iterator[Pixels]:
    """Yield the pixels in order, `size` pictures at a time."""
    for start in range(0, len(pictures), size):
        yield np.array(pictures.pixels[start : start + size])
