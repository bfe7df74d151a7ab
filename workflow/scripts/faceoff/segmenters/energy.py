"""Find speech by loudness alone: the baseline that every other segmenter must beat.

It takes any loud sound for speech.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Span, Wave
from faceoff.segmenters import _stretches

SEGMENTERS = {
    "energy": {
        "class": "Energy",
        "options": {
            "below_loudest_db": 30.0,
            "silence_db": -55.0,
            "least_s": 0.25,
            "gap_s": 0.3,
            "pad_s": 0.03,
            "longest_s": 30.0,
        },
        "licence": "MIT",
        "notes": "by loudness: music and noise count as speech",
    }
}
_HOP = RATE // 100
_LOUDEST = 95  # percentile of the levels; a click is no level


class Energy:
    """A segmenter by the level of each 10 ms.

    Options: `below_loudest_db`: speech is at most so far below the loud part of the sound (its 95th
    percentile); `silence_db`: and above this level of full scale; `least_s`, `gap_s`, `pad_s`,
    `longest_s`: as of `_stretches.Cut`. Raises ValueError for an option of another kind.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._options = card["options"]
        options = self._options
        self._cut = _stretches.Cut(
            "energy", options["least_s"], options["gap_s"], options["pad_s"], options["longest_s"]
        )
        for key in ("below_loudest_db", "silence_db"):
            if isinstance(self._options[key], bool) or not isinstance(
                self._options[key], int | float
            ):
                raise ValueError(
                    f"segmenter energy: options.{key}: expected decibels, "
                    f"not {self._options[key]!r}"
                )

    def segment(self, wave: Wave) -> Sequence[Span]:
        """Return the loud stretches of a sound."""
        hops = len(wave) // _HOP
        if not hops:
            return []
        power = np.square(wave[: hops * _HOP].reshape(hops, _HOP), dtype=np.float64).mean(axis=1)
        levels = 10 * np.log10(power + 1e-12)
        loudest = np.percentile(levels, _LOUDEST)
        floor = max(loudest - self._options["below_loudest_db"], self._options["silence_db"])
        span = max(1e-9, loudest - floor)
        return _stretches.spans(
            np.clip((levels - floor) / span, 0, 1),
            levels > floor,
            _HOP / RATE,
            len(wave) / RATE,
            self._cut,
        )
