"""Write a trained network over time as ONNX: a stretch of any length in, its answers out.

PyTorch's exporter unrolls an LSTM over the steps of its example. So its layers are written as the
operator `LSTM` of ONNX, which runs over as many steps as there are.
"""

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from faceoff.training import onnx_files
from faceoff.training.about import ClipAbout
from faceoff.training.clip_net import ClipNet, Standardise

_OPSET = 14  # that brought this operator LSTM


class _Lstm(nn.Module):
    """One layer of nn.LSTM in one direction, as ONNX computes it."""

    weight: Tensor
    recurrent: Tensor
    bias: Tensor

    def __init__(self, layer: nn.LSTM):
        super().__init__()
        self.hidden = layer.hidden_size
        weight, recurrent, *biases = (_ordered(values) for values in layer.parameters())
        self.register_buffer("weight", weight)
        self.register_buffer("recurrent", recurrent)
        self.register_buffer("bias", torch.cat(biases, dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return (states,), (n, t, hidden), for (n, t, inputs)."""
        clips, steps = x.shape[:2]
        states = torch.onnx.ops.symbolic(
            "LSTM",
            (x.transpose(0, 1), self.weight, self.recurrent, self.bias),
            attrs={"hidden_size": self.hidden},
            dtype=x.dtype,
            shape=(steps, 1, clips, self.hidden),
            version=_OPSET,
        )
        return (states.squeeze(1).transpose(0, 1),)


def _ordered(weights: Tensor) -> Tensor:
    """Return weights of an LSTM's gates (1, 4 h, …) in ONNX's order; PyTorch's is i, f, c, o."""
    i, f, c, o = weights.detach().chunk(4)
    return torch.cat((i, o, f, c))[None]


class _OneStretch(nn.Module):
    """(1, t, features and step) -> (1, t, outputs): a stretch without absent frames."""

    def __init__(self, network: ClipNet):
        super().__init__()
        # Pictures are read before: their features come in as they are.
        self.front = network.front if isinstance(network.front, Standardise) else nn.Identity()
        self.sequence = network.sequence
        self.steps = int(network.sequence.time_steps)

    def forward(self, rows: Tensor) -> Tensor:
        features = rows[..., : rows.shape[2] - self.steps]
        rows = torch.cat((self.front(features), rows[..., features.shape[2] :]), dim=2)
        present = torch.ones(rows.shape[:2], dtype=torch.bool)
        logits: Tensor = self.sequence.head(self.sequence.states(rows, present))
        return logits


def export(network: ClipNet, path: Path, about: ClipAbout) -> None:
    """Write a network over time as one ONNX file.

    Its input `frames` is (1, t, d): the features of the frames of one stretch, with `time_steps`
    behind them the seconds since the frame before, 0 for the first. Its output `answers` is
    (1, t, classes and affect): logits, then valence and arousal.
    """
    whole = copy.deepcopy(_OneStretch(network))
    for name, layer in list(whole.named_modules()):
        if isinstance(layer, nn.LSTM):
            parent, _, own = name.rpartition(".")
            setattr(whole.get_submodule(parent), own, _Lstm(layer))
    example = torch.zeros(1, 2, len(about.inputs) + about.time_steps)
    free = {1: torch.export.Dim("t", min=1)}
    model = onnx_files.graph_of(whole, example, "frames", "answers", free)
    onnx_files.write(model, path, about)
