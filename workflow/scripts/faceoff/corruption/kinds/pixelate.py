"""Fewer and larger pixels."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._with_pillow import resized
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    height, width = image.shape[:2]
    small = resized(
        image, max(1, int(width * value)), max(1, int(height * value)), Image.Resampling.BOX
    )
    return resized(small, width, height, Image.Resampling.NEAREST)


CORRUPTION = Corruption(
    title="Pixelation",
    about="shrinks the picture by a factor (box filter) and shows the pixels as blocks",
    source="ImageNet-C",
    unit="×",
    levels=(0.6, 0.5, 0.4, 0.3, 0.25),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
)
