"""Run a model that is only a weights file in PyTorch, or by crops that PyTorch resamples.

Its card (YAML) holds everything else.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceoff.inference.card_network import CardNetwork
from faceoff.inference.hardware import BATCH
from faceoff.inference.runtimes import Onnx, Tflite
from faceoff.inference.tfjs.card import tfjs
from faceoff.inference.torch_resampling import torch_filter
from faceoff.inference.torch_runtimes import RUNTIMES


class TorchCardModel(CardNetwork):
    """Run the weights of a model card in PyTorch; where its crops are PyTorch's, any weights."""

    openers = {  # noqa: RUF012
        **RUNTIMES,
        "onnx": lambda files, card, outputs: Onnx(files["weights"], card.get("batch", BATCH)),
        "tflite": lambda files, card, outputs: Tflite(files["weights"], card.get("batch", BATCH)),
        "tfjs": tfjs,
    }

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        super().__init__(card, assets)
        if self.crop.library == "torch":
            self.crop = replace(self.crop, resample=torch_filter(self.crop))
