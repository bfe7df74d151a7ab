"""Define what plug-ins of the voice exchange with the workflow: sound, segments, predictions.

Sound is (n,) float32 from −1 to 1 at `media.sound.RATE`, one channel. A segmenter stands to a voice
as a detector does to a face; a speech model reads a segment as an emotion model reads a crop.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from faceoff.plugins.protocols import Prediction

Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Span:
    """A stretch of speech.

    start_s, end_s: seconds from the start of the sound that it was found in; score: how sure the
    segmenter is, 0–1; speaker: whose voice it is, None where that is unknown.
    """

    start_s: float
    end_s: float
    score: float = 1.0
    speaker: str | None = None


class Segmenter(Protocol):
    """Finds speech; constructed with the options of its card."""

    def segment(self, wave: Wave) -> Sequence[Span]:
        """Return the stretches of speech in a sound, in order of start; none where it is silent."""


@runtime_checkable
class KnownSegments(Protocol):
    """A segmenter that does not listen (`given`)."""

    def known(self, sound: Mapping[str, Any]) -> Sequence[Span]:
        """Return the stretches of speech in a row of the table of sounds."""


class SpeechModel(Protocol):
    """A model of emotion in speech, constructed with the options of its card."""

    emotions: tuple[str, ...]

    def hear(self, waves: Sequence[Wave]) -> Prediction:
        """Return the prediction for n segments; n may be 0.

        `evaluable` is False where a segment is too short or too silent to be read.
        """


class TrainableSpeechModel(SpeechModel, Protocol):
    """A speech model that learns from the segments of a dataset."""

    def fit(
        self, batches: Iterable[tuple[Sequence[Wave], list[str]]]
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return the fitted parameters as plain arrays. batches: (segments, labels)."""
