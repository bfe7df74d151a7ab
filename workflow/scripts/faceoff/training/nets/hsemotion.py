"""EfficientNet as HSEmotion has it (Savchenko 2022), with a head to train."""

from faceoff.inference.torch_runtimes import timm_architecture
from faceoff.training.net import Net, check_choice, check_range
from faceoff.training.nets._backbone import Backbone, load

_ARCHITECTURES = {"b0": "tf_efficientnet_b0", "b2": "tf_efficientnet_b2"}


def build(
    classes: int,
    channels: int,
    size: tuple[int, int],
    variant: str,
    weights: str | None,
    sha256: str | None,
    dropout: float,
) -> Backbone:
    """Return the network, with the backbone of a file or a new one.

    Parameters
    ----------
    variant
        b0 or b2.
    weights, sha256
        A file of HSEmotion and its hash, which is compared before it is opened: `enet_b0_….pt`, a
        pickled network, or its weights alone. Without, all parameters are new.
    """
    check_choice("variant", variant, tuple(_ARCHITECTURES))
    check_range("dropout", dropout, 0, 0.95)
    network = timm_architecture(_ARCHITECTURES[variant], num_classes=0)
    if weights:
        load(network, weights, sha256, "classifier")
    return Backbone(network, classes, channels, size, dropout)


NET = Net(
    build=build,
    about="HSEmotion's EfficientNet-B0 or -B2 with a new head; random without `weights`",
    options={"variant": "b0", "weights": None, "sha256": None, "dropout": 0.2},
    input={
        "size": [224, 224],
        "channels": 3,
        "divisor": 255,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    sizes={"variant": {"b2": [260, 260]}},
    head="head",
    modules=("timm", "torchvision"),
)
