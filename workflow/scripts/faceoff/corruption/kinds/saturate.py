"""Too little and too much colour."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._strips import Strip, in_strips, strongest
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: tuple[float, float], seen: Seen, options: Mapping[str, Any]) -> RGB:
    times, plus = map(np.float32, value)

    def coloured(rows: Strip) -> Strip:
        top = strongest(rows)
        away = top - rows  # of each colour from the strongest: value · saturation · weight of hue
        most = strongest(away)
        now = most / np.where(top > 0, top, 1)
        wanted = np.clip(now * times + plus, 0, 1)
        # A grey pixel has the hue 0, which is red, as in the benchmark.
        weight = np.where(
            most > 0, away / np.where(most > 0, most, 1), np.array([0, 1, 1], np.float32)
        )
        worse: Strip = top * (1 - wanted * weight)
        return worse

    return in_strips(image, coloured)


CORRUPTION = Corruption(
    title="Saturation",
    about="multiplies the saturation of HSV and adds to it: levels 1 and 2 fade the colours, 3 to "
    "5 exaggerate them; grey becomes reddish at 4 and 5",
    source="ImageNet-C",
    unit="×, +",
    levels=((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
    limits=(-1.0, 1000.0),
    on="picture",
    apply=_apply,
)
