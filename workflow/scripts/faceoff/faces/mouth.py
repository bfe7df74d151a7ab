"""Measure how far a mouth is open, from landmarks of the face mesh."""

import numpy as np

from faceoff.faces.mesh import LIP_BOTTOM_IN, LIP_TOP_IN, MOUTH_L, MOUTH_R
from faceoff.statistics.arrays import Floats


def openness(points: Floats) -> Floats:
    """Return the gap between the inner lips per width of the mouth (n,), 0 for a closed mouth.

    It is for lips what `eyes.openness` is for lids, with the pair of points in the middle.

    points: (n, 468 or more, 2) landmarks, any unit.
    """
    gap = np.linalg.norm(points[:, LIP_BOTTOM_IN] - points[:, LIP_TOP_IN], axis=1)
    width = np.linalg.norm(points[:, MOUTH_R] - points[:, MOUTH_L], axis=1)
    return np.asarray(gap / np.maximum(width, 1e-9))
