"""Noise of counted photons."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import Strip, in_strips
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    white = np.float32(value)

    def counted(rows: Strip) -> Strip:
        return seen.rng.poisson(rows * white).astype(np.float32) / white

    return in_strips(image, counted)


CORRUPTION = Corruption(
    title="Shot noise",
    about="counts photons by a Poisson draw; a level is the number that makes white",
    source="ImageNet-C",
    unit="photons",
    levels=(60.0, 25.0, 12.0, 5.0, 3.0),
    limits=(0.001, 1e6),
    on="picture",
    apply=_apply,
)
