"""Run MediaPipe's 468-point face mesh on face crops, in batches through LiteRT, and measure it.

It makes two passes, as MediaPipe's own graph does when it tracks: the mesh of the crop places an
upright square around the face (side 1.5 times the longer side of the landmarks' box, turned by the
line between the eyes), and the mesh of that square is the result. Landmark indices are those of
MediaPipe's canonical face model; "left" and "right" are the viewer's.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import cv2
import numpy as np

from faceoff.inference.runtimes import Tflite

SIDE = 192
POINTS = 468
_ROI_SCALE = 1.5  # mediapipe/modules/face_landmark/face_landmark_landmarks_to_roi.pbtxt
_BATCH = 16

# Viewer's left is the subject's right.
EYE_OUTER_L, EYE_INNER_L, EYE_INNER_R, EYE_OUTER_R = 33, 133, 362, 263
LID_UPPER_L, LID_LOWER_L = (158, 159, 160), (144, 145, 153)
LID_UPPER_R, LID_LOWER_R = (385, 386, 387), (373, 374, 380)
BROW_INNER_L, BROW_MID_L, BROW_OUTER_L = (55, 107), (52, 105), (46, 70)
BROW_INNER_R, BROW_MID_R, BROW_OUTER_R = (285, 336), (282, 334), (276, 300)
MOUTH_L, MOUTH_R, LIP_TOP, LIP_TOP_IN, LIP_BOTTOM_IN, LIP_BOTTOM = 61, 291, 0, 13, 14, 17
NOSE_BASE, NOSE_WING_L, NOSE_WING_R, NOSE_TIP, CHIN = 2, 98, 327, 1, 152
CHEEK_L, CHEEK_R = 50, 280


@dataclass(frozen=True)
class Mesh:
    """The meshes of n faces.

    points: (n, 468, 3) x, y and depth in pixels of an upright square of 192 pixels around the face;
    depth is relative to the head and falls towards the viewer. presence: (n,) probability.
    to_crop: (n, 2, 3) affine maps from that square to the crop's pixels.
    """

    points: np.ndarray
    presence: np.ndarray
    to_crop: np.ndarray

    def in_crop(self) -> np.ndarray:
        """Return the points (n, 468, 3) in pixels of the crop, depth on the same scale."""
        flat = moved(self.points[:, :, :2], self.to_crop)
        scale = np.hypot(self.to_crop[:, 0, 0], self.to_crop[:, 1, 0])
        depth = self.points[:, :, 2] * scale[:, None]
        return np.concatenate([flat, depth[..., None]], axis=2)


def moved(points: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Return points (n, k, 2) under affine maps (n, 2, 3)."""
    turned: np.ndarray = points @ maps[:, :, :2].transpose(0, 2, 1)
    return turned + maps[:, None, :, 2]


