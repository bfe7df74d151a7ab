"""A small transformer over the frames of a clip."""

import math

import torch
from torch import Tensor, nn

from faceoff.training.net import Net, check_range
from faceoff.training.sequence_nets._sequence import SequenceNet

_LONGEST = 10_000.0  # wavelength of the slowest position code, in frames


class Transformer(SequenceNet):
    """Self-attention between frames (Vaswani et al. 2017), normalised before each layer."""

    def __init__(
        self,
        classes: int,
        features: int,
        width: int,
        layers: int,
        heads: int,
        causal: bool,
        time_steps: bool,
        dropout: float,
    ):
        check_range("width", width, 2)
        check_range("layers", layers, 1, 16)
        check_range("heads", heads, 1)
        if width % (2 * heads):
            raise ValueError(
                f"option 'width' is {width}; it takes a multiple of 2 x heads = {2 * heads}"
            )
        super().__init__(classes, features, width, dropout, time_steps)
        self.causal = causal
        self.project = nn.Linear(self.inputs, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def states(self, x: Tensor, present: Tensor) -> Tensor:
        hidden: Tensor = self.project(x)
        hidden = hidden + _positions(x.shape[1], hidden)
        frames = torch.arange(x.shape[1], device=x.device)
        if self.causal:  # absent frames come last, so that no present one sees them
            hides = frames > frames[:, None]
            for layer in self.layers:
                hidden = layer(hidden, src_mask=hides)
        else:  # attention over no frame at all would be NaN: a clip without any sees its first
            absent = ~present & (frames > 0)
            for layer in self.layers:
                hidden = layer(hidden, src_key_padding_mask=absent)
        return self.norm(hidden)


def _positions(length: int, like: Tensor) -> Tensor:
    """Return (length, width) sines and cosines of each frame's place."""
    half = like.shape[-1] // 2
    speeds = torch.arange(half, device=like.device, dtype=torch.float32)
    speeds = torch.exp(speeds * (-math.log(_LONGEST) / half))
    angles = torch.arange(length, device=like.device, dtype=torch.float32)[:, None] * speeds
    return torch.cat((angles.sin(), angles.cos()), dim=1).to(like.dtype)


NET = Net(
    build=Transformer,
    about="attention between frames; without `causal` a frame sees the later ones too",
    options={
        "width": 128,
        "layers": 2,
        "heads": 4,
        "causal": True,
        "time_steps": False,
        "dropout": 0.2,
    },
    head="head",
)
