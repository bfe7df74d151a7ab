"""Run DeepFace's emotion model, a small CNN on 48 x 48 grey faces, trained on FER2013.

It needs neither TensorFlow nor the deepface package.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import FER2013_ORDER
from faceoff.inference.keras_h5 import KerasNetwork, Layer, sequence
from faceoff.plugins.protocols import CropSpec, Prediction

MODELS = {
    "deepface": {
        "class": "DeepFaceEmotion",
        "framework": "torch",
        "requires": {"modules": ["torch", "h5py"]},
        "assets": {
            "weights": {
                "file": "facial_expression_model_weights.h5",
                "sha256": "e8e8851d3fa05c001b1c27fd8841dfe08d7f82bb786a53ad8776725b7a1e824c",
                "urls": [
                    "https://github.com/serengil/deepface_models/releases/download/v1.0/"
                    "facial_expression_model_weights.h5",
                    "https://huggingface.co/serengil/deepface/resolve/main/"
                    "facial_expression_model_weights.h5",
                ],
                "licence": "MIT",
                "source": "https://github.com/serengil/deepface_models",
            }
        },
        "lineage": "deepface-emotion",
        "licence": "MIT",
        "training_data": {"fer2013": ["train"]},
        "source": "https://github.com/serengil/deepface",
        "published": [
            {
                "task": "FER2013 test",
                "accuracy": 0.5742,
                "note": "its author, deepface issues 247 and 1375",
            }
        ],
    }
}

# deepface/models/demography/tf/Emotion.py, layer for layer; its file holds weights only.
ARCHITECTURE = sequence(
    [
        Layer("Conv2D", "conv2d_1", {"kernel_size": 5, "activation": "relu"}),
        Layer("MaxPooling2D", "max_pooling2d_1", {"pool_size": 5, "strides": 2}),
        Layer("Conv2D", "conv2d_2", {"kernel_size": 3, "activation": "relu"}),
        Layer("Conv2D", "conv2d_3", {"kernel_size": 3, "activation": "relu"}),
        Layer("AveragePooling2D", "average_pooling2d_1", {"pool_size": 3, "strides": 2}),
        Layer("Conv2D", "conv2d_4", {"kernel_size": 3, "activation": "relu"}),
        Layer("Conv2D", "conv2d_5", {"kernel_size": 3, "activation": "relu"}),
        Layer("AveragePooling2D", "average_pooling2d_2", {"pool_size": 3, "strides": 2}),
        Layer("Flatten", "flatten_1"),
        Layer("Dense", "dense_1", {"activation": "relu"}),
        Layer("Dropout", "dropout_1"),
        Layer("Dense", "dense_2", {"activation": "relu"}),
        Layer("Dropout", "dropout_2"),
        Layer("Dense", "dense_3", {"activation": "softmax"}),
    ]
)


class DeepFaceEmotion:
    """The network behind DeepFace.analyze(actions=["emotion"]).

    It gets the canonical face box squared, where DeepFace pads its box with black.
    """

    emotions = FER2013_ORDER
    crop = CropSpec(size=(48, 48), channels=1, margin=0.0)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._network = KerasNetwork(assets["weights"], layers=ARCHITECTURE)

    def predict(self, crops: np.ndarray) -> Prediction:
        posterior = self._network.run(crops.astype(np.float32) / np.float32(255))[0].astype(
            np.float64
        )
        return Prediction(posterior=posterior / posterior.sum(axis=1, keepdims=True))
