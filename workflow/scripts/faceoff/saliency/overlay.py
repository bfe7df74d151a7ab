"""Lay a map over the face that it explains."""

import cv2
import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Floats

_OPAQUE = 0.65  # of the strongest pixels


def overlay(face: npt.NDArray[np.uint8], heat: Floats) -> npt.NDArray[np.uint8]:
    """Return a face (height, width, 3) with its map (any size) over it, of the same shape.

    The half of the pixels that matters least stays as it is; from the map's median to its maximum
    the colours of inferno cover the face more and more. So maps of all units look alike; a constant
    map shows nothing.
    """
    height, width = face.shape[:2]
    fine = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    low, high = float(np.median(fine)), float(fine.max())
    if high <= low:
        return face.copy()
    share = np.clip((fine - low) / (high - low), 0, 1)
    levels = (share * 255).round().astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    cover = _OPAQUE * np.sqrt(share)[..., None]
    return np.asarray((face * (1 - cover) + colours * cover).round(), np.uint8)
