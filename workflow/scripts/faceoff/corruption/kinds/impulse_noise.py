"""Salt and pepper."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import Strip, in_strips
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    def struck(rows: Strip) -> Strip:
        drawn = seen.rng.random(rows.shape, np.float32)  # below half the level: 0, to all of it: 1
        rows[drawn < value] = 1
        rows[drawn < value / 2] = 0
        return rows

    return in_strips(image, struck)


CORRUPTION = Corruption(
    title="Impulse noise",
    about="sets a share of the values to 0 or to white, each colour by itself",
    source="ImageNet-C",
    unit="of values",
    levels=(0.03, 0.06, 0.09, 0.17, 0.27),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
)
