"""A detector's box beside the face."""

from collections.abc import Mapping
from math import cos, pi, sin
from typing import Any

import numpy as np

from faceoff.corruption.corruption import Box, Corruption, Seen
from faceoff.plugins.protocols import Floats

_ANGLES = {"right": 0.0, "down": pi / 2, "left": pi, "up": -pi / 2}


def _apply(
    box: Box, value: float, seen: Seen, options: Mapping[str, Any]
) -> tuple[Box, Floats | None]:
    x, y, w, h = box
    angle = _ANGLES.get(options["direction"])
    if angle is None:
        angle = seen.clip_rng.uniform(0, 2 * pi)
    far = value * max(w, h)
    right, down = far * cos(angle), far * sin(angle)
    landmarks = None if seen.landmarks is None else seen.landmarks + np.array([right, down])
    return (x + right, y + down, w, h), landmarks


CORRUPTION = Corruption(
    title="Shifted box",
    about="moves the box and its landmarks by a share of its longer side, in a direction that a "
    "draw chooses for a whole picture or clip, or as stated",
    source="chosen here",
    unit="of the side",
    levels=(0.05, 0.1, 0.2, 0.3, 0.4),
    limits=(0.0, 10.0),
    on="box",
    apply=_apply,
    options={"direction": "any"},
    choices={"direction": ("any", "right", "down", "left", "up")},
    needs="box",
)
