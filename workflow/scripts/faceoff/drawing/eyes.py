"""Eyes, lashes and brows, painted into the albedo of a head canvas."""

import numpy as np

from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import curve, ellipse, fill, region, ribbon
from faceoff.drawing.shape import GAZE_MM, IRIS_RADIUS, Shape

SCLERA = np.array([0.80, 0.76, 0.73], np.float32)
EYEBALL_MM = 12.0  # radius of a person's eyeball
LASH = np.array([0.010, 0.007, 0.006], np.float32)


def paint_eyes(albedo: np.ndarray, who: Identity, shape: Shape, skin: np.ndarray) -> None:
    """Paint eyeballs between the lids, then the lash lines.

    ``albedo`` is linear RGB and changed in place.
    """
    iris = np.square(np.array(who.iris, np.float32))
    for top, bottom, centre in zip(shape.upper_lids, shape.lower_lids, shape.irises, strict=True):
        sign = 1.0 if top[-1, 0] > 0 else -1.0
        opening = np.concatenate([curve(top, 30), curve(bottom, 30)[::-1]])
        window, coverage = region(opening)
        ball = albedo[window].copy()
        patch = np.zeros(albedo.shape, np.float32)
        patch[window] = SCLERA
        fill(
            patch,
            ellipse((top[0, 0] + sign * 1.0, top[0, 1] + 0.3), 3.0, 2.2),
            skin * (0.95, 0.55, 0.5),
            0.8,
            0.6,
        )
        fill(patch, ellipse(tuple(centre), IRIS_RADIUS, IRIS_RADIUS), iris * 0.35, 1.0, 0.25)
        fill(patch, ellipse(tuple(centre), IRIS_RADIUS - 1.1, IRIS_RADIUS - 1.1), iris, 0.95, 0.5)
        fill(patch, ellipse((centre[0], centre[1] + 2.4), 3.6, 2.2), iris * 1.7, 0.6, 0.8)
        fill(patch, ellipse(tuple(centre), 2.5, 2.5), 0.004, 1.0, 0.2)
        # the shadow of the upper lid
        fill(patch, ribbon(top + np.array([0, 0.9]), 3.4, (0.6, 0.6)), 0.03, 0.6, 1.0)
        fill(patch, ellipse((centre[0] - 2.0, centre[1] - 2.3), 1.25, 1.25), 1.0, 0.95, 0.15)
        ball += (patch[window] - ball) * coverage[..., None]
        albedo[window] = ball
        line = 2.1 if who.age_group != "older" else 1.7
        fill(
            albedo,
            ribbon(
                curve(np.concatenate([top, [top[-1] + (sign * 1.6, -0.4)]]), 30) - (0, 0.4),
                line,
                (0.35, 0.75),
            ),
            LASH,
            0.92,
            0.2,
        )
        fill(
            albedo,
            ribbon(curve(bottom[1:], 24) + np.array([0, 0.35]), 1.0, (0.2, 0.8)),
            skin * (0.30, 0.22, 0.2),
            0.65,
            0.25,
        )


def paint_brows(albedo: np.ndarray, who: Identity, shape: Shape, texture: np.ndarray) -> None:
    """Paint brows as tapered bands of hair; ``texture`` in [0, 1] breaks the band up."""
    colour = np.square(
        np.array(who.hair, np.float32)
        * (0.62 if who.hair_colour in ("blond", "red", "chestnut") else 0.85)
    )
    if who.hair_colour in ("grey", "white"):
        colour = (
            np.square(np.array([0.34, 0.32, 0.30], np.float32))
            if who.skin_tone <= 5
            else np.square(np.array([0.17, 0.15, 0.14], np.float32))
        )
    for brow in shape.brows:
        window, coverage = region(ribbon(brow, 7.2 * who.brow_thickness, (0.72, 0.16)), 0.55)
        coverage = np.minimum(coverage * (0.72 + 0.6 * texture[window]), 0.95)
        albedo[window] += (colour - albedo[window]) * coverage[..., None]


def eye_centres(shape: Shape) -> np.ndarray:
    """Return (2, 2) mm, the middle between the corners of each eye, independent of gaze."""
    return np.array(
        [
            (0.5 * (top[0, 0] + top[-1, 0]), 0.5 * (top[0, 1] + top[-1, 1]) - 1.0)
            for top in shape.upper_lids
        ]
    )


def gaze_angles(gaze: tuple[float, float]) -> tuple[float, float]:
    """Return yaw (to the viewer's right) and pitch (up) in degrees, in the frame of the head.

    They are those of an eyeball of 12 mm radius whose iris has moved as far as the drawn one has.
    ``gaze`` is that of `shape.face_shape`.
    """
    right, down = (GAZE_MM * gaze / EYEBALL_MM).tolist()
    return float(np.degrees(np.arcsin(right))), float(-np.degrees(np.arcsin(down)))
