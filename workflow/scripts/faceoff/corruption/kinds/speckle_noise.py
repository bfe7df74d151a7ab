"""Noise that grows with brightness."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import in_strips
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    sigma = np.float32(value)
    return in_strips(
        image,
        lambda rows: rows + rows * (sigma * seen.rng.standard_normal(rows.shape, np.float32)),
    )


CORRUPTION = Corruption(
    title="Speckle noise",
    about="adds normal noise whose σ is a share of the value itself",
    source="ImageNet-C",
    unit="σ",
    levels=(0.15, 0.2, 0.35, 0.45, 0.6),
    limits=(0.0, 10.0),
    on="picture",
    apply=_apply,
)
