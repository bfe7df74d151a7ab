"""Use the speech that the dataset itself knows, to show what perfect segments would be worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.plugins.speech_protocols import Span, Wave

SEGMENTERS = {
    "given": {
        "class": "Given",
        "licence": "MIT",
        "notes": "the dataset's own utterances and speakers; no speech where it knows none",
    }
}


class Given:
    """A segmenter that returns the utterances in the table of sounds, each with its speaker."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        pass

    def segment(self, wave: Wave) -> Sequence[Span]:
        """Return nothing, because who spoke when cannot be told from the sound alone."""
        return []

    def known(self, sound: Mapping[str, Any]) -> Sequence[Span]:
        """Return the utterances of a clip's sound, or of a part of it, cut to the part."""
        first, last = 0.0, float(sound["duration_s"])
        lists = (sound[name] or () for name in ("starts_s", "ends_s", "speakers"))
        spans = [
            Span(
                max(start - sound["start_s"], first),
                min(end - sound["start_s"], last),
                1.0,
                speaker,
            )
            for start, end, speaker in zip(*lists, strict=True)
        ]
        return [span for span in spans if span.start_s < span.end_s]
