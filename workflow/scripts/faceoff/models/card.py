"""A model that is only a weights file: everything else is in its card (YAML)."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.protocols import CropSpec, Prediction
from faceoff.runtimes import RUNTIMES, softmax


class CardModel:
    """Run the weights of a model card: crop -> (x · scale - mean) / std -> network -> activation."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        spec = card["input"]
        self.emotions = tuple(card["emotions"])
        self.crop = CropSpec(size=tuple(spec["size"]), channels=spec.get("channels", 3), margin=spec.get("margin", 0.0))
        self._scale = np.float32(spec.get("scale", 1 / 255))
        self._mean = np.asarray(spec.get("mean", 0.0), np.float32)
        self._std = np.asarray(spec.get("std", 1.0), np.float32)
        self._channels_first = spec.get("layout", "nhwc" if card["runtime"] == "tflite" else "nchw") == "nchw"
        self._activation = card["activation"]
        self._network = RUNTIMES[card["runtime"]](assets["weights"])

    def predict(self, crops: np.ndarray) -> Prediction:
        inputs = (crops.astype(np.float32) * self._scale - self._mean) / self._std
        if self._channels_first:
            inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
        output = self._network.run(inputs)[0]
        output = output.reshape(len(output), prod(output.shape[1:]))
        if output.shape[1] != len(self.emotions):
            raise ValueError(f"the network has {output.shape[1]} outputs, the card names {len(self.emotions)} emotions")
        if self._activation == "softmax":
            return Prediction(posterior=softmax(output))
        posterior = output.astype(np.float64)
        return Prediction(posterior=posterior / posterior.sum(axis=1, keepdims=True))
