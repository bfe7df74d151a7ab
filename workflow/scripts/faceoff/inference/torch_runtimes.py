"""Open the networks of model cards that run in PyTorch.

These are TorchScript files, architectures of timm with their weights, and Keras files.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from faceoff.inference.checkpoints import CheckpointError, fill
from faceoff.inference.hardware import BATCH, is_of_the_machine
from faceoff.inference.keras_h5 import KerasNetwork
from faceoff.inference.runtimes import Runtime
from faceoff.inference.torch_devices import Torch, prepare_torchvision, torch_device


def torchscript(files: Mapping[str, Path], card: Mapping[str, Any], outputs: int) -> Runtime:
    """Open a TorchScript file (torch.jit.save).

    Its graph runs in PyTorch's interpreter; no Python of its author runs.
    """
    prepare_torchvision()  # a detector's graph may name its operators
    path = files["weights"]
    try:
        network = torch.jit.load(str(path), map_location=torch_device()).eval()
    except RuntimeError as error:
        if is_of_the_machine(error):
            raise
        raise CheckpointError(
            f"{path}: not a TorchScript file (torch.jit.save) that this PyTorch can read: "
            f"{' '.join(str(error).split())[:300]}"
        ) from None
    return Torch(network, card.get("batch", BATCH), channels_last=False)


def timm_network(files: Mapping[str, Path], card: Mapping[str, Any], outputs: int) -> Runtime:
    """Open an architecture by its name in timm, and a file that holds only its weights.

    It has as many outputs as the card declares.
    """
    network = timm_architecture(
        str(card["architecture"]),
        num_classes=outputs,
        in_chans=card["input"].get("channels", 3),
    )
    return Torch(fill(network, files["weights"]).to(torch_device()), card.get("batch", BATCH))


def timm_architecture(
    name: str, picture_size: tuple[int, int] | None = None, **options: Any
) -> torch.nn.Module:
    """Return an architecture of timm with new parameters.

    Parameters
    ----------
    picture_size
        (height, width), for architectures that take pictures of one size only; None: their own.
    options
        Those of timm.create_model.

    Raises
    ------
    ValueError
        If timm does not have it.
    """
    prepare_torchvision()
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=1, cutoff=0.0)[0]
        raise ValueError(
            f"architecture {name!r} is not in timm {timm.__version__}, did you mean {near!r}?"
        )
    settings = timm.get_pretrained_cfg(name)
    if picture_size and settings and settings.fixed_input_size:
        options["img_size"] = picture_size
    network: torch.nn.Module = timm.create_model(name, pretrained=False, **options)
    return network


def keras(files: Mapping[str, Path], card: Mapping[str, Any], outputs: int) -> Runtime:
    """Open a model that Keras saved as HDF5."""
    return KerasNetwork(files["weights"], batch=card.get("batch"))


RUNTIMES = {"torchscript": torchscript, "timm": timm_network, "keras": keras}
