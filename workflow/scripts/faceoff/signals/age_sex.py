"""Guess age and sex by face-api's network, as it runs in browsers.

They are guesses from one picture, not facts about a person (docs/ethics.md).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.tfjs.card import tfjs
from faceoff.plugins.protocols import Crops, CropSpec, SignalReading

SIGNALS = {
    "age_sex": {
        "class": "AgeSex",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime", "onnx"]},
        "assets": {
            "manifest": {
                "file": "age_gender_model-weights_manifest.json",
                "sha256": "74b60bf3ebf981bf4e661e9cca3a185614e10b25d797118b62e2a68d3ff2569f",
                "size": 8392,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/"
                    "age_gender_model-weights_manifest.json"
                ],
            },
            "weights": {
                "file": "age_gender_model.bin",
                "sha256": "49f92bbc0afef2342c4385e4a2b0acb6d7a727c6f0aa539499719a81acf9abaa",
                "size": 429708,
                "urls": [
                    "https://github.com/vladmandic/face-api/raw/"
                    "189226d63aabb48cb40776fd1c453ebc0fa722f1/model/age_gender_model.bin"
                ],
            },
        },
        "licence": "MIT",
        "source": "https://github.com/vladmandic/face-api",
        "training_data": "unknown",
        # The authors' README (github.com/justadudewhohacks/face-api.js, whose weights these are to
        # the byte), on a fifth of eight databases that they kept for tests.
        "error": {
            "age": "mean absolute error 4.54 years, as its authors state (9-18 years old: 4.82)",
            "sex_male": "5 % wrong, as its authors state (12 % from 9 to 18 years, 20 % from 4 to "
            "8, 31 % below)",
        },
        "notes": "a guess from one picture; off by 4.5 years and 5 % of sexes, say its authors",
    }
}

_MEAN = np.array([122.782, 117.001, 104.298], np.float32)
_NETWORK = {"architecture": "face_api_age_gender", "nodes": ["age", "gender"]}
_OLDEST = 120.0


class AgeSex:
    """Age in years and how sure the network is of each sex."""

    crop = CropSpec(size=(112, 112), channels=3, interpolation="linear")
    columns = ("age", "sex_male", "sex_female")

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._network = tfjs(assets, _NETWORK, 0)

    def read(self, crops: Crops) -> SignalReading:
        age, sex = self._network.run((crops.astype(np.float32) - _MEAN) / np.float32(255))
        return SignalReading(
            {
                "age": np.clip(age[:, 0].astype(np.float64), 0, _OLDEST),
                "sex_male": sex[:, 0].astype(np.float64),
                "sex_female": sex[:, 1].astype(np.float64),
            },
            np.ones(len(crops), bool),
        )
