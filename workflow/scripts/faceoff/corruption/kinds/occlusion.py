"""Something in front of the face."""

from collections.abc import Callable, Mapping
from math import pi, sqrt
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._face_parts import FaceParts, face_parts
from faceoff.plugins.protocols import RGB, Floats

_GREY, _CLOTH, _GLASS = (128, 128, 128), (178, 204, 214), (22, 22, 26)
_FINE = 4  # bits of a pixel's fraction in OpenCV's polygons
_FAR = 1 << 20  # px: OpenCV's integers end further out
_CHIN = 0.5  # below the middle of the box, in shares of its side


def _band(middle: Floats, parts: FaceParts, area: float) -> list[Floats]:
    """Return a band across the face, as wide as the box, about a place."""
    high, wide = area / parts.side, parts.side
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)]) / 2
    # The band is centred on the box, at the height of the place.
    across = float((parts.middle - middle) @ parts.right)
    return [parts.place(middle + across * parts.right, corners)]


def _eyes(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    return _band(parts.points[:2].mean(axis=0), parts, area)


def _nose(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    return _band(parts.points[2], parts, area)


def _mouth(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    return _band(parts.points[3:].mean(axis=0), parts, area)


def _patch(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    """Return a square somewhere in the box."""
    side = min(sqrt(area), parts.side)
    room = (parts.side - side) / 2
    place = parts.middle + seen.clip_rng.uniform(-1, 1, 2) * room
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * side / 2
    return [place + corners]


def _mask(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    """Return a face mask, from the chin up: its top is as wide as the cheeks, its chin narrower."""
    wide, narrow = 0.7 * parts.side, 0.4 * parts.side
    high = 2 * area / (wide + narrow)
    below_nose = float((parts.points[2] - parts.middle) @ parts.right)
    low = _CHIN * parts.side
    corners = np.array([
        (-wide / 2, low - high), (wide / 2, low - high), (narrow / 2, low), (-narrow / 2, low),
    ])  # fmt: skip
    return [parts.place(parts.middle + below_nose * parts.right, corners)]


def _sunglasses(parts: FaceParts, area: float, seen: Seen) -> list[Floats]:
    """Return two round lenses about the eyes, wider than high, and a bridge between them."""
    eyes = parts.points[:2]
    across = sqrt(area / 2 / pi / 0.75)  # half the width of a lens
    turn = np.linspace(0, 2 * pi, 48, endpoint=False)
    lens = across * np.column_stack([np.cos(turn), 0.75 * np.sin(turn)])
    apart = float(np.hypot(*(eyes[1] - eyes[0]))) / 2
    thick = 0.15 * across
    bridge = np.array([(-apart, -thick), (apart, -thick), (apart, thick), (-apart, thick)])
    return [
        *(parts.place(eye, lens) for eye in eyes),
        parts.place(eyes.mean(axis=0), bridge),
    ]


_Shape = Callable[[FaceParts, float, Seen], list[Floats]]
_SHAPES: dict[str, tuple[_Shape, tuple[int, int, int]]] = {
    "eyes": (_eyes, _GREY),
    "mouth": (_mouth, _GREY),
    "nose": (_nose, _GREY),
    "patch": (_patch, _GREY),
    "mask": (_mask, _CLOTH),
    "sunglasses": (_sunglasses, _GLASS),
}


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    shape, colour = _SHAPES[options["where"]]
    parts = face_parts(image, seen)
    worse = image.copy()
    for corners in shape(parts, value * parts.area, seen):
        # Pixels have their centres at whole numbers there, boxes have them at halves.
        fixed = np.rint((np.clip(corners, -_FAR, _FAR) - 0.5) * 2**_FINE).astype(np.int32)
        cv2.fillPoly(worse, [fixed], colour, shift=_FINE)
    return worse


CORRUPTION = Corruption(
    title="Occlusion",
    about="covers a share of the area of the face's box: a grey band over eyes, nose or mouth, a "
    "grey square at a place that a draw chooses for a whole picture or clip, a face mask from the "
    "chin up, or sunglasses",
    source="chosen here",
    unit="of the face",
    levels=(0.05, 0.1, 0.2, 0.3, 0.4),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
    options={"where": "eyes"},
    choices={"where": ("eyes", "mouth", "nose", "patch", "mask", "sunglasses")},
    needs="box",
)
