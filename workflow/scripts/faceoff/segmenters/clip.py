"""Take a whole clip as one segment, as most speech models are trained and published."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Span, Wave

SEGMENTERS = {"clip": {"class": "Clip", "licence": "MIT", "notes": "the whole clip, silent or not"}}


class Clip:
    """A segmenter that listens to nothing and cuts nothing."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        pass

    def segment(self, wave: Wave) -> Sequence[Span]:
        """Return one span from the first sample to the last."""
        return [Span(0.0, len(wave) / RATE)] if len(wave) else []
