"""Hair, beards and headscarves as areas of the head canvas, with a texture of strands."""

from functools import lru_cache

import cv2
import numpy as np

from faceoff.drawing import raster
from faceoff.drawing.identities import Identity
from faceoff.drawing.raster import curve, ellipse
from faceoff.drawing.seeds import stream
from faceoff.drawing.shape import Shape

_VOLUME = {
    "crop": 4,
    "side": 9,
    "fringe": 8,
    "bob": 10,
    "long": 9,
    "curly": 20,
    "bun": 5,
    "wavy": 11,
    "receding": 2,
    "bald": 0,
    "scarf": 9,
}
# half width and lowest y of what hangs behind the head
_BACK = {
    "bob": (82, 92),
    "long": (84, 190),
    "wavy": (92, 150),
    "scarf": (86, 190),
}


@lru_cache(maxsize=64)
def strands(name: str, kind: str) -> np.ndarray:
    """Return (HEIGHT, WIDTH) float32 in [0, 1], the texture of hair.

    It is noise drawn out along the hair (``straight``), in tufts (``curly``) or fine (``skin``).
    """
    rng = stream("strands", name, kind)
    raw = rng.integers(0, 256, (raster.HEIGHT, raster.WIDTH), dtype=np.uint8).astype(np.float32)
    sigmas = {"straight": (0.9, 9.0), "curly": (2.2, 2.2), "skin": (1.1, 1.1), "brow": (0.8, 1.6)}
    across, along = sigmas[kind]
    noise = cv2.GaussianBlur(raw, (0, 0), across, sigmaY=along)
    return np.clip(0.5 + (noise - noise.mean()) / (5 * noise.std()), 0, 1)


def _side_by_side(right: np.ndarray) -> np.ndarray:
    """Return a closed outline from its right half, which is given from the top middle down."""
    return np.concatenate([right, (right * (-1, 1))[::-1]])


def front_hair(who: Identity, shape: Shape) -> list[np.ndarray]:
    """Return polygons in mm that lie over the head.

    These are the cap above the hairline and, for long styles, locks beside the face.
    """
    style, w, top = who.hair_style, who.half_width, who.hairline
    if style == "bald":
        return []
    v = _VOLUME[style]
    skull = top - 40
    low = {"crop": 6, "receding": 10, "curly": 18, "side": 4}.get(style, 10)
    outer = np.array(
        [
            (0, skull - v),
            (34, skull + 4 - 0.9 * v),
            (62, skull + 27 - 0.6 * v),
            (75 + 0.6 * v, skull + 58),
            (w + 5 + 0.8 * v, -24),
            (w + 4 + 0.35 * v, low),
        ]
    )
    line = {
        "fringe": [
            (w - 1, low),
            (0.90 * w, -24),
            (0.72 * w, top + 33),
            (0.36 * w, top + 37),
            (0, top + 35),
        ],
        "receding": [
            (w + 1, low),
            (0.96 * w, -28),
            (0.86 * w, -50),
            (0.66 * w, top - 22),
            (0.3 * w, top - 14),
            (0, top - 16),
        ],
        "scarf": [
            (w - 1, 40),
            (0.94 * w, -20),
            (0.76 * w, top + 24),
            (0.4 * w, top + 6),
            (0, top + 1),
        ],
    }
    inner = np.array(
        line.get(
            style,
            [
                (w - 0.5, low),
                (0.93 * w, -26),
                (0.84 * w, top + 25),
                (0.52 * w, top + 4),
                (0.2 * w, top - 1),
                (0, top),
            ],
        )
    )
    rim, edge = curve(outer, 40), curve(np.concatenate([inner, (inner * (-1, 1))[::-1][1:]]), 60)
    caps = [np.concatenate([(rim * (-1, 1))[::-1], rim, edge])]
    if style == "side":  # a parted sweep over one temple
        caps.append(
            curve(
                np.array(
                    [
                        (-0.45 * w, top - 22),
                        (0, top + 3),
                        (0.45 * w, top + 15),
                        (0.84 * w, top + 31),
                        (0.98 * w, -32),
                        (0.8 * w, top - 4),
                        (0.2 * w, top - 22),
                        (-0.45 * w, top - 22),
                    ]
                ),
                50,
            )
        )
    if style == "curly":
        caps += [
            ellipse((r * 83 * c, -40 + r * 88 * s), 15, 15)
            for r, c, s in [
                (1, float(np.cos(a)), -float(np.sin(a)))
                for a in np.linspace(-0.25, np.pi + 0.25, 15)
            ]
        ]
    if style in _BACK:
        wide, end = _BACK[style]
        end = min(end, 160)
        wave = 4 if style == "wavy" else 0
        inside = w - 3 if style != "scarf" else w - 1
        lock = np.array(
            [
                (0.86 * w, -50),
                (inside, -12),
                (inside - 1, 30),
                (inside + wave, 62),
                (inside - 6 if style == "scarf" else inside + 2 - wave, end),
                (wide - 3, end),
                (wide + wave, 60),
                (wide - wave, 10),
                (w + 12, -40),
            ]
        )
        if style == "scarf":
            lock = np.array(
                [
                    (0.80 * w, -50),
                    (w - 1, -12),
                    (0.97 * w, 30),
                    (0.8 * w, 72),
                    (0.45 * w, shape.chin - 3),
                    (-1, shape.chin + 2),
                    (-1, 175),
                    (wide, 175),
                    (wide, 60),
                    (wide - 4, 10),
                    (w + 12, -40),
                ]
            )
        closed = curve(np.concatenate([lock, lock[:1]]), 70)
        caps += [closed, closed * (-1, 1)]
    return caps


