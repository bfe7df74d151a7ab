"""Too much light."""

from collections.abc import Mapping
from typing import Any

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._brightness import brighter
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    return brighter(image, value)


CORRUPTION = Corruption(
    title="Brightness",
    about="adds a share of white to the value of HSV",
    source="ImageNet-C",
    unit="+",
    levels=(0.1, 0.2, 0.3, 0.4, 0.5),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
)
