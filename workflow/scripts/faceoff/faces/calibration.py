"""Box calibration: how a detector's raw box lies to the canonical face box, fitted on drawn faces with exact boxes (protocol §9)."""

from collections.abc import Sequence

import numpy as np

from faceoff.faces.crops import iou
from faceoff.plugins.protocols import Box


def fit(raw: Sequence[Box], true: Sequence[Box]) -> dict[str, float]:
    """Median offset and scale from raw to true boxes: dx, dy in raw widths and heights, sx, sy as factors; the form `crops.calibrate` applies.

    raw, true: matched boxes, at least ten. Raises ValueError with fewer.
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


def match(found: Sequence[Box], true: Box) -> Box | None:
    """The found box that overlaps the true one most, if by an IoU of at least 0.2 (conventions differ, so not 0.5)."""
    best = max(found, key=lambda box: iou(box, true), default=None)
    return best if best is not None and iou(best, true) >= 0.2 else None