def back_hair(who: Identity) -> list[np.ndarray]:
    """Return polygons in mm behind the neck and head."""
    if who.hair_style == "bun":
        return [ellipse((0, who.hairline - 52), 27, 24)]
    if who.hair_style == "curly":
        return [ellipse((0, -35), 100, 98)]
    if who.hair_style not in _BACK:
        return []
    wide, end = _BACK[who.hair_style]
    return [
        _side_by_side(
            curve(
                np.array(
                    [
                        (0, who.hairline - 48),
                        (58, who.hairline - 26),
                        (wide - 4, -30),
                        (wide, 30),
                        (wide, end),
                        (0, end),
                    ]
                ),
                40,
            )
        )
    ]


def beard_areas(who: Identity, shape: Shape) -> list[tuple[np.ndarray, float]]:
    """Return polygons in mm and opacities; they move with the lips and the jaw."""
    areas: list[tuple[np.ndarray, float]] = []
    w, lip = who.half_width, shape.lip_top[20, 1]
    left, right = shape.corners
    if who.beard in ("moustache", "goatee", "full", "stubble"):
        nose = who.nose_y + 4
        areas.append(
            (
                curve(
                    np.array(
                        [
                            (0, nose),
                            (9, nose + 1),
                            (right[0] - 3, 0.5 * (nose + right[1])),
                            (right[0] + 4, right[1] + 4),
                            (right[0] - 3, right[1] - 0.5),
                            (8, lip),
                            (0, lip + 0.8),
                            (-8, lip),
                            (left[0] + 3, left[1] - 0.5),
                            (left[0] - 4, left[1] + 4),
                            (left[0] + 3, 0.5 * (nose + left[1])),
                            (-9, nose + 1),
                            (0, nose),
                        ]
                    ),
                    70,
                ),
                0.9,
            )
        )
    below = shape.lip_bottom[20, 1] + 5
    if who.beard == "goatee":
        areas.append(
            (
                curve(
                    np.array(
                        [
                            (0, below),
                            (14, below + 5),
                            (23, right[1] + 12),
                            (20, shape.chin - 6),
                            (0, shape.chin + 3),
                            (-20, shape.chin - 6),
                            (-23, left[1] + 12),
                            (-14, below + 5),
                            (0, below),
                        ]
                    ),
                    50,
                ),
                0.9,
            )
        )
    if who.beard in ("full", "stubble"):
        half = np.array(
            [
                (0, below),
                (13, below + 3),
                (right[0] + 3, right[1] + 6),
                (right[0] + 8, right[1] - 4),
                (0.84 * w, 44),
                (w - 3, 8),
                (w + 2, 4),
            ]
        )
        jaw = shape.outline[(shape.outline[:, 0] >= 0) & (shape.outline[:, 1] > 8)]
        edge = jaw[np.argsort(jaw[:, 1], kind="stable")] * (1.02, 1.0) + (0, 3)
        areas.append((_side_by_side(np.concatenate([curve(half, 30), edge])), 0.9))
    return [(polygon, 0.30 if who.beard == "stubble" else opacity) for polygon, opacity in areas]
