"""Derive action units from face-mesh geometry, and emotions by EMFACS rules.

Nothing is trained; the constants of the units are in `faces.mesh_units`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import emfacs
from faceoff.faces.mesh import FaceMesh, measures
from faceoff.faces.mesh_units import UNITS, action_units
from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "geometry": {
        "class": "Geometry",
        "framework": "mediapipe",
        "requires": {"modules": ["ai_edge_litert", "mediapipe"]},
        "assets": {
            "mesh": {
                "package": "mediapipe",
                "file": "modules/face_landmark/face_landmark.tflite",
                "sha256": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                "size": 1242398,
            }
        },
        "recipe": "emfacs",
        "trained": False,
        "options": {"presence": 0.5, "sharpness": 6.0, "neutral": 0.35},
        "lineage": "geometry-emfacs",
        "licence": "MIT (mesh: Apache-2.0)",
        "source": "this package; Ekman, Friesen & Hager 2002 (FACS), Friesen & Ekman 1983 (EMFACS)",
    }
}


def evaluable() -> tuple[str, ...]:
    """Return neutral and the emotions whose every required unit has an estimate.

    Disgust needs one of 9 and 10, and one of 15, 16 and 17.
    """
    return emfacs.evaluable(set(UNITS))


def scores(units: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return EMFACS scores (n,), 0–1, of every evaluable emotion but neutral."""
    return emfacs.scores(units)


class Geometry:
    """A model whose posterior is the softmax of sharpness · score, beside its action units.

    Neutral scores a constant and so wins if no emotion scores higher.
    """

    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    emotions = evaluable()
    aus = UNITS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._mesh = FaceMesh(assets["mesh"])
        self._options = card["options"]

    def predict(self, crops: np.ndarray) -> Prediction:
        points, presence = self._mesh.landmarks(crops)
        units = action_units(measures(points))
        by_emotion = {"neutral": np.full(len(crops), self._options["neutral"]), **scores(units)}
        logits = self._options["sharpness"] * np.column_stack(
            [by_emotion[emotion] for emotion in self.emotions]
        )
        return Prediction(
            posterior=softmax(logits), aus=units, evaluable=presence >= self._options["presence"]
        )
