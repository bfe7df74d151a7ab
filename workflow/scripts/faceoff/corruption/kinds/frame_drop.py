"""Frames that are lost on the way."""

from collections.abc import Iterator, Mapping
from typing import Any

from faceoff.corruption.corruption import Corruption, Seen
from faceoff.plugins.protocols import RGB


def _apply(
    frames: Iterator[RGB], value: float, seen: Seen, options: Mapping[str, Any]
) -> Iterator[RGB | None]:
    for frame in frames:
        yield None if seen.clip_rng.random() < value else frame


CORRUPTION = Corruption(
    title="Dropped frames",
    about="drops each frame of a clip with this probability, independent of the others",
    source="chosen here",
    unit="of the frames",
    levels=(0.1, 0.3, 0.5, 0.7, 0.9),
    limits=(0.0, 1.0),
    on="clip",
    apply=_apply,
)
