"""Describe faces by numbers that are near each other for faces of one person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces.embedding import SIZE, FaceEmbedding
from faceoff.plugins.protocols import Crops, CropSpec, SignalReading

SIGNALS = {
    "face_embedding": {
        "class": "Embedding",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime", "onnx"]},
        "assets": {
            "landmarks_manifest": {
                "file": "face_landmark_68_model-weights_manifest.json",
                "sha256": "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9",
                "size": 8485,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/"
                    "face_landmark_68_model-weights_manifest.json"
                ],
                "licence": "MIT",
                "source": "https://github.com/vladmandic/face-api",
            },
            "landmarks": {
                "file": "face_landmark_68_model.bin",
                "sha256": "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b",
                "size": 356840,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/face_landmark_68_model.bin"
                ],
                "licence": "MIT",
                "source": "https://github.com/vladmandic/face-api",
            },
            "recognition_manifest": {
                "file": "face_recognition_model-weights_manifest.json",
                "sha256": "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b",
                "size": 19615,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/"
                    "face_recognition_model-weights_manifest.json"
                ],
                "licence": "MIT",
                "source": "https://github.com/vladmandic/face-api",
            },
            "recognition": {
                "file": "face_recognition_model.bin",
                "sha256": "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589",
                "size": 6444032,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/face_recognition_model.bin"
                ],
                "licence": "MIT",
                "source": "https://github.com/vladmandic/face-api",
            },
        },
        "licence": "MIT",
        "source": "https://github.com/vladmandic/face-api",
        "training_data": "unknown",
        "notes": "128 numbers; faces of one person are less than 0.6 apart as a rule. They "
        "identify people: store them only where you may",
    }
}

_MARGIN = 0.4


class Embedding:
    """The numbers that tracking tells people apart by, of each face."""

    crop = CropSpec(size=(256, 256), channels=3, margin=_MARGIN)
    columns = ("embedding",)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._network = FaceEmbedding(assets)

    def read(self, crops: Crops) -> SignalReading:
        side = self.crop.size[0]
        face = side / (1 + _MARGIN)
        border = (side - face) / 2
        found = np.zeros((len(crops), SIZE))
        for row, crop in enumerate(crops):
            found[row] = self._network.embed(crop, [(border, border, face, face)])[0]
        return SignalReading({"embedding": found}, np.isfinite(found).all(axis=1))
