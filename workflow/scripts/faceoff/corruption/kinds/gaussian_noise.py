"""Noise of a sensor in poor light: the same strength at every brightness."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import in_strips
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    sigma = np.float32(value)
    return in_strips(
        image, lambda rows: rows + sigma * seen.rng.standard_normal(rows.shape, np.float32)
    )


CORRUPTION = Corruption(
    title="Gaussian noise",
    about="adds normal noise to every value; σ is a share of white",
    source="ImageNet-C",
    unit="σ",
    levels=(0.08, 0.12, 0.18, 0.26, 0.38),
    limits=(0.0, 10.0),
    on="picture",
    apply=_apply,
)
