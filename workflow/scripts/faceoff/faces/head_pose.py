"""Estimate a head's rotation from the face mesh.

The mesh is laid on MediaPipe's canonical face by a weighted similarity transform (Procrustes), as
MediaPipe's own face geometry does, but with parallel rays instead of a camera of known focal
length: a crop tells neither the focal length nor where the picture's centre is.
"""

import numpy as np

from faceoff.statistics import rotations
from faceoff.statistics.arrays import Floats
from faceoff.storage.columns import POSE

# MediaPipe's Procrustes basis and canonical face model (Apache-2.0,
# geometry_pipeline_metadata_landmarks of @mediapipe/face_mesh): landmark, its weight, and its place
# in cm: x to the viewer's right, y up, z towards the viewer. Points off the middle stand with their
# mirror image, whose x has the other sign.
_MIDDLE = (
    (4, 0.07090993970632553, -0.46316999, 7.5865798),
    (6, 0.032100144773721695, 2.47325492, 5.78862715),
    (10, 0.00844655092805624, 8.26177788, 4.48153496),
)
_PAIRS = (
    (263, 33, 0.05872416868805885, 4.44585896, 2.66399097, 3.1734221),
    (284, 54, 0.007667080033570528, 6.27933121, 6.61542702, 1.42585003),
    (297, 67, 0.00907805934548378, 3.52396393, 8.00597572, 3.72916293),
    (346, 117, 0.009791937656700611, 5.25865889, 0.94581097, 2.97431207),
    (348, 119, 0.014565368182957172, 3.30068111, 0.86164099, 3.8727839),
    (350, 121, 0.01859136112034321, 1.82073104, 1.46795404, 4.22412395),
    (356, 127, 0.005197994410991669, 7.74309492, 2.36499906, -2.00516701),
    (358, 129, 0.12062520533800125, 1.78579402, -0.978284, 4.85047007),
    (361, 132, 0.005560018587857485, 7.270895, -2.89091706, -2.252455),
    (362, 133, 0.05328618362545967, 1.85643196, 2.58524489, 3.75790405),
    (365, 136, 0.06689045578241348, 5.08527613, -7.17858982, 0.71471101),
    (372, 143, 0.014816547743976116, 6.40757084, 2.23602104, 1.56084299),
    (376, 147, 0.014262833632528782, 6.23488283, -1.94442999, 1.66354203),
    (420, 198, 0.025462191551923752, 1.24681497, 0.230297, 5.681036),
    (425, 205, 0.04725227877497673, 3.83292794, -1.53732598, 4.13773108),
)
BASIS = np.array(
    [index for index, *_ in _MIDDLE]
    + [right for right, *_ in _PAIRS]
    + [left for _, left, *_ in _PAIRS]
)
WEIGHTS = np.array([row[1] for row in _MIDDLE] + 2 * [row[2] for row in _PAIRS])
CANONICAL = np.array(
    [(0.0, y, z) for _, _, y, z in _MIDDLE]
    + [(x, y, z) for *_, x, y, z in _PAIRS]
    + [(-x, y, z) for *_, x, y, z in _PAIRS]
)


def head_rotations(points: Floats) -> Floats:
    """Return the rotations (n, 3, 3) from head to camera of meshes in pixels of the picture.

    Parameters
    ----------
    points
        (n, 468 or more, 3) x to the right, y down, depth falling towards the viewer, one scale.

    Returns
    -------
    Proper rotations (determinant 1) in the frame of `statistics.rotations`.

    References
    ----------
    Kabsch (1976), A solution for the best rotation to relate two sets of vectors, Acta Cryst. A32.
    Umeyama (1991), Least-squares estimation of transformation parameters, TPAMI 13.
    """
    seen = points[:, BASIS] * (1, 1, -1)
    model = CANONICAL * (1, -1, 1)
    share = (WEIGHTS / WEIGHTS.sum())[:, None]
    centred = seen - (share * seen).sum(axis=1, keepdims=True)
    still = model - (share * model).sum(axis=0)
    u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", share * centred, still))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return np.asarray(u @ vt)


def head_angles(points: Floats) -> dict[str, Floats]:
    """Return `pose_yaw`, `pose_pitch` and `pose_roll` (n,) in degrees of meshes (n, 468, 3)."""
    return dict(zip(POSE, rotations.angles(head_rotations(points)), strict=True))
