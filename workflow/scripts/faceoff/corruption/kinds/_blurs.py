"""Blur a picture by a kernel that is stated for faces of 224 pixels."""

import cv2
import numpy as np
import numpy.typing as npt

from faceoff.corruption.corruption import Seen, face_side
from faceoff.plugins.protocols import RGB

PUBLISHED_SIDE = 224.0  # px: the benchmark's pictures, whose kernels are in their pixels

Kernel = npt.NDArray[np.float32]


def scale_of(image: RGB, seen: Seen) -> float:
    """Return the side of the face over 224 pixels; a face beyond the picture is as large as it.

    A kernel that follows a box of a million pixels would not fit into memory.
    """
    return min(face_side(image, seen), float(max(image.shape[:2]))) / PUBLISHED_SIDE


def blurred(image: RGB, kernel: Kernel, border: int) -> RGB:
    """Return a picture filtered by a kernel (sides odd) that sums to 1."""
    return cv2.filter2D(image, -1, kernel, borderType=border)


def smaller(kernel: Kernel, scale: float) -> Kernel:
    """Return a kernel for a face that is smaller, scale < 1.

    Each weight goes to the four pixels around its new place, by distance, so that a kernel of less
    than a pixel still blurs as much as it should.
    """
    reach = np.array(kernel.shape) // 2
    inside = np.ceil(reach * scale).astype(int) + 1
    made = np.zeros(2 * inside + 1)
    rows, columns = np.nonzero(kernel)
    y, x = (rows - reach[0]) * scale + inside[0], (columns - reach[1]) * scale + inside[1]
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    weights = kernel[rows, columns]
    for down in (0, 1):
        for right in (0, 1):
            near = (1 - np.abs(y - top - down)) * (1 - np.abs(x - left - right))
            np.add.at(made, (top + down, left + right), weights * near)
    return made.astype(np.float32)
