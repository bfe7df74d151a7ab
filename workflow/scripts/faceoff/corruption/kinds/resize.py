"""A face of fewer pixels: the picture is shrunk, and enlarged to its size again."""

from collections.abc import Mapping
from typing import Any

import cv2
from PIL import Image

from faceoff.corruption.corruption import Corruption, NotApplied, Seen, face_side
from faceoff.corruption.kinds._with_pillow import resized
from faceoff.plugins.protocols import RGB

_OPENCV = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos4": cv2.INTER_LANCZOS4,
}
_PILLOW = {
    "area": Image.Resampling.BOX,
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos4": Image.Resampling.LANCZOS,
}
_MOST = 1 << 26  # pixels of a picture that is enlarged


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    side = face_side(image, seen)
    height, width = image.shape[:2]
    size = max(1, round(width * value / side)), max(1, round(height * value / side))
    if size == (width, height):
        return image.copy()
    filters = {way: options["interpolation"] or options[way] for way in ("down", "up")}
    if value < side:
        small = _resampled(image, size, filters["down"], options["library"])
        return _resampled(small, (width, height), filters["up"], options["library"])
    if not options["allow_upscale"]:
        raise NotApplied(f"the face is {side:.0f} px, smaller than {value:g} px: set allow_upscale")
    if size[0] * size[1] > _MOST:
        raise NotApplied(
            f"with a face of {value:g} px the picture would be {size[0]} x {size[1]} px"
        )
    return _resampled(image, size, filters["up"], options["library"])


def _resampled(image: RGB, size: tuple[int, int], name: str, library: str) -> RGB:
    """Return the picture at (width, height)."""
    if library == "pillow":
        return resized(image, *size, _PILLOW[name])
    return cv2.resize(image, size, interpolation=_OPENCV[name])


CORRUPTION = Corruption(
    title="Resolution",
    about="shrinks the picture until the longer side of the face's box has this many pixels, and "
    "enlarges it to its size again",
    source="the sizes of the project's notes",
    unit="px",
    levels=(112.0, 96.0, 84.0, 64.0, 56.0, 48.0, 32.0, 28.0, 16.0, 14.0),
    limits=(1.0, 10000.0),
    on="picture",
    apply=_apply,
    options={
        "interpolation": "",
        "down": "area",
        "up": "linear",
        "library": "opencv",
        "allow_upscale": False,
    },
    choices={
        "interpolation": ("area", "linear", "cubic", "lanczos4"),
        "down": ("area", "linear", "cubic", "lanczos4"),
        "up": ("area", "linear", "cubic", "lanczos4"),
        "library": ("opencv", "pillow"),
    },
    needs="box",
    face_side=True,
)
