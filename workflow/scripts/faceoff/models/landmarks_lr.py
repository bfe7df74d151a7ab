"""Train logistic regression on face-mesh geometry, as a small baseline.

The workflow trains it on a dataset's train split.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.mesh import FaceMesh, measures, normalise
from faceoff.inference.logistic import Logistic
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "landmarks_lr": {
        "class": "LandmarksLR",
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
        "trainable": True,
        "options": {"C": 0.03, "presence": 0.5},
        "lineage": "landmarks-lr",
        "licence": "MIT (mesh: Apache-2.0)",
        "source": "this package",
    }
}

# Every eighth point covers the face evenly; neighbours on the mesh move together.
_POINTS = slice(0, 468, 8)


def features(points: np.ndarray) -> np.ndarray:
    """Return (n, f) geometry features of (n, 468, 2) landmarks.

    They are the named measures and a thinned, normalised mesh.
    """
    named = np.column_stack(list(measures(points).values()))
    thinned = normalise(points)[:, _POINTS]
    return np.hstack([named, thinned.reshape(len(points), thinned.shape[1] * 2)])


class LandmarksLR:
    """Multinomial logistic regression.

    Its trained parameters are an .npz of plain arrays (no pickle).
    """

    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._mesh = FaceMesh(assets["mesh"])
        self._options = card["options"]
        if "trained" in assets:
            with np.load(assets["trained"], allow_pickle=False) as stored:
                self._classifier = Logistic.of(stored)
            self.emotions = self._classifier.emotions

    def fit(self, batches: Iterable[tuple[np.ndarray, list[str]]]) -> dict[str, np.ndarray]:
        """Learn from (crops, labels) batches and return the arrays to store.

        Raises ValueError with fewer than two classes whose faces can be read.
        """
        rows, labels = [], []
        for crops, names in batches:
            points, presence = self._mesh.landmarks(crops)
            kept = presence >= self._options["presence"]
            rows.append(features(points[kept]))
            labels += [name for name, keep in zip(names, kept, strict=True) if keep]
        found = np.concatenate(rows) if rows else np.empty((0, 0))
        return Logistic.fit(found, labels, self._options["C"], "landmarks_lr").arrays()

    def predict(self, crops: np.ndarray) -> Prediction:
        points, presence = self._mesh.landmarks(crops)
        return Prediction(
            posterior=self._classifier.posterior(features(points)),
            evaluable=presence >= self._options["presence"],
        )
