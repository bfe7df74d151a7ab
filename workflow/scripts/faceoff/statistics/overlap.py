"""Measure how far boxes overlap."""

import numpy as np

from faceoff.statistics.arrays import Floats


def iou_of(a: Floats, b: Floats) -> Floats:
    """Return the intersection over union (…), 0–1, of boxes (…, 4); 0 where one is missing."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(_ends(a), _ends(b))
    width, height = (high - low)[..., 0], (high - low)[..., 1]
    shared = width * height
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - shared
    meet = (width > 0) & (height > 0)  # False for NaN
    return np.where(meet, shared / np.where(meet, union, 1.0), 0.0)


def _ends(boxes: Floats) -> Floats:
    return boxes[..., :2] + boxes[..., 2:]
