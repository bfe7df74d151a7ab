"""A wrong transfer curve."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    curve = np.rint(255 * (np.arange(256) / 255) ** value).astype(np.uint8)
    return cv2.LUT(image, curve)


CORRUPTION = Corruption(
    title="Gamma",
    about="raises every value (0 to 1) to a power: above 1 darkens the middle, below 1 lightens it",
    source="chosen here",
    unit="γ",
    levels=(1.25, 1.5, 2.0, 2.5, 3.0),
    neutral=1.0,
    limits=(0.01, 100.0),
    on="picture",
    apply=_apply,
)
