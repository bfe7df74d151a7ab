"""Measure how far eyes are open."""

import numpy as np

from faceoff.statistics.arrays import Floats

# Landmarks of the face mesh, viewer's left then right: the corners, three pairs of upper and lower
# lid between them.
_CORNERS = ((33, 133), (362, 263))
_LIDS = (((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373)))


def openness(points: Floats) -> Floats:
    """Return the gap between the lids per width of the eye (n,), mean of both eyes.

    It is the eye aspect ratio of Soukupová and Čech (2016), Real-time eye blink detection using
    facial landmarks, with three pairs of points a lid; about 0.3 for an open eye of the mesh.

    points: (n, 468, 2) landmarks, any unit.
    """
    found = []
    for (outer, inner), pairs in zip(_CORNERS, _LIDS, strict=True):
        gaps = [np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in pairs]
        width = np.linalg.norm(points[:, outer] - points[:, inner], axis=1)
        found.append(np.mean(gaps, axis=0) / np.maximum(width, 1e-9))
    return np.asarray(np.mean(found, axis=0))
