"""Run a network that this run has trained: its file says its input and its classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
