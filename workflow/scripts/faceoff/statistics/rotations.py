"""Turn angles of heads and eyes into rotations and directions, and measure how far two differ.

The camera's frame is x to the viewer's right, y down, z towards the viewer. A head's rotation is
R = R_roll R_pitch R_yaw, from the head's frame to the camera's: yaw turns the face to the viewer's
right, pitch lifts it, roll tilts it clockwise. Angles are degrees.
"""

import numpy as np

from faceoff.statistics.arrays import Floats


def rotations(yaw: Floats, pitch: Floats, roll: Floats) -> Floats:
    """Return the rotations (n, 3, 3) from head to camera for angles (n,) in degrees."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (np.cos(a), np.sin(a))
        for a in (np.radians(np.asarray(angle, np.float64)) for angle in (yaw, pitch, roll))
    )
    zero, one = np.zeros_like(cy), np.ones_like(cy)
    turned = _matrices([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    lifted = _matrices([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
    tilted = _matrices([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    return np.asarray(tilted @ lifted @ turned)


def _matrices(entries: list[list[Floats]]) -> Floats:
    return np.stack([np.stack(row, axis=-1) for row in entries], axis=-2)


def angles(rotation: Floats) -> tuple[Floats, Floats, Floats]:
    """Return yaw, pitch and roll (n,) in degrees of rotations (n, 3, 3).

    Pitch is in −90 … 90, yaw and roll in −180 … 180. At a pitch of ±90 only the sum or difference
    of yaw and roll is determined.
    """
    yaw = np.degrees(np.arctan2(-rotation[:, 2, 0], rotation[:, 2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(rotation[:, 2, 1], -1, 1)))
    roll = np.degrees(np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1]))
    return yaw, pitch, roll


def geodesic(a: Floats, b: Floats) -> Floats:
    """Return the angle (n,) in degrees, 0–180, of the turn from one rotation (n, 3, 3) to another.

    arccos((tr(AᵀB) − 1) / 2), its argument clipped (protocol §50).
    """
    trace = np.einsum("nij,nij->n", a, b)
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def wrapped(difference: Floats) -> Floats:
    """Return angles (n,) in degrees, wrapped to (−180, 180]."""
    return np.asarray(180.0 - np.mod(180.0 - np.asarray(difference, np.float64), 360.0))


def directions(yaw: Floats, pitch: Floats) -> Floats:
    """Return unit vectors (n, 3) of gaze for angles (n,) in degrees.

    x is to the viewer's right, y down, z towards the viewer: yaw looks to the viewer's right, pitch
    up. Protocol §50 writes (−cos θ sin φ, −sin θ, −cos θ cos φ), mirrored in x and z; angles
    between two of them are the same.
    """
    phi, theta = np.radians(yaw), np.radians(pitch)
    return np.stack(
        [np.cos(theta) * np.sin(phi), -np.sin(theta), np.cos(theta) * np.cos(phi)], axis=-1
    )


def gaze_angles(direction: Floats) -> tuple[Floats, Floats]:
    """Return yaw and pitch (n,) in degrees of directions (n, 3), the inverse of `directions`."""
    length = np.linalg.norm(direction, axis=-1)
    pitch = np.degrees(np.arcsin(np.clip(-direction[..., 1] / length, -1, 1)))
    return np.degrees(np.arctan2(direction[..., 0], direction[..., 2])), pitch


def between(a: Floats, b: Floats) -> Floats:
    """Return the angle (n,) in degrees, 0–180, between unit vectors (n, 3)."""
    return np.asarray(np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1, 1))))
