"""Run an image classifier of Hugging Face's transformers.

A card (YAML) pins its config, image processor and safetensors weights.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from faceoff.emotions import canonical
from faceoff.inference.card_network import crop_keys
from faceoff.inference.checkpoints import CheckpointError, check_keys
from faceoff.inference.runtimes import softmax
from faceoff.inference.torch_devices import Torch, prepare_torchvision, torch_device
from faceoff.inference.torch_resampling import torch_filter
from faceoff.plugins.model_cards import HUB_FILES
from faceoff.plugins.protocols import CropSpec, Prediction

BATCH = 4  # a CPU gains nothing by more, and a picture alone costs a whole batch


class TransformersCardModel:
    """A model whose classes and input are its own.

    `emotions` in the card replaces class names that are no emotions (LABEL_0 …). Code that lies
    beside such weights never runs. Raises CheckpointError if the files do not belong together,
    ValueError if the classes are not emotions or not exclusive.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        prepare_torchvision()
        with tempfile.TemporaryDirectory(prefix="faceoff-transformers-") as folder:
            # transformers expects these names; the verified files have longer ones.
            for role, name in HUB_FILES.items():
                Path(folder, name).symlink_to(assets[role].resolve())
            network, self._processor = _load(folder, assets["weights"])
        self.emotions = _classes(network.config, card.get("emotions"))
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


def _load(folder: str, weights: Path) -> tuple[Any, Any]:
    """Return (network, image processor) of a folder.

    Nothing is looked up elsewhere and no code of the model's author runs.
    """
    import transformers
    from safetensors import SafetensorError

    transformers.logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(folder, **local)
        network, loading = transformers.AutoModelForImageClassification.from_pretrained(
            folder,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **local,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).replace(folder, str(weights.parent)).split())[:300]
        raise CheckpointError(
            f"{weights}: transformers cannot load it as an image classifier: {said}"
        ) from None
    shapes = [
        f"{key} {tuple(stored)}, not {tuple(wanted)}"
        for key, stored, wanted in sorted(loading["mismatched_keys"])
    ]
    check_keys(
        weights,
        type(network).__name__,
        sorted(loading["missing_keys"]),
        sorted(loading["unexpected_keys"]),
        shapes,
    )
    return network.eval().requires_grad_(False), processor


def _classes(config: Any, declared: list[str] | None) -> tuple[str, ...]:
    """Return the emotions in output order, from the card or the config's id2label."""
    if config.problem_type not in (None, "single_label_classification") or config.num_labels < 2:
        raise ValueError(
            f"config.json: {config.num_labels} labels, problem_type {config.problem_type!r}: not "
            "a classifier of exclusive classes"
        )
    if declared is not None:
        if len(declared) != config.num_labels:
            raise ValueError(
                f"the card names {len(declared)} emotions, config.json has {config.num_labels} "
                "labels"
            )
        return tuple(declared)
    labels = [str(config.id2label[index]) for index in range(config.num_labels)]
    try:
        classes = tuple(canonical(label) for label in labels)
    except ValueError as error:
        raise ValueError(
            f"config.json, id2label ({', '.join(labels)}): {error}; or give `emotions` in the "
            "card, in this order"
        ) from None
    if len(set(classes)) < len(classes):
        raise ValueError(
            f"config.json, id2label ({', '.join(labels)}): two labels are one emotion; give "
            "`emotions` in the card"
        )
    return classes


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
