"""Any architecture of timm for classification, with a head of its own: `timm:NAME`."""

from faceoff.inference.torch_runtimes import timm_architecture
from faceoff.training.net import Net, check_range
from faceoff.training.nets._backbone import Backbone


def build(
    classes: int, channels: int, size: tuple[int, int], architecture: str, dropout: float
) -> Backbone:
    """Return the architecture with new parameters.

    Raises ValueError for a name that timm does not have.
    """
    check_range("dropout", dropout, 0, 0.95)
    return Backbone(
        timm_architecture(architecture, picture_size=size, num_classes=0),
        classes,
        channels,
        size,
        dropout,
    )


NET = Net(
    build=build,
    about="an architecture of timm, by its name there: timm:resnet18",
    options={"architecture": None, "dropout": 0.2},
    input={
        "size": [224, 224],
        "channels": 3,
        "divisor": 255,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    head="head",
    modules=("timm", "torchvision"),
)
