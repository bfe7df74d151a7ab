"""Cut a model's input out of a frame: calibration, margin, size and colour.

Only `resampling` resamples pixels beside it. The calibration of a detector's card maps its raw box
to the *canonical face box* (hairline to chin, cheek to cheek), so that crops show the same face
area whatever the detector (protocol §9). Crops are square and black outside the frame.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from faceoff.faces.resampling import fit, resize
from faceoff.plugins.protocols import RGB, Box, CropSpec

Size = tuple[int, int]  # (width, height) in pixels
_LARGEST = 8192  # pixels of a crop's side before it is resampled
# Where five landmarks lie in an aligned face, as shares of its side: the 112-pixel template of
# InsightFace (Deng et al. 2019, ArcFace).
TEMPLATE = (
    np.array(
        [
            [38.2946, 51.6963],
            [73.5318, 51.5014],
            [56.0252, 71.7366],
            [41.5493, 92.3655],
            [70.7299, 92.2041],
        ]
    )
    / 112
)
cv2.setNumThreads(1)  # a job's parallelism is its rule's threads, not OpenCV's pool


def calibrate(box: Box, calibration: Mapping[str, float] | None) -> Box:
    """Map a raw box to the canonical face box.

    The centre moves by (dx·w, dy·h); the sides are multiplied by sx and sy.
    """
    if not calibration:
        return box
    x, y, w, h = box
    centre_x = x + w / 2 + calibration["dx"] * w
    centre_y = y + h / 2 + calibration["dy"] * h
    width, height = w * calibration["sx"], h * calibration["sy"]
    return (centre_x - width / 2, centre_y - height / 2, width, height)


def square(box: Box, margin: float) -> Box:
    """Return the square around a box's centre with its longer side, enlarged by `margin`.

    A margin of 0.2 enlarges it by 20 %.
    """
    x, y, w, h = box
    side = max(w, h) * (1 + margin)
    return (x + w / 2 - side / 2, y + h / 2 - side / 2, side, side)


def whole_pixels(box: Box) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a box in whole pixels, at least one on each side."""
    left, top = int(np.floor(box[0] + 0.5)), int(np.floor(box[1] + 0.5))
    right = max(left + 1, int(np.floor(box[0] + box[2] + 0.5)))
    bottom = max(top + 1, int(np.floor(box[1] + box[3] + 0.5)))
    return left, top, right, bottom


def in_frame(points: np.ndarray, box: Box | None, spec: CropSpec, frame: Size) -> np.ndarray:
    """Return points (k, 2) of a crop that `crop` made without alignment, in pixels of the frame.

    box: as of `crop`; frame: (width, height).
    """
    left, top, right, bottom = (
        (0, 0, *frame) if box is None else whole_pixels(square(box, spec.margin))
    )
    height, width = spec.size
    return points * ((right - left) / width, (bottom - top) / height) + (left, top)


def cut(image: RGB, box: Box) -> RGB:
    """Return the pixels of a box, black outside the image. Empty boxes become one pixel."""
    height, width = image.shape[:2]
    left, top, right, bottom = whole_pixels(box)
    inside = image[
        max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)
    ]
    if inside.shape[:2] == (bottom - top, right - left):
        return inside
    if inside.size == 0:
        return np.zeros((1, 1, 3), np.uint8)
    pads = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    return cv2.copyMakeBorder(inside, *pads, borderType=cv2.BORDER_CONSTANT, value=(0, 0, 0))


