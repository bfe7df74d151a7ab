"""Derive action units from MediaPipe FaceLandmarker's blendshapes, and emotions by EMFACS rules.

Nothing is trained here; which blendshape shows which unit is in `faces.blendshape_units`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import emfacs
from faceoff.faces.blendshape_units import UNITS, action_units, stacked
from faceoff.inference.face_landmarker import FaceLandmarker
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "blendshapes": {
        "class": "Blendshapes",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "landmarker": {
                "file": "face_landmarker.task",
                "sha256": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                "urls": [
                    "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                    "face_landmarker/float16/1/face_landmarker.task"
                ],
                "size": 3758596,
                "licence": "Apache-2.0",
                "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
            }
        },
        "recipe": "emfacs",
        "training_data": {},  # Google's own, not stated
        "options": {"neutral": 0.2, "temperature": 1.0, "variants": ["anger_24"], "detection": 0.5},
        "selected_on": {
            "posed": ["train"],
            "ferplus": ["valid"],
        },  # the option `neutral`, of 0.1, 0.15 … 0.35
        "lineage": "mediapipe-blendshapes-emfacs",
        "licence": "Apache-2.0",
        "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
    }
}


class Blendshapes:
    """A model with the emotions whose rules these units allow, and the units.

    A crop in which MediaPipe detects no face is not evaluable.
    """

    # it looks for the face itself, and needs some room around it
    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    aus = UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        self._neutral, self._temperature = options["neutral"], options["temperature"]
        self._rules = emfacs.rules(options["variants"])
        self.emotions = emfacs.evaluable(self.aus, self._rules)
        self._landmarker = FaceLandmarker(assets["landmarker"], options["detection"])

    def predict(self, crops: np.ndarray) -> Prediction:
        faces = [self._landmarker.read(crop) for crop in crops]
        units = action_units(stacked([face.shapes if face else None for face in faces]))
        posterior = emfacs.posterior(
            emfacs.scores(units, self._rules), self.emotions, self._neutral, self._temperature
        )
        return Prediction(
            posterior=posterior,
            aus=units,
            evaluable=np.array([face is not None for face in faces], bool),
        )
