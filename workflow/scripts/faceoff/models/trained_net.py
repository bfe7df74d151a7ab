"""Run a network that this run has trained: its file says its input and its classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.onnx_embedding import EmbeddingNetwork
from faceoff.inference.runtimes import Onnx, onnx_metadata
from faceoff.training.about import About


class TrainedNet(EmbeddingNetwork):
    """Run a network of the section `training` in onnxruntime."""

    openers = {"onnx": lambda files, card, outputs: Onnx(files["weights"])}  # noqa: RUF012

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        about = About.from_json(onnx_metadata(assets["trained"])[About.KEY])
        described = {"runtime": "onnx", "input": about.input, "emotions": about.classes}
        super().__init__({**card, **described}, {"weights": assets["trained"]})


class TrainedFrames(TrainedNet):
    """Read frames by the network for pictures that learnt with a network over time."""

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Return the embeddings (n, d) float32, which are the file's output."""
        return self._network.run(self._inputs(crops))[0]