def crop(
    image: RGB, box: Box | None, spec: CropSpec, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Return one model input (height, width, channels) uint8.

    box: None takes the whole frame, brought to the input size, without margin.

    landmarks: (5, 2) px, needed by a specification that aligns. Raises ValueError if they are
    missing or cannot be laid on the template.
    """
    if spec.align == "none":
        area = image if box is None else _cut_within_reason(image, square(box, spec.margin))
        pixels = fit(area, spec)
    elif landmarks is None or box is None:
        raise ValueError(
            f"align: {spec.align} needs five landmarks, which this detector does not give; set "
            "align: none"
        )
    else:
        eyes = spec.align == "eyes"
        matrix = _upright(box, spec, landmarks) if eyes else _onto_template(spec, landmarks)
        pixels = _warp(image, matrix, spec.size)
    if spec.channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    return pixels


def _cut_within_reason(image: RGB, area: Box) -> RGB:
    """Return the pixels of a square area, taken from a smaller image if the border would be huge.

    A detector's wild guess may take gigabytes of black border otherwise.
    """
    shrink = area[2] / _LARGEST
    if shrink > 1:
        height, width = image.shape[:2]
        image = resize(image, (max(1, round(height / shrink)), max(1, round(width / shrink))))
        x, y, w, h = (value / shrink for value in area)
        area = (x, y, w, h)
    return cut(image, area)


def _similarity(scale: float, angle: float, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix that turns by `angle` (radians), scales, and moves a point.

    It maps `source` to `target`, both in continuous pixel coordinates.
    """
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, target - turn @ source])


def _upright(box: Box, spec: CropSpec, landmarks: np.ndarray) -> np.ndarray:
    """Return the similarity that cuts out the square of the box, turned about its centre.

    The line between the eyes becomes level.
    """
    x, y, side, _ = square(box, spec.margin)
    (left, right), target = landmarks[:2], np.array(spec.size[::-1], float)
    angle = -np.arctan2(right[1] - left[1], right[0] - left[0])
    return _similarity(
        min(target) / side, angle, np.array([x + side / 2, y + side / 2]), target / 2
    )


def _onto_template(spec: CropSpec, landmarks: np.ndarray) -> np.ndarray:
    """Return the similarity transform that lays five landmarks on the template.

    The margin is about the template's centre.
    """
    size = np.array(spec.size[::-1], float)
    target = ((TEMPLATE - 0.5) / (1 + spec.margin) + 0.5) * min(size) + (size - min(size)) / 2
    return _laid_on(landmarks, target)


def _laid_on(landmarks: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the similarity transform (2, 3) of points (n, 2) to others, by least squares.

    It does not reflect (Umeyama 1991). Raises ValueError if the landmarks lie on one point.
    """
    source, wanted = landmarks - landmarks.mean(axis=0), target - target.mean(axis=0)
    # In the plane a similarity is a complex factor: least squares in one division.
    a, b = source @ [1, 1j], wanted @ [1, 1j]
    spread = float((np.abs(a) ** 2).sum())
    factor = (a.conj() @ b) / spread if spread > 0 else 0
    if not np.isfinite(factor) or abs(factor) < 1e-6:
        raise ValueError("align: five_point: the landmarks lie on one point")
    angle = float(np.angle(factor))
    return _similarity(abs(factor), angle, landmarks.mean(axis=0), target.mean(axis=0))


def aligned(
    image: RGB, landmarks: np.ndarray, target: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return pixels (height, width, 3) of an image, turned, scaled and moved.

    landmarks: (n, 2) pixels of the image that shall lie at `target`, pixels of the result. Raises
    ValueError if they lie on one point.
    """
    return _warp(image, _laid_on(landmarks, target), size)


def _warp(image: RGB, matrix: np.ndarray, size: tuple[int, int]) -> RGB:
    """Return pixels of `size` (height, width) under a similarity transform of the image.

    An area average comes first where the transform shrinks; the outside is black.
    """
    height, width = size
    back = np.linalg.inv(matrix[:, :2])
    corners = (np.array([[0, 0], [width, 0], [0, height], [width, height]]) - matrix[:, 2]) @ back.T
    left, top = np.floor(corners.min(axis=0)) - 1
    reach = float(np.ceil(np.ptp(corners, axis=0)).max() + 3)
    part = _cut_within_reason(image, (left, top, reach, reach))
    side = min(part.shape[0], max(1, round(reach * np.hypot(*matrix[:, 0]))))
    part = resize(part, (side, side))
    # From the part's pixels to the output's: coordinates count from pixel edges, warpAffine's from
    # pixel centres.
    turn = matrix[:, :2] * (reach / side)
    shift = matrix[:, :2] @ [left, top] + matrix[:, 2] + turn @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(
        part,
        np.column_stack([turn, shift]),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, 0–1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
