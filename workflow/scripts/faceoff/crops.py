"""Box and frame to model input: calibration, margin, size and colour. The one place that resamples pixels.

A detector's raw box is mapped onto the *canonical face box* (hairline to chin, cheek to cheek) by the calibration of its card,
so that crops show the same face area whatever the detector (protocol §9). Crops are square; what lies outside the frame is black.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from faceoff.protocols import RGB, Box, CropSpec

_LARGEST = 8192  # pixels of a crop's side before it is resampled
cv2.setNumThreads(1)  # a job's parallelism is its rule's threads, not OpenCV's pool


def calibrate(box: Box, calibration: Mapping[str, float] | None) -> Box:
    """Map a raw box to the canonical face box: the centre moves by (dx·w, dy·h), the sides are multiplied by sx and sy."""
    if not calibration:
        return box
    x, y, w, h = box
    centre_x = x + w / 2 + calibration["dx"] * w
    centre_y = y + h / 2 + calibration["dy"] * h
    width, height = w * calibration["sx"], h * calibration["sy"]
    return (centre_x - width / 2, centre_y - height / 2, width, height)


def square(box: Box, margin: float) -> Box:
    """The square around a box's centre whose side is its longer side, enlarged by `margin` (0.2 = 20 %)."""
    x, y, w, h = box
    side = max(w, h) * (1 + margin)
    return (x + w / 2 - side / 2, y + h / 2 - side / 2, side, side)


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resample to (height, width): area averaging when shrinking, bilinear when enlarging, untouched when equal."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinking = image.shape[0] * image.shape[1] > height * width
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def cut(image: RGB, box: Box) -> RGB:
    """The pixels of a box, black where it leaves the image. Empty boxes become one pixel."""
    height, width = image.shape[:2]
    left, top = int(np.floor(box[0] + 0.5)), int(np.floor(box[1] + 0.5))
    right, bottom = max(left + 1, int(np.floor(box[0] + box[2] + 0.5))), max(top + 1, int(np.floor(box[1] + box[3] + 0.5)))
    inside = image[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    if inside.shape[:2] == (bottom - top, right - left):
        return inside
    if inside.size == 0:
        return np.zeros((1, 1, 3), np.uint8)
    pads = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    return cv2.copyMakeBorder(inside, *pads, borderType=cv2.BORDER_CONSTANT, value=(0, 0, 0))


def crop(image: RGB, box: Box | None, spec: CropSpec) -> np.ndarray:
    """One model input (height, width, channels) uint8. `box` None takes the whole frame, stretched to the input size, without margin."""
    if box is not None:
        area = square(box, spec.margin)
        shrink = area[2] / _LARGEST
        if shrink > 1:  # a detector's wild guess must not take gigabytes of black border
            image = resize(image, (max(1, round(image.shape[0] / shrink)), max(1, round(image.shape[1] / shrink))))
            area = tuple(side / shrink for side in area)
        image = cut(image, area)
    pixels = resize(image, spec.size)
    if spec.channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    return pixels


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0–1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
