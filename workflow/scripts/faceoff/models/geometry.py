"""Derive action units from face-mesh geometry, and emotions by EMFACS rules.

Nothing is trained; every constant is in the table below.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import emfacs
from faceoff.faces.mesh import FaceMesh, measures
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

# Measure (see mesh.measures, unit: outer eye distance) -> its value at rest and at intensity 5.
# Both were read off the drawn faces of `posed` (train identities, easy rungs): rest is the median
# of neutral faces, the other the median of strong ones, extrapolated to 5.
_READ_FROM: dict[str, tuple[tuple[str, float, float], ...]] = {
    "AU01": (("brow_inner", 0.211, 0.260),),
    "AU02": (("brow_outer", 0.162, 0.204),),
    "AU04": (("brow_inner", 0.211, 0.155), ("brow_slant", 0.055, 0.080)),
    "AU05": (("eye_open", 0.104, 0.113),),
    "AU06": (("cheek", 0.383, 0.345),),
    "AU07": (("eye_open", 0.104, 0.092),),
    "AU09": (("nose_length", 0.552, 0.505),),
    "AU10": (("upper_lip", 0.157, 0.137),),
    "AU12": (("corner_raise", 0.010, 0.068),),
    "AU15": (("corner_raise", 0.010, -0.033),),
    "AU20": (("mouth_width", 0.556, 0.640),),
    "AU23": (("mouth_width", 0.556, 0.490),),
    "AU25": (("mouth_open", 0.016, 0.080),),
    "AU26": (("mouth_open", 0.016, 0.105),),
}
# difference of the mouth corners' heights: not yet, and fully, unilateral
_ONE_SIDED = (
    0.008,
    0.030,
)


def action_units(measured: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return action-unit intensities (n,), 0–5, from `mesh.measures`.

    Of several signs of one unit, the strongest counts.
    """
    units = {}
    for unit, signs in _READ_FROM.items():
        units[unit] = np.max(
            [
                5 * np.clip((measured[name] - rest) / (apex - rest), 0, 1)
                for name, rest, apex in signs
            ],
            axis=0,
        )
    lopsided = measured["corner_raise_L"] - measured["corner_raise_R"]
    start, full = _ONE_SIDED
    for side, difference in (("L", lopsided), ("R", -lopsided)):
        units[f"AU12{side}"] = 5 * np.clip((difference - start) / (full - start), 0, 1)
    return units


def evaluable() -> tuple[str, ...]:
    """Return neutral and the emotions whose every required unit has an estimate.

    Disgust needs one of 9 and 10, and one of 15, 16 and 17.
    """
    return emfacs.evaluable({*_READ_FROM, "AU12L", "AU12R"})


def scores(units: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return EMFACS scores (n,), 0–1, of every evaluable emotion but neutral."""
    return emfacs.scores(units)


class Geometry:
    """A model whose posterior is the softmax of sharpness · score, beside its action units.

    Neutral scores a constant and so wins if no emotion scores higher.
    """

    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    emotions = evaluable()
    aus = (*_READ_FROM, "AU12L", "AU12R")

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
