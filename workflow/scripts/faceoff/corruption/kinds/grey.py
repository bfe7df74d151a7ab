"""No colour."""

from collections.abc import Mapping
from typing import Any

import cv2

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.plugins.protocols import RGB


def _apply(image: RGB, value: float, seen: Seen, options: Mapping[str, Any]) -> RGB:
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, 1 - value, grey, value, 0)


CORRUPTION = Corruption(
    title="Grey",
    about="mixes each pixel with its luma (ITU-R BT.601); 1 leaves no colour",
    source="one level: no colour",
    unit="",
    levels=(1.0,),
    limits=(0.0, 1.0),
    on="picture",
    apply=_apply,
)
