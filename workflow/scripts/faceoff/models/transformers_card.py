"""Run an image classifier of Hugging Face's transformers.

A card (YAML) pins its config, image processor and safetensors weights.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceoff.inference import hub_models
from faceoff.inference.card_network import crop_keys
from faceoff.inference.runtimes import softmax
from faceoff.inference.torch_devices import Torch, torch_device
from faceoff.inference.torch_resampling import torch_filter
from faceoff.plugins.protocols import CropSpec, Prediction

BATCH = 4  # a CPU gains nothing by more, and a picture alone costs a whole batch


class TransformersCardModel:
    """A model whose classes and input are its own.

    `emotions` in the card replaces class names that are no emotions (LABEL_0 …). Code that lies
    beside such weights never runs. Raises CheckpointError if the files do not belong together,
    ValueError if the classes are not emotions or not exclusive.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        network, self._processor = hub_models.load(
            assets, "AutoModelForImageClassification", "AutoImageProcessor", "an image classifier"
        )
        self.emotions = hub_models.classes(network.config, card.get("emotions"))
        self.crop = CropSpec(
            size=_side(self._processor, network.config), **crop_keys(card.get("input") or {})
        )
        if self.crop.library == "torch":
            self.crop = replace(self.crop, resample=torch_filter(self.crop))
        self._network = Torch(
            _Logits(network).to(torch_device()),
            card.get("batch", BATCH),
            more_on_gpu="batch" not in card,
        )

    def predict(self, crops: np.ndarray) -> Prediction:
        """Return the prediction for (n, height, width, 3) uint8 crops.

        The model's own processor scales and normalises them.
        """
        # A processor takes no empty list; one black picture gives the shape.
        pictures = list(crops) or [np.zeros((*self.crop.size, 3), np.uint8)]
        inputs = self._processor(
            images=pictures, return_tensors="np", input_data_format="channels_last"
        )["pixel_values"][: len(crops)]
        return Prediction(
            posterior=softmax(self._network.run(np.ascontiguousarray(inputs, np.float32))[0])
        )


class _Logits(torch.nn.Module):
    """The classifier without the record that it wraps its output in."""

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixel_values=pixels).logits


def _side(processor: Any, config: Any) -> tuple[int, int]:
    """Return the (height, width) at which the processor's own resizing leaves a crop alone.

    The processor may still cut off the sides, by its own choice.
    """
    size = (
        processor.size
        if getattr(processor, "do_resize", False)
        else getattr(processor, "crop_size", None)
    ) or {}
    known = (
        {key: size[key] for key in ("height", "width", "shortest_edge") if size.get(key)}
        if hasattr(size, "get")
        else {}
    )
    if "height" in known and "width" in known:
        return int(known["height"]), int(known["width"])
    side = known.get("shortest_edge") or getattr(config, "image_size", None)
    if not isinstance(side, int):
        raise ValueError(
            "preprocessor_config.json: no size of the input (size.height and size.width, or "
            "size.shortest_edge)"
        )
    return side, side
