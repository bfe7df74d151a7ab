"""Say head pose, gaze and landmarks as OpenFace 2 writes them.

Its camera has x to the viewer's right, y down and z away from the camera; `statistics.rotations`
has z towards the viewer. So a rotation R becomes D R D with D = diag(1, 1, -1). Sources:
`RotationHelpers.h` and `GazeEstimation.cpp` of OpenFace (Baltrusaitis et al. 2018).
"""

import numpy as np

from faceoff.faces.mesh import POINTS
from faceoff.statistics import rotations
from faceoff.statistics.arrays import Floats

_AWAY = np.array([1.0, 1.0, -1.0])
POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
GAZE = (
    *[f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"],
    "gaze_angle_x",
    "gaze_angle_y",
)  # fmt: skip
LANDMARKS = tuple(f"{axis}_{number}" for axis in "xy" for number in range(68))
# The landmarks of the face mesh at the places of the 68 of iBUG (Sagonas et al. 2013): jaw, brows,
# nose, eyes, outer and inner lip. They are neighbours and not the same points: the mesh's jaw is
# that of a face turned to the front, iBUG's the visible one.
_OF_MESH = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
])  # fmt: skip


def landmarks_68(points: Floats) -> Floats:
    """Return the 68 landmarks (68, 2) nearest to iBUG's, of a face mesh (468, 2).

    Other numbers of landmarks stay as they are.
    """
    return points[_OF_MESH] if len(points) == POINTS else points


def pose(yaw: float, pitch: float, roll: float) -> tuple[float, float, float]:
    """Return OpenFace's pose_Rx, pose_Ry and pose_Rz in radians of angles in degrees.

    It writes R = Rx Ry Rz. A face that looks down has a positive Rx, one that is turned to the
    viewer's left a positive Ry, one that is tilted clockwise a positive Rz.
    """
    turned = _rotation(yaw, pitch, roll) * np.outer(_AWAY, _AWAY)
    return (
        float(np.arctan2(-turned[1, 2], turned[2, 2])),
        float(np.arcsin(np.clip(turned[0, 2], -1, 1))),
        float(np.arctan2(-turned[0, 1], turned[0, 0])),
    )


def gaze(yaw: float, pitch: float, head: tuple[float, float, float] | None) -> tuple[float, ...]:
    """Return the eight numbers of `GAZE`: the direction of either eye, and two angles in radians.

    Both eyes get the one direction that is measured. A direction towards the camera is (0, 0, -1).

    yaw, pitch: of the gaze in degrees; head: yaw, pitch and roll of the head where the gaze is in
    the head's frame, None where it is in the camera's.
    """
    seen = rotations.directions(np.array([yaw]), np.array([pitch]))[0]
    if head is not None:
        seen = _rotation(*head) @ seen
    x, y, z = (float(part) for part in seen * _AWAY)
    return (x, y, z, x, y, z, float(np.arctan2(x, -z)), float(np.arctan2(y, -z)))


def _rotation(yaw: float, pitch: float, roll: float) -> Floats:
    found: Floats = rotations.rotations(*(np.array([a]) for a in (yaw, pitch, roll)))[0]
    return found
