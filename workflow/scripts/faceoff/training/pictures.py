"""Keep the pictures of a training in a memory map: decoded once, read in any order."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Floats, Ints
from faceoff.training import memory_map

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

    Raises ValueError without a row.
    """
    targets: list[Floats] = []
    labels: list[int] = []
    with memory_map.writing(path) as written:
        for pixels, target, label in rows:
            written.append(pixels.astype(np.uint8, copy=False))
            targets.append(target)
            labels.append(label)
        if not labels:
            raise ValueError("no picture has both a face and a label of the network's classes")
    return Pictures(written.read(), np.stack(targets), np.array(labels))


def batches(pictures: Pictures, size: int) -> Iterator[Pixels]:
    """Yield the pixels in order, `size` pictures at a time."""
    for start in range(0, len(pictures), size):
        yield np.array(pictures.pixels[start : start + size])
