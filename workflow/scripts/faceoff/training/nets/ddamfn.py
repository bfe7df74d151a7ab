"""DDAMFN (Zhang et al. 2023) with its attention loss.

Names and shapes in its state dict are those of the published checkpoints. DDAMFN++ is the same
network: its authors align faces otherwise and optimise by SAM (Foret et al. 2021).
"""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from faceoff.inference.networks import ddamfn
from faceoff.training.net import Net, check_range

# In the checkpoints, but without influence on the logits.
_UNUSED = ("bn", "*.conv_dw.bn", "*.conv_dw.prelu", "cat_head*.CoordAtt.Linear.*")


def attention_loss(maps: Sequence[Tensor]) -> Tensor:
    """Return pairs / (Σ over pairs of heads of the mean squared difference of their attention).

    It is large where heads look at the same places, and 0 with a single head. The paper writes it
    as the reciprocal of the distance; the sum over pairs is that of the authors' code
    (simon20010923/DDAMFN at 855cd13).

    Parameters
    ----------
    maps
        For each head, (n, c, h, w).
    """
    pairs = list(combinations(maps, 2))
    if not pairs:
        return torch.zeros((), device=maps[0].device)
    distance = torch.stack(
        [functional.mse_loss(one.float(), other.float()) for one, other in pairs]
    ).sum()
    return len(pairs) / (distance + sys.float_info.epsilon)


class TrainedDDAMFN(ddamfn.DDAMFN):
    """(n, channels, 112, 112) -> (n, classes) logits, in training with the attention loss.

    A grey picture is given as three equal colours. Parameters of the checkpoints that are not used
    are constants here: nothing would train them.

    Attributes
    ----------
    unused
        Names in the state dict on which no logit depends; an exported file leaves them out.
    """

    def __init__(self, classes: int, channels: int, heads: int, attention_weight: float):
        super().__init__(classes, heads)
        self.channels = channels
        self.attention_weight = attention_weight
        self.unused: set[str] = set()
        for path, module in list(self.named_modules()):
            if any(fnmatchcase(path, pattern) for pattern in _UNUSED):
                self.unused |= {f"{path}.{name}" for name in module.state_dict()}
                for name, value in list(module.named_parameters(recurse=False)):
                    delattr(module, name)
                    module.register_buffer(name, value.detach())

    def attend(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        return super().attend(x.expand(-1, 3, -1, -1) if self.channels == 1 else x)

    def embed(self, x: Tensor) -> Tensor:
        """Return the (n, 512) features."""
        return self.attend(x)[0]

    def forward(  # type: ignore[override]  # in training it returns the loss too
        self, x: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:
        features, maps = self.attend(x)
        logits = self.fc(features)
        if not self.training or self.attention_weight == 0:
            return logits
        return logits, self.attention_weight * attention_loss(maps)


def build(
    classes: int, channels: int, size: tuple[int, int], heads: int, attention_weight: float
) -> TrainedDDAMFN:
    """Return the network. Raises ValueError for a value out of range."""
    check_range("heads", heads, 1, 16)
    check_range("attention_weight", attention_weight, 0)
    if size != (ddamfn.SIDE, ddamfn.SIDE):
        raise ValueError(f"option 'size' is {list(size)}; it takes 112 x 112 pixels only")
    return TrainedDDAMFN(classes, channels, heads, attention_weight)


NET = Net(
    build=build,
    about="DDAMFN (Zhang et al. 2023): mixed kernels, attention heads and their loss",
    options={"heads": 2, "attention_weight": 0.1},
    input={
        "size": [112, 112],
        "channels": 3,
        "divisor": 255,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    },
    head="fc",
)
