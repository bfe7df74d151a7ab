"""A picture out of focus: each point becomes a disk."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._blurs import Kernel, blurred, scale_of, smaller
from faceoff.plugins.protocols import RGB


def disk(radius: float, alias: float, scale: float) -> Kernel:
    """Return the benchmark's disk of a radius, its edge blurred by σ = alias, for a face that is
    scale times 224 px.
    """
    if scale < 1:
        return smaller(disk(radius, alias, 1.0), scale)
    reach = int(np.ceil(max(radius, 8) * scale))
    line = np.arange(-reach, reach + 1)
    inside = (line[:, None] ** 2 + line**2 <= (radius * scale) ** 2).astype(np.float32)
    edge = 2 * int(np.ceil((1 if radius <= 8 else 2) * scale)) + 1
    smooth: Kernel = cv2.GaussianBlur(inside / inside.sum(), (edge, edge), sigmaX=alias * scale)
    return smooth


def _apply(image: RGB, value: tuple[float, float], seen: Seen, options: Mapping[str, Any]) -> RGB:
    scale = scale_of(image, seen)
    return blurred(image, disk(*value, scale), cv2.BORDER_REFLECT_101)


CORRUPTION = Corruption(
    title="Defocus blur",
    about="makes each point a disk; its radius and the σ of its edge are in pixels of a face of "
    "224 px and scale with the face",
    source="ImageNet-C",
    unit="px, σ",
    levels=((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
    limits=(0.01, 100.0),
    on="picture",
    apply=_apply,
    needs="box",
)
