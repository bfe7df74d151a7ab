"""Train logistic regression on prosody, as a small baseline that needs no published weights.

The workflow trains it on a dataset's train split.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.plugins.speech_protocols import Wave
from faceoff.speech import prosody
from faceoff.speech_models._learns_from_features import LearnsFromFeatures

SPEECH_MODELS = {
    "prosody": {
        "class": "Prosody",
        "framework": "speech",
        "requires": {"modules": ["kaldi_native_fbank", "scipy", "sklearn"]},
        "trainable": True,
        "options": {"C": 0.03, "least_s": 0.2, "silence_db": -60.0},
        "lineage": "prosody",
        "licence": "MIT (Kaldi's features: Apache-2.0)",
        "source": "this package",
        "notes": "pitch, loudness, rate and timbre; learns from a dataset of the run",
    }
}


class Prosody(LearnsFromFeatures):
    """Logistic regression on pitch, loudness, rate and timbre.

    Options: `C`, `least_s`, `silence_db`: as of `LearnsFromFeatures`.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        super().__init__("prosody", options["C"], options["least_s"], options["silence_db"], assets)

    def features(self, wave: Wave) -> npt.NDArray[np.float64]:
        """Return `speech.prosody.features` of a segment (35,)."""
        return prosody.features(wave)
