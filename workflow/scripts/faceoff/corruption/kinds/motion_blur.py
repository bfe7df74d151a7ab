"""A camera, or a face, that moves while the shutter is open."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._blurs import Kernel, blurred, scale_of, smaller
from faceoff.plugins.protocols import RGB

_ANGLE = 45.0  # ° to either side of level, as in the benchmark


def trail(radius: float, sigma: float, angle: float, scale: float) -> Kernel:
    """Return the benchmark's trail for a face that is scale times 224 px.

    It starts at each point and fades along 2 · radius pixels as half a normal curve; angle: in
    degrees above level.
    """
    if scale < 1:
        return smaller(trail(radius, sigma, angle, 1.0), scale)
    steps = np.arange(round(2 * radius * scale) + 1)
    weights = np.exp(-0.5 * (steps / (sigma * scale)) ** 2)
    direction = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
    down, right = (np.ceil(steps * part - 0.5).astype(int) for part in direction)
    reach = len(steps) - 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    np.add.at(kernel, (reach + down, reach + right), weights / weights.sum())
    return kernel


def _apply(image: RGB, value: tuple[float, float], seen: Seen, options: Mapping[str, Any]) -> RGB:
    angle = seen.clip_rng.uniform(-_ANGLE, _ANGLE)
    scale = scale_of(image, seen)
    return blurred(image, trail(*value, angle, scale), cv2.BORDER_REPLICATE)


CORRUPTION = Corruption(
    title="Motion blur",
    about="smears along a line at most 45° from level, the same for a whole clip; the radius and "
    "the σ of the fading are in pixels of a face of 224 px and scale with the face",
    source="ImageNet-C",
    unit="px, σ",
    levels=((10.0, 3.0), (15.0, 5.0), (15.0, 8.0), (15.0, 12.0), (20.0, 15.0)),
    limits=(0.01, 200.0),
    on="picture",
    apply=_apply,
    needs="box",
)
