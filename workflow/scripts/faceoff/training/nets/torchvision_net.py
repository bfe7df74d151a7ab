"""Any classifier of torchvision, with a head of its own: `torchvision:NAME`."""

from typing import Any

from torch import nn

from faceoff.inference.torch_devices import prepare_torchvision
from faceoff.spelling import suggestion
from faceoff.training.net import Net, check_range
from faceoff.training.nets._backbone import Backbone

# Those whose second classifier, of use in training alone, changes what they return.
_AUXILIARY = ("googlenet", "inception_v3")


def build(
    classes: int, channels: int, size: tuple[int, int], architecture: str, dropout: float
) -> Backbone:
    """Return the architecture with new parameters.

    Raises ValueError for a name that torchvision does not have among its classifiers.
    """
    check_range("dropout", dropout, 0, 0.95)
    prepare_torchvision()
    from torchvision import models

    valid = models.list_models(module=models)
    if architecture not in valid:
        raise ValueError(
            f"no architecture {architecture!r} in torchvision{suggestion(architecture, valid)}"
        )
    options: dict[str, Any] = {}
    if architecture in _AUXILIARY:
        options = {"aux_logits": False, "init_weights": True}
    if architecture.startswith("vit_"):
        if size[0] != size[1]:
            raise ValueError(f"option 'size' is {list(size)}; it takes square pictures")
        options = {"image_size": size[0]}
    network = models.get_model(architecture, weights=None, **options)
    _remove_classifier(network)
    return Backbone(network, classes, channels, size, dropout)


def _remove_classifier(network: nn.Module) -> None:
    """Put an identity in the place of the last layer that has parameters."""
    last = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ][-1]
    parent, _, own = last.rpartition(".")
    setattr(network.get_submodule(parent), own, nn.Identity())


NET = Net(
    build=build,
    about="a classifier of torchvision, by its name there: torchvision:resnet18",
    options={"architecture": None, "dropout": 0.2},
    input={
        "size": [224, 224],
        "channels": 3,
        "divisor": 255,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    head="head",
    modules=("torchvision",),
)
