"""Turn a drawn head: project head points, and map the head canvas into an image.

A head is a shallow relief: depth(x, y) in mm. It is gentle enough for x cos(yaw) + depth sin(yaw)
to rise with x for yaws to 35 degrees, so every image point has one source point, found by
fixed-point iteration, and the projection of landmarks agrees with the pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faceoff.drawing import raster
from faceoff.drawing.raster import bell

PIVOT_Y = 35.0  # mm; the head turns about a point at this height


@dataclass(frozen=True)
class Pose:
    """The rotation of a head in degrees.

    Yaw turns the face to the viewer's right, pitch lifts it, roll tilts it clockwise.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def rotation(self) -> np.ndarray:
        """Return (3, 3) from head to camera; x right, y down, z towards the viewer."""
        (cy, sy), (cp, sp), (cr, sr) = (
            (np.cos(a), np.sin(a)) for a in np.radians([self.yaw, self.pitch, self.roll])
        )
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return roll @ pitch @ yaw


@dataclass(frozen=True)
class Placement:
    """The place of the head's pivot in the image (px) and the head's scale (px per mm)."""

    x: float
    y: float
    scale: float


def depth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the depth of head points in mm towards the viewer, smoothed for turning."""
    dome = 46 * np.maximum(1 - (x / 82) ** 2, 0) * np.maximum(1 - ((y - 10) / 135) ** 2, 0)
    return dome + 13 * bell(x / 13) * bell((y - 33) / 15) + 4 * bell(x / 22) * bell((y - 75) / 30)


def project(points: np.ndarray, pose: Pose, placement: Placement) -> np.ndarray:
    """Project (n, 2) mm on the head to (n, 2) image pixels."""
    p = np.asarray(points, float)
    z = depth(p[:, 0], p[:, 1])
    camera = np.stack([p[:, 0], p[:, 1] - PIVOT_Y, z], axis=1) @ pose.rotation().T
    return camera[:, :2] * placement.scale + (placement.x, placement.y)


def source_map(
    pose: Pose, placement: Placement, window: tuple[int, int, int, int], step: int = 5
) -> np.ndarray:
    """Return (h, w, 2) float32 canvas pixels for every pixel of the window (x0, y0, x1, y1).

    The map is solved every ``step`` pixels and interpolated.
    """
    x0, y0, x1, y1 = window
    columns, rows = (x1 - x0) // step + 2, (y1 - y0) // step + 2
    u, v = np.meshgrid(
        x0 + step * np.arange(columns, dtype=np.float64),
        y0 + step * np.arange(rows, dtype=np.float64),
    )
    u, v = (u - placement.x) / placement.scale, (v - placement.y) / placement.scale
    r = pose.rotation()
    inverse = np.linalg.inv(r[:2, :2])
    x, y = inverse[0, 0] * u + inverse[0, 1] * v, inverse[1, 0] * u + inverse[1, 1] * v + PIVOT_Y
    for _ in range(20):
        z = depth(x, y)
        du, dv = u - r[0, 2] * z, v - r[1, 2] * z
        dx = 0.8 * (inverse[0, 0] * du + inverse[0, 1] * dv - x)
        dy = 0.8 * (inverse[1, 0] * du + inverse[1, 1] * dv + PIVOT_Y - y)
        x, y = x + dx, y + dy
        if max(np.abs(dx).max(), np.abs(dy).max()) < 0.1:
            break
    grid = np.stack(
        [(x + raster.ORIGIN[0]) * raster.SCALE - 0.5, (y + raster.ORIGIN[1]) * raster.SCALE - 0.5],
        axis=-1,
    ).astype(np.float32)
    at_x, at_y = np.meshgrid(
        np.arange(x1 - x0, dtype=np.float32) / step, np.arange(y1 - y0, dtype=np.float32) / step
    )
    return cv2.remap(grid, at_x, at_y, cv2.INTER_LINEAR)
