"""Paint the things in front of a shaded face: glasses, sunglasses, a mask, a scarf, a hand."""

import numpy as np

from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import curve, ellipse, fill, ribbon
from faceoff.drawing.shape import Shape


def _lens(who: Identity, sign: int) -> np.ndarray:
    """Return the rim of one lens of the glasses in mm."""
    x = sign * (who.eye_x + 1.5)
    if who.glasses == "square":
        box = np.array(
            [
                (-22, -13),
                (0, -14.5),
                (22, -13.5),
                (21.5, 5),
                (18, 14),
                (0, 16),
                (-17, 14),
                (-21, 4),
            ],
            float,
        ) * (sign, 1) + (x, 3)
        return curve(np.concatenate([box, box[:1]]), 48)
    return ellipse((x, 3), 21, 19, n=40)


def paint_glasses(image: np.ndarray, who: Identity, tinted: bool) -> None:
    """Paint frames, bridge and a faint reflection over a shaded head.

    ``tinted`` makes them sunglasses.
    """
    frame = (
        np.array([0.012, 0.010, 0.010], np.float32)
        if tinted or who.glasses == "square"
        else np.array([0.10, 0.055, 0.03], np.float32)
    )
    for sign in (-1, 1):
        rim = _lens(who, sign)
        if tinted:
            fill(image, rim, 0.012, 0.97, 0.3)
            fill(image, ellipse((sign * who.eye_x - 6, -4), 9, 4, -0.5), 0.25, 0.35, 2.0)
        else:
            fill(image, rim, 1.0, 0.03)
        fill(image, ribbon(np.concatenate([rim, rim[:2]]), 2.0, (1, 1)), frame, 0.95)
        fill(
            image,
            ribbon(
                np.array([(sign * (who.eye_x + 21), -3), (sign * (who.half_width + 5), -5)]),
                2.6,
                (1, 1),
            ),
            frame,
            0.95,
        )
    fill(
        image,
        ribbon(
            curve(np.array([(-who.eye_x + 20, 0), (0, -4), (who.eye_x - 20, 0)]), 12), 2.2, (1, 1)
        ),
        frame,
        0.95,
    )


def paint_covering(
    image: np.ndarray,
    who: Identity,
    shape: Shape,
    alpha: np.ndarray,
    covering: str,
    skin: np.ndarray,
) -> None:
    """Paint sunglasses, a surgical mask, a scarf over the lower face, or a hand.

    They lie in front of a shaded face.
    """
    w, chin = who.half_width, shape.chin
    if covering == "sunglasses":
        paint_glasses(image, who, tinted=True)
    elif covering in ("mask", "scarf"):
        colour = (
            np.array([0.42, 0.60, 0.66], np.float32)
            if covering == "mask"
            else np.square(np.array(who.clothing, np.float32))[::-1] * 0.9
        )
        rise = 28 if covering == "mask" else 18
        half = np.array(
            [
                (0, rise - 4),
                (22, rise + 2),
                (0.98 * w, 24),
                (0.97 * w, 56),
                (0.6 * w, chin - 2),
                (0, chin + 5),
            ]
        )
        area = np.concatenate([curve(half, 30), (curve(half, 30) * (-1, 1))[::-1]])
        fill(image, area, colour, 1.0, 0.4)
        fill(alpha, area, 1.0)
        for k in range(4):
            y = rise + 16 + 15 * k
            fill(
                image,
                ribbon(curve(np.array([(-0.8 * w, y - 6), (0, y + 4), (0.8 * w, y - 6)]), 20), 3),
                colour * 0.6,
                0.6,
                1.5,
            )
        for s in (-1, 1):
            fill(image, ellipse((s * 0.8 * w, 60), 14, 40), colour * 0.4, 0.5, 8)
    elif covering == "hand":
        palm = ellipse((34, 92), 30, 34, 0.4)
        for layer, value, soft in (
            (image, skin * 0.55, 2.5),
            (image, skin * 0.92, 0.5),
            (alpha, 1.0, 0.5),
        ):
            fill(layer, palm, value, 0.8 if soft > 2 else 1.0, soft)
            for k in range(4):
                x = 2 + 15.5 * k
                finger = ribbon(
                    curve(
                        np.array([(30 + 6 * k, 96), (x + 9, 70), (x - 4, 34 + 4 * abs(k - 1))]), 16
                    ),
                    15,
                    (0.85, 0.7),
                )
                fill(
                    layer,
                    finger,
                    value * (0.6 if soft > 2 else 1.0),
                    0.85 if soft > 2 else 1.0,
                    soft,
                )
                if layer is image and soft < 2:
                    fill(image, finger + np.array([5, 0]), skin * 0.5, 0.35, 3)
                    fill(
                        image,
                        ribbon(
                            curve(
                                np.array(
                                    [(30 + 6 * k, 96), (x + 9, 70), (x - 4, 36 + 4 * abs(k - 1))]
                                ),
                                16,
                            ),
                            11,
                            (0.85, 0.6),
                        ),
                        skin * 0.95,
                        0.9,
                        2,
                    )
