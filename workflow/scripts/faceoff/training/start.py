"""Begin a training from the weights of an earlier one."""

import sys
from pathlib import Path

from torch import nn

from faceoff.training import onnx_files


def begin_from(
    network: nn.Module, head: str, weights: Path, net: str, classes: list[str] | None
) -> None:
    """Load the weights of a network that Faceoff trained into a new one of the same kind.

    The head begins anew if the classes are others; None: the head is not wanted.

    Raises ValueError naming the file if it holds another architecture.
    """
    about, stored = onnx_files.read(weights)
    if about.net != net:
        raise ValueError(f"{weights}: holds the network {about.net}, not {net}")
    own = network.state_dict()
    same_classes = about.classes == classes
    kept = {
        name: value
        for name, value in stored.items()
        if name in own and (same_classes or not name.startswith(f"{head}."))
    }
    others = [name for name, value in kept.items() if value.shape != own[name].shape]
    # ONNX leaves out what no result depends on, such as the batches that a normalisation counts.
    unused = getattr(network, "unused", ())
    lacking = [
        name
        for name in own
        if name not in kept
        and name not in unused
        and not name.endswith("num_batches_tracked")
        and (same_classes or not name.startswith(f"{head}."))
    ]
    known = {*own, *dict(network.named_buffers())}
    deeper = [  # constants of the file have names without a dot
        name
        for name in stored
        if "." in name and name not in known and not name.startswith(f"{head}.")
    ]
    if faults := others + lacking + deeper:
        raise ValueError(f"{weights}: its weights do not fit {net} with these options: {faults[0]}")
    network.load_state_dict({**own, **kept})
    if classes is not None and not same_classes:
        print(f"{weights}: has other classes; the head begins anew", file=sys.stderr)
