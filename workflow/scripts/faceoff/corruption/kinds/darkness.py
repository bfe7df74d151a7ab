"""Too little light: the counterpart of `brightness`, which the benchmark does not have."""

from collections.abc import Mapping
from typing import Any

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._brightness import brighter
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    return brighter(image, -value)


CORRUPTION = Corruption(
    title="Darkness",
    about="takes a share of white off the value of HSV",
    source="the levels of brightness, subtracted",
    unit="−",
    levels=(0.1, 0.2, 0.3, 0.4, 0.5),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
)
