"""Lips, teeth, tongue and the dark between them."""

import numpy as np

from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import ellipse, fill, region, ribbon
from faceoff.drawing.shape import Shape

TEETH = np.array([0.80, 0.77, 0.68], np.float32)
CAVITY = np.array([0.035, 0.010, 0.010], np.float32)
TONGUE = np.array([0.36, 0.10, 0.10], np.float32)


def lip_colour(who: Identity, skin: np.ndarray) -> np.ndarray:
    """Return the colour of the lips: redder and darker than the skin, less so on dark skin."""
    return (
        skin * np.array([0.72, 0.46, 0.45], np.float32)
        if who.skin_tone <= 6
        else skin * np.array([0.66, 0.52, 0.54], np.float32)
    )


def swell_lips(relief: np.ndarray, shape: Shape) -> None:
    """Raise the lips above the muzzle, in mm; a thinner (tightened, pressed) lip is flatter."""
    for outer, inner, height in (
        (shape.lip_top, shape.lip_inner_top, 2.2),
        (shape.lip_bottom, shape.lip_inner_bottom, 3.0),
    ):
        window, coverage = region(np.concatenate([outer, inner[::-1]]), 1.3)
        relief[window] += height * coverage


def paint_mouth(albedo: np.ndarray, who: Identity, shape: Shape, skin: np.ndarray) -> None:
    """Paint lips and, where they part, what lies behind them.

    ``albedo`` is linear RGB and changed in place.
    """
    lips = lip_colour(who, skin)
    fill(
        albedo, np.concatenate([shape.lip_top, shape.lip_inner_top[::-1]]), lips * 0.86, 0.92, 0.45
    )
    fill(
        albedo,
        np.concatenate([shape.lip_inner_bottom, shape.lip_bottom[::-1]]),
        lips * 1.06,
        0.9,
        0.5,
    )
    top, bottom = shape.lip_inner_top, shape.lip_inner_bottom
    gap = float((bottom[:, 1] - top[:, 1]).max())
    if gap > 0.8:
        window, coverage = region(np.concatenate([top, bottom[::-1]]), 0.2)
        inside = np.zeros(albedo.shape, np.float32)
        inside[window] = CAVITY
        jaw = who.mouth_y + shape.drop
        fill(inside, ellipse((0, jaw + 7), 17, 7), TONGUE, 0.8, 1.5)
        reach = 0.9 * np.array([top[0, 0], top[-1, 0]])
        upper_edge = np.array(
            [
                (reach[0], who.mouth_y - 3),
                (reach[0] * 0.55, who.mouth_y + 1.8),
                (0, who.mouth_y + 2.4),
                (reach[1] * 0.55, who.mouth_y + 1.8),
                (reach[1], who.mouth_y - 3),
            ]
        )
        fill(
            inside,
            np.concatenate(
                [upper_edge, [(reach[1], who.mouth_y - 20), (reach[0], who.mouth_y - 20)]]
            ),
            TEETH,
            0.95,
            0.35,
        )
        lower = np.array(
            [
                (reach[0] * 0.75, jaw + 4),
                (0, jaw + 3.2),
                (reach[1] * 0.75, jaw + 4),
                (reach[1] * 0.7, jaw + 30),
                (reach[0] * 0.7, jaw + 30),
            ]
        )
        fill(inside, lower, TEETH * 0.75, 0.9, 0.5)
        for x in (-15, -8.2, 0, 8.2, 15):  # the gaps between the upper teeth
            fill(
                inside,
                ribbon(np.array([(x, who.mouth_y - 9), (x, who.mouth_y + 2)]), 0.6, (1, 1)),
                CAVITY,
                0.3,
                0.2,
            )
        # the lip's shadow on the teeth
        fill(inside, ribbon(top + np.array([0, 1.2]), 2.8, (0.8, 0.8)), CAVITY, 0.55, 0.9)
        for x in (reach[0] * 0.9, reach[1] * 0.9):
            fill(
                inside, ellipse((x, float(top[0, 1] + bottom[0, 1]) / 2), 5, 14), CAVITY, 0.75, 1.6
            )
        albedo[window] += (inside[window] - albedo[window]) * coverage[..., None]
        fill(albedo, ribbon(top, 0.9, (0.5, 0.5)), lips * 0.25, 0.6, 0.3)
    else:
        fill(albedo, ribbon(0.5 * (top + bottom), 1.9, (0.5, 0.5)), lips * 0.10, 0.9, 0.35)
    for corner, sign in zip(shape.corners, (-1, 1), strict=True):
        fill(albedo, ellipse((corner[0] - sign * 0.5, corner[1]), 2.2, 1.7), lips * 0.12, 0.65, 0.7)
