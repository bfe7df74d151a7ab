"""Run MediaPipe's 468-point face mesh on face crops, in batches through LiteRT, and measure it.

It makes two passes, as MediaPipe's own graph does when it tracks: the mesh of the crop places an
upright square around the face (side 1.5 times the longer side of the landmarks' box, turned by the
line between the eyes), and the mesh of that square is the result. Landmark indices are those of
MediaPipe's canonical face model; "left" and "right" are the viewer's.
"""

from math import prod
from pathlib import Path

import cv2
import numpy as np

from faceoff.inference.runtimes import Tflite

SIDE = 192
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


class FaceMesh:
    """The face-mesh network of MediaPipe."""

    def __init__(self, weights: Path):
        self._network = Tflite(weights, batch=_BATCH)

    def landmarks(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coordinates (n, 468, 2) in an upright 192-pixel square, and presence (n,).

        Presence is a probability. crops: (n, side, side, 3) uint8 RGB of faces, loosely framed.
        """
        whole = (
            np.stack(
                [cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops]
            )
            if len(crops)
            else crops.reshape(0, SIDE, SIDE, 3)
        )
        first, _ = self._run(whole)
        first *= crops.shape[1] / SIDE
        upright = (
            np.stack([_upright(crop, points) for crop, points in zip(crops, first, strict=True)])
            if len(crops)
            else whole
        )
        return self._run(upright)

    def _run(self, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._network.run(squares.astype(np.float32) / 255)
        points, presence = sorted(
            (output.reshape(len(output), prod(output.shape[1:])) for output in outputs),
            key=lambda output: -output.shape[1],
        )
        return points.reshape(-1, 468, 3)[:, :, :2].astype(np.float64), 1 / (
            1 + np.exp(-presence[:, 0].astype(np.float64))
        )


def _upright(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the square around these landmarks, turned upright, (192, 192, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(float((high - low).max()) * _ROI_SCALE, 1.0)
    across = points[EYE_OUTER_R] - points[EYE_OUTER_L]
    middle = (low + high) / 2
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    matrix: np.ndarray = cv2.getRotationMatrix2D(middle.tolist(), angle, SIDE / side)
    matrix[:, 2] += SIDE / 2 - middle
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)


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
