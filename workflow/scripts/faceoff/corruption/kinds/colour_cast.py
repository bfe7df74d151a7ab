"""A wrong white balance."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.plugins.protocols import RGB

# How much of a level each colour loses.
_LOSSES = {
    "warm": (0.0, 0.5, 1.0),
    "cool": (1.0, 0.5, 0.0),
    "green": (1.0, 0.0, 1.0),
    "magenta": (0.0, 1.0, 0.0),
}


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    gains = 1 - value * np.array(_LOSSES[options["colour"]])
    curves = np.rint(np.arange(256)[:, None] * gains).astype(np.uint8)
    return cv2.LUT(image, curves.reshape(256, 1, 3))


CORRUPTION = Corruption(
    title="Colour cast",
    about="takes a share off some colours: warm halves that of green and takes all of it off blue, "
    "cool does so with red, green leaves green, magenta takes it off green alone",
    source="chosen here",
    unit="off",
    levels=(0.1, 0.2, 0.3, 0.4, 0.5),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
    options={"colour": "warm"},
    choices={"colour": ("warm", "cool", "green", "magenta")},
)
