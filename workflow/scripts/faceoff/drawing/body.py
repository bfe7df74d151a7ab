"""Neck, shoulders and clothing under a head, drawn straight into the image."""

import cv2
import numpy as np

from faceoff.drawing.identities import Identity
from faceoff.drawing.light import Light
from faceoff.drawing.pose import PIVOT_Y, Placement, Pose
from faceoff.drawing.raster import curve
from faceoff.drawing.shape import Shape


def _coverage(image: np.ndarray, points: np.ndarray, soft: float = 0.0) -> np.ndarray:
    """Return (h, w, 1) float32 coverage of a polygon in pixels, blurred by ``soft`` pixels."""
    mask: np.ndarray = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    if soft > 0:
        mask = cv2.GaussianBlur(mask, (0, 0), soft)
    return (mask.astype(np.float32) * np.float32(1 / 255))[..., None]


def draw_body(
    image: np.ndarray, who: Identity, shape: Shape, pose: Pose, placement: Placement, light: Light
) -> None:
    """Draw neck, shoulders and clothing, nearly upright under the head."""
    first = int(np.clip(placement.y - 5 * placement.scale, 0, image.shape[0] - 1))
    image = image[first:]  # nothing of the body lies higher
    at = np.array([placement.x, placement.y - first])
    tilt = np.radians(0.3 * pose.roll)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    small = 0.8 if who.age_group == "child" else 1.0
    n, base, chin = 45 * small, who.chin + 24, shape.chin
    level = (
        255
        * np.float32(np.sqrt(0.62 * light.ambient + 0.36 * max(light.direction[2], 0.2)))
        * np.asarray(light.colour, np.float32)
    )
    skin, cloth = np.array(who.skin, np.float32) * level, np.array(who.clothing, np.float32) * level

    def cover(
        half: list[tuple[float, float]], soft: float = 0.0, mirrored: bool = True
    ) -> np.ndarray:
        points = curve(np.array(half, float), 30)
        if mirrored:
            points = np.concatenate([points, (points * (-1, 1))[::-1]])
        return _coverage(
            image, ((points - (0, PIVOT_Y)) @ turn) * placement.scale + at, soft * placement.scale
        )

    def blend(colour: np.ndarray, coverage: np.ndarray) -> None:
        image[:] += (colour - image) * coverage

    neck = cover(
        [
            (0, 40),
            (n, 40),
            (n, base - 14),
            (n + 16, base + 6),
            (130 * small, base + 30),
            (0, base + 40),
        ]
    )
    blend(skin * 0.84, neck)
    dark_side = 1 if light.direction[0] < 0 else -1
    blend(
        skin * 0.48,
        0.8
        * neck
        * cover([(0, 40), (n + 4, 40), (n + 2, chin + 2), (0.5 * n, chin + 16), (0, chin + 20)], 5),
    )
    blend(
        skin * 0.5,
        0.6
        * neck
        * cover(
            [
                (dark_side * 1.3 * n, 40),
                (dark_side * 0.72 * n, 60),
                (dark_side * 0.7 * n, base - 8),
                (dark_side * 1.4 * n, base + 6),
            ],
            6,
            mirrored=False,
        ),
    )
    blend(
        skin * 0.55,
        0.4
        * neck
        * cover(
            [
                (0, base + 30),
                (5, base + 22),
                (30, base + 12),
                (60, base + 10),
                (60, base + 14),
                (30, base + 17),
                (6, base + 30),
            ],
            3,
        ),
    )
    shoulder = [(84, 14), (160, 34), (205, 84), (218, 180), (225, 420), (228, 900), (230, 1600)]
    cloth_area = cover(
        [
            (0, base + 30),
            (0.5 * n, base + 25),
            (n + 4, base + 4),
            *((small * x, base + y) for x, y in shoulder),
            (0, base + 1600),
        ]
    )
    blend(cloth, cloth_area)
    blend(
        cloth * 0.62,
        0.7
        * cloth_area
        * cover(
            [
                (dark_side * 80, base + 20),
                (dark_side * 260, base + 30),
                (dark_side * 260, base + 400),
                (dark_side * 120, base + 200),
            ],
            16,
            mirrored=False,
        ),
    )
    blend(
        cloth * 0.55,
        0.6
        * cloth_area
        * cover(
            [
                (0, base + 30),
                (0.5 * n, base + 25),
                (n + 4, base + 4),
                (n + 8, base + 8),
                (0.55 * n, base + 31),
                (0, base + 36),
            ],
            1.0,
        ),
    )
