"""Calibrate boxes: fit how a detector's raw box lies to the canonical face box (protocol §9).

The fit uses drawn faces with exact boxes.
"""

from collections.abc import Sequence

import numpy as np

from faceoff.faces.crops import iou
from faceoff.plugins.protocols import Box


def fit(raw: Sequence[Box], true: Sequence[Box]) -> dict[str, float]:
    """Return the median offset and scale from raw to true boxes, in the form of `crops.calibrate`.

    dx, dy are in raw widths and heights, sx, sy are factors. raw, true: at least ten matched boxes,
    else ValueError.
    """
    if len(raw) != len(true) or len(raw) < 10:
        raise ValueError(
            f"calibration needs at least 10 matched boxes, got {len(raw)} and {len(true)}"
        )
    r, t = np.asarray(raw, float), np.asarray(true, float)
    shift = (t[:, :2] + t[:, 2:] / 2 - r[:, :2] - r[:, 2:] / 2) / r[:, 2:]
    scale = t[:, 2:] / r[:, 2:]
    (dx, dy), (sx, sy) = np.median(shift, axis=0), np.median(scale, axis=0)
    return {
        "dx": round(float(dx), 4),
        "dy": round(float(dy), 4),
        "sx": round(float(sx), 4),
        "sy": round(float(sy), 4),
    }


def match(boxes: Sequence[Box], true: Box) -> Box | None:
    """Return the detected box that overlaps the true one most, if their IoU is at least 0.2.

    The threshold is not 0.5, because detectors follow different conventions.
    """
    best = max(boxes, key=lambda box: iou(box, true), default=None)
    return best if best is not None and iou(best, true) >= 0.2 else None