class FaceMesh:
    """The face-mesh network of MediaPipe."""

    def __init__(self, weights: Path):
        self._network = Tflite(weights, batch=_BATCH)

    def read(self, crops: np.ndarray) -> Mesh:
        """Return the meshes of (n, side, side, 3) uint8 RGB crops of faces, loosely framed."""
        squares, to_crop = upright(crops, self._run(shrunk(crops))[0])
        return Mesh(*self._run(squares), to_crop)

    def landmarks(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coordinates (n, 468, 2) in an upright 192-pixel square, and presence (n,).

        Presence is a probability. crops: (n, side, side, 3) uint8 RGB of faces, loosely framed.
        """
        found = self.read(crops)
        return found.points[:, :, :2], found.presence

    def _run(self, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._network.run(squares.astype(np.float32) / 255)
        points, presence = sorted(
            (output.reshape(len(output), prod(output.shape[1:])) for output in outputs),
            key=lambda output: -output.shape[1],
        )
        return points.reshape(-1, POINTS, 3).astype(np.float64), probability(presence[:, 0])


def probability(logits: np.ndarray) -> np.ndarray:
    """Return the logistic function of logits, in float64."""
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def shrunk(crops: np.ndarray) -> np.ndarray:
    """Return square crops (n, side, side, 3) as (n, 192, 192, 3)."""
    if not len(crops):
        return crops.reshape(0, SIDE, SIDE, 3)
    size = (SIDE, SIDE)
    return np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in crops])


def upright(crops: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squares (n, 192, 192, 3) around faces, turned upright, and the way back.

    points: (n, 468, 2 or 3) landmarks of the shrunk crops. The way back is (n, 2, 3), affine maps
    from pixels of the square to those of the crop, both counted from the picture's edge.
    """
    if not len(crops):
        return crops.reshape(0, SIDE, SIDE, 3), np.zeros((0, 2, 3))
    in_crop = points[:, :, :2] * (crops.shape[1] / SIDE)
    matrices = [_matrix(each) for each in in_crop]
    squares = [
        cv2.warpAffine(crop, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        for crop, matrix in zip(crops, matrices, strict=True)
    ]
    back = np.array([cv2.invertAffineTransform(matrix) for matrix in matrices], np.float64)
    # OpenCV's matrices count from pixel centres.
    back[:, :, 2] += 0.5 - 0.5 * back[:, :, :2].sum(axis=2)
    return np.stack(squares), back


def _matrix(points: np.ndarray) -> np.ndarray:
    """Return the (2, 3) map from a crop to the upright square around these landmarks."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()) * _ROI_SCALE, 1.0)
    across = points[EYE_OUTER_R] - points[EYE_OUTER_L]
    middle = (low + high) / 2
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    matrix: np.ndarray = cv2.getRotationMatrix2D(middle.tolist(), angle, SIDE / side)
    matrix[:, 2] += SIDE / 2 - middle
    return matrix


def normalise(points: np.ndarray) -> np.ndarray:
    """Return landmarks (n, 468, 2) in a frame of their own.

    The middle of the eyes is the origin, the eye line is horizontal, and the outer eye corners are
    1 apart.
    """
    left, right = points[:, EYE_OUTER_L], points[:, EYE_OUTER_R]
    across = right - left
    length = np.maximum(np.linalg.norm(across, axis=1), 1e-9)
    cosine, sine = across[:, 0] / length, across[:, 1] / length
    centred = points - ((left + right) / 2)[:, None]
    turned = np.stack(
        [
            centred[..., 0] * cosine[:, None] + centred[..., 1] * sine[:, None],
            centred[..., 1] * cosine[:, None] - centred[..., 0] * sine[:, None],
        ],
        axis=-1,
    )
    return turned / length[:, None, None]


def measures(points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the distances that facial action moves, each (n,), from (n, 468, 2) landmarks.

    The unit is the outer eye distance. Sides are named L and R as the viewer sees them; y grows
    downwards, so "height" is y.
    """
    p = normalise(points)

    def height(*indices: int) -> np.ndarray:
        return p[:, list(indices), 1].mean(axis=1)

    def width(a: int, b: int) -> np.ndarray:
        return p[:, b, 0] - p[:, a, 0]

    lips = (height(MOUTH_L) + height(MOUTH_R)) / 2
    middle = (height(LIP_TOP_IN) + height(LIP_BOTTOM_IN)) / 2
    return {
        "brow_inner": -(height(*BROW_INNER_L) + height(*BROW_INNER_R)) / 2,
        "brow_outer": -(height(*BROW_OUTER_L) + height(*BROW_OUTER_R)) / 2,
        "brow_slant": (
            height(*BROW_OUTER_L)
            + height(*BROW_OUTER_R)
            - height(*BROW_INNER_L)
            - height(*BROW_INNER_R)
        )
        / 2,
        "brow_gap": width(BROW_INNER_L[0], BROW_INNER_R[0]),
        "eye_open": (
            height(*LID_LOWER_L)
            - height(*LID_UPPER_L)
            + height(*LID_LOWER_R)
            - height(*LID_UPPER_R)
        )
        / 2,
        "lid_lower": (height(*LID_LOWER_L) + height(*LID_LOWER_R)) / 2,
        "mouth_width": width(MOUTH_L, MOUTH_R),
        "mouth_open": height(LIP_BOTTOM_IN) - height(LIP_TOP_IN),
        "corner_raise": middle - lips,
        "corner_raise_L": middle - height(MOUTH_L),
        "corner_raise_R": middle - height(MOUTH_R),
        "corner_out_L": width(MOUTH_L, NOSE_BASE),
        "corner_out_R": width(NOSE_BASE, MOUTH_R),
        "upper_lip": height(LIP_TOP) - height(NOSE_BASE),
        "lip_thickness": height(LIP_TOP_IN)
        - height(LIP_TOP)
        + height(LIP_BOTTOM)
        - height(LIP_BOTTOM_IN),
        "nose_length": height(NOSE_BASE),
        "nose_width": width(NOSE_WING_L, NOSE_WING_R),
        "chin": height(CHIN) - height(LIP_BOTTOM),
        "cheek": (height(CHEEK_L) + height(CHEEK_R)) / 2,
    }
