"""Find networks for pictures by name: each is a module in `nets/` that defines `NET`.

`timm:NAME` and `torchvision:NAME` are the architectures of those libraries. Every network also
takes the options `size` and `channels`, which change its input. Only `get` and `build` import
PyTorch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.training.net_folder import NetFolder

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent / "nets"
_NETS = NetFolder(
    folder=FOLDER,
    kind="net",
    prefixes={"timm": "timm_net", "torchvision": "torchvision_net"},
    overrides={"size": [48, 48], "channels": 1},
)
names = _NETS.names
file_of = _NETS.file_of
stated = _NETS.stated
modules = _NETS.modules
get = _NETS.get
unknown_options = _NETS.unknown_options
wrong_options = _NETS.wrong_options

_LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue in a grey value


def input_of(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a network with these options reads, in the keys of a model card's `input`.

    Of grey pictures, a mean and a deviation per colour become one number each, by luma.

    Raises
    ------
    ValueError
        If `size` is not two sides of at least 1 pixel, or `channels` neither 1 nor 3.
    """
    net = stated(name)
    found = dict(net["input"])
    for option, sizes in (net.get("sizes") or {}).items():
        value = options.get(option, net["options"][option])
        found["size"] = sizes.get(value, found["size"])
    if "size" in options:
        sides = list(options["size"])
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError(f"net {name!r}: option 'size' is {sides}; it takes [height, width]")
        found["size"] = sides
    if "channels" in options:
        if options["channels"] not in (1, 3):
            raise ValueError(
                f"net {name!r}: option 'channels' is {options['channels']}; valid: 1 (grey), 3"
            )
        found["channels"] = options["channels"]
    if found["channels"] == 1:
        for key in ("mean", "std"):
            if isinstance(found.get(key), list):
                found[key] = round(sum(map(float.__mul__, found[key], _LUMA)), 6)
    return found


def build(name: str, options: Mapping[str, Any], classes: int) -> "nn.Module":
    """Return a network with new parameters, drawn from PyTorch's global seed.

    Parameters
    ----------
    name
        A name of `names`, `timm:NAME` or `torchvision:NAME`.
    options
        Those that differ from the network's defaults, and `size` and `channels`.
    classes
        Number of logits.

    Raises
    ------
    ValueError
        If the name or an option is unknown, a value is wrong, or weights do not fit.
    AssetError
        If weights that an option names are not there or do not have their hash.
    """
    if wrong := wrong_options(name, options):
        raise ValueError("; ".join(wrong))
    if classes < 1:
        raise ValueError(f"net {name!r}: {classes} classes; at least 1 is needed")
    net, read = get(name), input_of(name, options)
    own = {**net.options, **{key: options[key] for key in options if key in net.options}}
    try:
        return net.build(
            classes=classes, channels=read["channels"], size=tuple(read["size"]), **own
        )
    except ValueError as error:
        raise ValueError(f"net {name!r}: {error}") from error
