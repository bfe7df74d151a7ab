"""Colours in the wrong order: the classic mistake, as a control."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, NotApplied, Seen
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: str, seen: Seen, options: Mapping[str, Any]) -> RGB:
    if sorted(value) != sorted("rgb"):
        raise NotApplied(f"{value!r} is no order of the three letters of rgb")
    made = np.empty_like(image)
    places = [
        number for place, letter in enumerate(value) for number in ("rgb".index(letter), place)
    ]
    cv2.mixChannels([image], [made], places)
    return made


CORRUPTION = Corruption(
    title="Wrong order of colours",
    about="gives the model the colours in this order instead of red, green, blue",
    source="one level: the order of OpenCV",
    unit="",
    levels=("bgr",),
    words=("bgr", "brg", "gbr", "grb", "rbg"),
    on="picture",
    apply=_apply,
)
