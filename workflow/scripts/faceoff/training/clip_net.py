"""Put what reads a frame before a network over time, and read stretches of clips."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from faceoff.training import sequence_list
from faceoff.training.sequence_nets._sequence import SequenceNet


class Standardise(nn.Module):
    """Turn features (n, d) into (x − mean) / deviation, both of the training's frames."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor):
        super().__init__()
        self.features = len(mean)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation


class PictureFeatures(nn.Module):
    """A network for pictures without its classifier: (n, c, h, w) -> (n, d).

    head: the classifier's name (`Net.head`).
    """

    def __init__(self, network: nn.Module, head: str):
        super().__init__()
        classifier = network.get_submodule(head)
        if not isinstance(classifier, nn.Linear):
            raise ValueError(f"{head} is a {type(classifier).__name__}, expected a linear layer")
        self.features = classifier.in_features
        parent, _, own = head.rpartition(".")
        setattr(network.get_submodule(parent), own, nn.Identity())
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return cast(Callable[[Tensor], Tensor], self.network.embed)(x)


Front = Standardise | PictureFeatures


def standardising(frames: npt.NDArray[np.float32]) -> Standardise:
    """Return the standardisation of the features (n, d) of a training; constant ones stay 0."""
    mean = np.mean(frames, axis=0, dtype=np.float64)
    deviation = np.std(frames, axis=0, dtype=np.float64)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Standardise(*(torch.as_tensor(part, dtype=torch.float32) for part in (mean, deviation)))


class ClipNet(nn.Module):
    """Frames of stretches, one behind the other, to logits per frame.

    Attributes
    ----------
    front
        Turns frames (n, …) into features (n, d), each frame by itself.
    sequence
        A network of `sequence_list` for as many features.
    """

    def __init__(self, front: Front, sequence: nn.Module):
        super().__init__()
        if not isinstance(sequence, SequenceNet):
            raise ValueError(f"{type(sequence).__name__} is no sequence network")
        self.front, self.sequence = front, sequence

    def forward(
        self, frames: Tensor, times: Tensor, stretch: Tensor, frozen: bool = False
    ) -> Tensor:
        """Return (n, outputs) logits.

        Parameters
        ----------
        frames
            (n, …), what `front` takes.
        times
            (n,) seconds, float64.
        stretch
            (n,) number of the frame's stretch; frames of one stretch stand together.
        frozen
            Whether `front` stays as it is.
        """
        with torch.no_grad() if frozen else nullcontext():
            features = self.front(frames)
        _, row, lengths = torch.unique_consecutive(stretch, return_inverse=True, return_counts=True)
        starts = lengths.cumsum(0) - lengths
        column = torch.arange(len(row), device=row.device) - starts[row]
        shape = (len(lengths), int(lengths.max()))
        rows = features.new_zeros((*shape, features.shape[1]))
        rows[row, column] = features
        mask = torch.zeros(shape, dtype=torch.bool, device=row.device)
        mask[row, column] = True
        moments = times.new_zeros(shape)
        moments[row, column] = times
        logits: Tensor = self.sequence(rows, mask, moments)[row, column]
        return logits


def build(net: str, options: Mapping[str, Any], outputs: int, front: Front) -> ClipNet:
    """Return a network over time with new parameters, drawn from PyTorch's global seed.

    Raises ValueError for a wrong name or option.
    """
    return ClipNet(front, sequence_list.build(net, options, outputs, front.features))
