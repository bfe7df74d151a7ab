"""Less contrast, as in haze."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import in_strips
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    mean = np.array(cv2.mean(image)[:3], np.float32) / np.float32(255)
    return in_strips(image, lambda rows: (rows - mean) * np.float32(value) + mean)


CORRUPTION = Corruption(
    title="Contrast",
    about="shrinks the distance of every value from the picture's mean colour to a share of it",
    source="ImageNet-C",
    unit="×",
    levels=(0.4, 0.3, 0.2, 0.1, 0.05),
    limits=(0.0, 100.0),
    on="picture",
    apply=_apply,
)
