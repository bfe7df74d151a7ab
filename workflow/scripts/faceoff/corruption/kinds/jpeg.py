"""JPEG compression."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from faceoff.corruption.corruption import Corruption, NotApplied, Seen
from faceoff.plugins.protocols import RGB

_LONGEST = 65_500  # px: libjpeg's bound


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    if max(image.shape) > _LONGEST:
        raise NotApplied(f"the picture is {max(image.shape)} px long; JPEG ends at {_LONGEST}")
    coded = io.BytesIO()
    Image.fromarray(image).save(coded, "JPEG", quality=round(value))
    return np.array(Image.open(coded).convert("RGB"))


CORRUPTION = Corruption(
    title="JPEG",
    about="codes the picture as JPEG of a quality (Pillow, colours at half the size)",
    source="ImageNet-C",
    unit="quality",
    levels=(25.0, 18.0, 15.0, 10.0, 7.0),
    limits=(1.0, 100.0),
    on="picture",
    apply=_apply,
)
