"""Find sequence networks by name: each is a module in `sequence_nets/` that defines `NET`.

Only `get` and `build` import PyTorch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.training.net_folder import NetFolder

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent / "sequence_nets"
_NETS = NetFolder(folder=FOLDER, kind="sequence net")
names = _NETS.names
file_of = _NETS.file_of
stated = _NETS.stated
get = _NETS.get
unknown_options = _NETS.unknown_options
wrong_options = _NETS.wrong_options


def build(name: str, options: Mapping[str, Any], classes: int, features: int) -> "nn.Module":
    """Return a network with new parameters, drawn from PyTorch's global seed.

    Parameters
    ----------
    name
        A name of `names`.
    options
        Those that differ from the network's defaults.
    classes
        Number of logits; 1 for valence.
    features
        Length of a frame's embedding. `clip_net.ClipNet` puts what reads frames before it.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a value is wrong.
    """
    if wrong := wrong_options(name, options):
        raise ValueError("; ".join(wrong))
    if min(classes, features) < 1:
        raise ValueError(
            f"sequence net {name!r}: {classes} classes, {features} features; at least 1 is needed"
        )
    net = get(name)
    try:
        return net.build(classes=classes, features=features, **{**net.options, **options})
    except ValueError as error:
        raise ValueError(f"sequence net {name!r}: {error}") from error
