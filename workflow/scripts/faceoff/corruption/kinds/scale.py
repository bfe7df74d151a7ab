"""A detector's box that is too large or too small."""

from collections.abc import Mapping
from typing import Any

from faceoff.corruption.corruption import Box, Corruption, Seen
from faceoff.plugins.protocols import Floats


def _apply(
    box: Box, value: float, seen: Seen, options: Mapping[str, Any]
) -> tuple[Box, Floats | None]:
    x, y, w, h = box
    larger = options["direction"] == "larger"
    if options["direction"] == "either":
        larger = seen.clip_rng.random() < 0.5
    factor = 1 + value if larger else 1 / (1 + value)
    centre = x + w / 2, y + h / 2
    landmarks = None if seen.landmarks is None else centre + (seen.landmarks - centre) * factor
    w, h = w * factor, h * factor
    return (centre[0] - w / 2, centre[1] - h / 2, w, h), landmarks


CORRUPTION = Corruption(
    title="Scaled box",
    about="makes the box and its landmarks 1 + level times larger, or smaller by the same factor, "
    "about its middle; a draw chooses for a whole picture or clip, or as stated",
    source="chosen here",
    unit="of the side",
    levels=(0.1, 0.2, 0.3, 0.4, 0.5),
    limits=(0.0, 10.0),
    on="box",
    apply=_apply,
    options={"direction": "either"},
    choices={"direction": ("either", "larger", "smaller")},
    needs="box",
)
