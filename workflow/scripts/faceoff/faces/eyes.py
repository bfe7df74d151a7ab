"""Measure how far eyes are open and where they look, from landmarks around them.

An eye has 16 points of its contour: the outer corner, seven of the lower lid, the inner corner,
seven of the upper lid, all from the outside in. Viewer's left eye first.
"""

import numpy as np

from faceoff.statistics.arrays import Floats

# The contours' landmarks in the face mesh.
CONTOURS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
)
_OUTER, _INNER = 0, 8
_LIDS = ((3, 11), (4, 12), (5, 13))  # of the contour: lower and upper lid, in the middle
# Of a person in mm: the distance between the corners of an eye, and the radius of the eyeball.
_WIDTH, _RADIUS = 30.0, 12.0


def openness(contours: Floats) -> Floats:
    """Return the gap between the lids per width of the eye (n,), mean of both eyes.

    It is the eye aspect ratio of Soukupová and Čech (2016), Real-time eye blink detection using
    facial landmarks, with three pairs of points a lid; about 0.3 for an open eye of the mesh.

    contours: (n, 2, 16, 2), any unit.
    """
    gaps = [
        np.linalg.norm(contours[:, :, upper] - contours[:, :, lower], axis=2)
        for lower, upper in _LIDS
    ]
    width = np.linalg.norm(contours[:, :, _OUTER] - contours[:, :, _INNER], axis=2)
    return np.asarray((np.mean(gaps, axis=0) / np.maximum(width, 1e-9)).mean(axis=1))


def gaze(contours: Floats, irises: Floats) -> tuple[Floats, Floats]:
    """Return yaw (to the viewer's right) and pitch (up) of gaze (n,) in degrees, mean of both eyes.

    They are in the frame of the head: how far the iris has moved from the middle between the
    corners, along and across the line between them, on an eyeball of 12 mm radius in an eye of
    30 mm between the corners. A turned head shortens both lengths alike.

    Parameters
    ----------
    contours
        (n, 2, 16, 2) upright, y downwards, any unit.
    irises
        (n, 2, 2) their middles, in the same unit.
    """
    outer, inner = contours[:, :, _OUTER], contours[:, :, _INNER]
    across = (inner - outer) * np.array([1.0, -1.0])[:, None]  # to the viewer's right
    width = np.maximum(np.linalg.norm(across, axis=2), 1e-9)
    moved = irises - (outer + inner) / 2
    right = (moved * across).sum(axis=2) / width**2
    down = (moved[..., 1] * across[..., 0] - moved[..., 0] * across[..., 1]) / width**2
    sines = np.clip(np.stack([right, -down]).mean(axis=2) * _WIDTH / _RADIUS, -1, 1)
    yaw, pitch = np.degrees(np.arcsin(sines))
    return yaw, pitch
