"""Train logistic regression on eGeMAPS, the field's standard set of voice parameters.

The 88 functionals of Eyben et al. (2016), "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS)
for Voice Research and Affective Computing", by openSMILE, whose licence allows research only. So it
is in no locked environment.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Wave
from faceoff.speech_models._learns_from_features import LearnsFromFeatures

SPEECH_MODELS = {
    "egemaps": {
        "class": "Egemaps",
        "framework": "opensmile",
        "requires": {"modules": ["opensmile", "sklearn"]},
        "trainable": True,
        "options": {"C": 0.03, "least_s": 0.2, "silence_db": -60.0},
        "lineage": "egemaps",
        "licence": "MIT (openSMILE: audEERING research licence, no commercial use)",
        "source": "https://github.com/audeering/opensmile-python",
        "notes": "eGeMAPS v02, 88 functionals; learns from a dataset of the run",
    }
}


class Egemaps(LearnsFromFeatures):
    """Logistic regression on the functionals of eGeMAPS v02.

    Options: `C`, `least_s`, `silence_db`: as of `LearnsFromFeatures`.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        import opensmile

        options = card["options"]
        super().__init__("egemaps", options["C"], options["least_s"], options["silence_db"], assets)
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02,
            feature_level=opensmile.FeatureLevel.Functionals,
        )

    def features(self, wave: Wave) -> npt.NDArray[np.float64]:
        """Return the functionals of a segment (88,) in openSMILE's order."""
        return np.asarray(self._smile(wave, RATE), np.float64).reshape(-1)
