"""A clip that was compressed at one quality."""

from collections.abc import Iterator, Mapping
from typing import Any

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.corruption.kinds._h264 import coded
from faceoff.plugins.protocols import RGB


def _apply(
    frames: Iterator[RGB], value: float, seen: Seen, options: Mapping[str, Any]
) -> Iterator[RGB | None]:
    return coded(frames, {"crf": f"{value:g}"})


CORRUPTION = Corruption(
    title="H.264, quality",
    about="codes the clip as H.264 (x264, veryfast) at a constant rate factor and decodes it",
    source="chosen here: x264's default is 23",
    unit="CRF",
    levels=(23.0, 30.0, 37.0, 44.0, 51.0),
    limits=(0.0, 51.0),
    on="clip",
    apply=_apply,
)
