"""Blur without a preferred direction."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._blurs import scale_of
from faceoff.plugins.protocols import RGB

_REACH = 4  # standard deviations, as in SciPy and scikit-image


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    sigma = value * scale_of(image, seen)
    reach = int(_REACH * sigma + 0.5)
    if reach == 0:
        return image.copy()
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    # Into 16 bits: from 8 to 8 bits OpenCV rounds the weights to 1/256, too coarse for a large σ.
    blurred = cv2.sepFilter2D(image, cv2.CV_16S, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return blurred.astype(np.uint8)


CORRUPTION = Corruption(
    title="Gaussian blur",
    about="blurs by a normal kernel; σ is in pixels of a face of 224 px and scales with the face",
    source="ImageNet-C",
    unit="σ",
    levels=(1.0, 2.0, 3.0, 4.0, 6.0),
    limits=(0.0, 100.0),
    on="picture",
    apply=_apply,
    needs="box",
)
