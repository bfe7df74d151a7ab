"""Refine eyes and irises by MediaPipe's iris network, through LiteRT.

As in MediaPipe's own graph (mediapipe/modules/iris_landmark), an eye is a square 2.3 times as wide
as its corners are apart, turned by the line between them; the viewer's right eye is mirrored, so
that the network sees left eyes only.
"""

from pathlib import Path

import cv2
import numpy as np

from faceoff.faces.eyes import CONTOURS
from faceoff.faces.mesh import moved
from faceoff.inference.runtimes import Tflite

SIDE = 64
CONTOUR, IRIS = 16, 5  # points: of the lids, in the order of `eyes`; of the iris, its middle first
_SCALE = 2.3
_BATCH = 1  # the network has one row of outputs, however many go in
_CORNERS = [0, 8]  # of a contour


class IrisNetwork:
    """The iris network of MediaPipe."""

    def __init__(self, weights: Path):
        self._network = Tflite(weights, batch=_BATCH)

    def eyes(self, crops: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return contours (n, 2, 16, 2) and irises (n, 2, 5, 2) in pixels of the crops.

        The viewer's left eye stands first. crops: (n, side, side, 3) uint8 RGB; points: (n, 468, 2
        or 3) mesh in their pixels.
        """
        if not len(crops):
            return np.zeros((0, 2, CONTOUR, 2)), np.zeros((0, 2, IRIS, 2))
        corners = points[:, np.array(CONTOURS)[:, _CORNERS], :2].reshape(-1, 2, 2)
        maps = np.stack([_to_square(pair, place % 2 == 1) for place, pair in enumerate(corners)])
        squares = [_seen(crops[place // 2], matrix) for place, matrix in enumerate(maps)]
        outputs = self._network.run(np.stack(squares).astype(np.float32) / 255)
        lids, irises = sorted(outputs, key=lambda output: -output[0].size)
        back = _inverse(maps)
        found = [
            moved(each.reshape(len(each), -1, 3)[:, :count, :2].astype(np.float64), back).reshape(
                -1, 2, count, 2
            )
            for each, count in ((lids, CONTOUR), (irises, IRIS))
        ]
        return found[0], found[1]


def _to_square(corners: np.ndarray, mirrored: bool) -> np.ndarray:
    """Return the (2, 3) map from the crop to the square of an eye, both from the picture's edge.

    corners: (2, 2) the outer corner, then the inner one.
    """
    across = corners[1] - corners[0] if not mirrored else corners[0] - corners[1]
    scale = SIDE / (_SCALE * max(float(np.hypot(*across)), 1.0))
    angle = np.arctan2(across[1], across[0])
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if mirrored:
        turn[0] *= -1
    return np.column_stack([turn, SIDE / 2 - turn @ corners.mean(axis=0)])


def _seen(crop: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the square (64, 64, 3) that a map cuts out of a crop."""
    centres = matrix.copy()  # OpenCV's matrices count from pixel centres
    centres[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    return cv2.warpAffine(crop, centres, (SIDE, SIDE), flags=cv2.INTER_LINEAR)


def _inverse(maps: np.ndarray) -> np.ndarray:
    """Return the inverse affine maps of (n, 2, 3)."""
    turn = np.linalg.inv(maps[:, :, :2])
    return np.concatenate([turn, -turn @ maps[:, :, 2:]], axis=2)
