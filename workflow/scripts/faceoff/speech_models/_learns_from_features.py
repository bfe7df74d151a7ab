"""Learn emotions from features of a segment by logistic regression."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from faceoff.inference.logistic import Logistic
from faceoff.media.sound import RATE
from faceoff.plugins.protocols import Prediction
from faceoff.plugins.speech_protocols import Wave

_REACH = 4.0  # standard deviations


class LearnsFromFeatures(ABC):
    """Multinomial logistic regression on features of a segment.

    Its trained parameters are an .npz of plain arrays (no pickle).

    Parameters
    ----------
    name
        In messages.
    c
        Inverse of the L2 penalty.
    least_s, silence_db
        A segment that is shorter, in seconds, or nowhere louder, in dB of full scale, is not read.
    assets
        The parameters as `trained`, once they are learnt.
    """

    emotions: tuple[str, ...]

    def __init__(
        self, name: str, c: float, least_s: float, silence_db: float, assets: Mapping[str, Path]
    ):
        self._name, self._c, self._least_s, self._silence_db = name, c, least_s, silence_db
        if "trained" in assets:
            with np.load(assets["trained"], allow_pickle=False) as stored:
                self._classifier = Logistic.of(stored)
            self.emotions = self._classifier.emotions

    @abstractmethod
    def features(self, wave: Wave) -> npt.NDArray[np.float64]:
        """Return the features (f,) of a segment, NaN where one is unknown."""

    def fit(self, batches: Iterable[tuple[Sequence[Wave], list[str]]]) -> dict[str, np.ndarray]:
        """Learn from (segments, labels) batches and return the arrays to store.

        Raises ValueError with fewer than two classes whose segments can be read.
        """
        rows, labels = [], []
        for waves, names in batches:
            for wave, name in zip(waves, names, strict=True):
                if self._can_read(wave):
                    rows.append(self.features(wave))
                    labels.append(name)
        x = np.array(rows).reshape(len(rows), -1)
        return Logistic.fit(_known(x), labels, self._c, self._name).arrays()

    def hear(self, waves: Sequence[Wave]) -> Prediction:
        """Return the prediction for n segments; a short or silent one is not evaluable."""
        readable = np.array([self._can_read(wave) for wave in waves], bool)
        x = np.tile(self._classifier.mean, (len(waves), 1))
        for place in np.flatnonzero(readable):
            x[place] = self.features(waves[place])
        mean, reach = self._classifier.mean, _REACH * self._classifier.std
        # What is unknown, as the pitch of a whisper, counts as usual; what no voice of the training
        # data comes near, as its most unusual one.
        x = np.clip(np.where(np.isnan(x), mean, x), mean - reach, mean + reach)
        return Prediction(self._classifier.posterior(x), evaluable=readable)

    def _can_read(self, wave: Wave) -> bool:
        loudest = float(np.abs(wave).max(initial=0.0))
        return (
            len(wave) >= self._least_s * RATE and 20 * np.log10(loudest + 1e-12) > self._silence_db
        )


def _known(x: np.ndarray) -> np.ndarray:
    """Return features (n, f) with the mean of a feature in the place of what is unknown of it."""
    known = ~np.isnan(x)
    mean = np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, x, mean)
