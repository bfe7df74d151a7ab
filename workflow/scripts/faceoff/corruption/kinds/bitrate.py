"""A clip that was compressed to a rate."""

from collections.abc import Iterator, Mapping
from typing import Any

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._h264 import coded
from faceoff.plugins.protocols import RGB


def _apply(
    frames: Iterator[RGB], value: float, seen: Seen, options: Mapping[str, Any]
) -> Iterator[RGB | None]:
    return coded(frames, {"b": f"{value:g}"})


CORRUPTION = Corruption(
    title="H.264, bit rate",
    about="codes the clip as H.264 (x264, veryfast) at a mean number of bits per pixel and decodes "
    "it: 0.1 is 768 kbit/s at 640 x 480 and 25 frames per second",
    source="chosen here",
    unit="bit/px",
    levels=(0.1, 0.05, 0.025, 0.012, 0.006),
    limits=(0.0001, 100.0),
    on="clip",
    apply=_apply,
)
