"""Put a network for pictures before a sequence network, and read a clip as a whole."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from faceoff.training.sequence_nets._sequence import SequenceNet


class FrameSequence(nn.Module):
    """(n, t, c, h, w) frames -> (n, t, classes) logits per frame; also takes (n, t, d) embeddings.

    Parameters
    ----------
    frames
        A network of `net_list`; its classifier is taken away.
    head
        The name of its classifier (`Net.head`).
    sequence
        A network of `sequence_list` for as many features as the classifier reads (`features_of`).
    frozen
        Whether the network for pictures stays as it is; its normalisation then does not learn
        either.
    """

    def __init__(self, frames: nn.Module, head: str, sequence: nn.Module, frozen: bool = False):
        super().__init__()
        if not isinstance(sequence, SequenceNet):
            raise ValueError(f"{type(sequence).__name__} is no sequence network")
        parent, _, own = head.rpartition(".")
        setattr(frames.get_submodule(parent), own, nn.Identity())
        self.frames, self.sequence, self.frozen = frames, sequence, frozen
        self.causal = sequence.causal
        if frozen:
            frames.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> "FrameSequence":
        """Switch to training or prediction; a frozen network for pictures always predicts."""
        super().train(mode)
        if self.frozen:
            self.frames.eval()
        return self

    @property
    def head(self) -> nn.Linear:
        """Return the classifier of the states."""
        return self.sequence.head

    def embed(self, x: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return (n, t, hidden) states, 0 for absent frames."""
        return self.sequence.embed(self._embeddings(x, mask), mask, times)

    def forward(self, x: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return (n, t, classes) logits; mask and times as in `SequenceNet.embed`."""
        return self.sequence(self._embeddings(x, mask), mask, times)

    def _embeddings(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if x.ndim == 3:
            return x
        embed = cast(Callable[[Tensor], Tensor], self.frames.embed)
        with torch.no_grad() if self.frozen else nullcontext():
            if mask is None or not self.training:
                return embed(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            # Absent frames would enter the mean and variance that normalise the others.
            found = embed(x[mask])
            rows = found.new_zeros((*x.shape[:2], found.shape[1]))
            rows[mask] = found
            return rows


def features_of(frames: nn.Module, head: str) -> int:
    """Return the length of the embeddings of a network for pictures: what its classifier reads."""
    classifier = frames.get_submodule(head)
    if not isinstance(classifier, nn.Linear):
        raise ValueError(f"{head} is a {type(classifier).__name__}, expected a linear layer")
    return classifier.in_features


def pool(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the logits (n, k) of clips: the mean over the frames that are there.

    Parameters
    ----------
    logits
        (n, t, k) of frames.
    mask
        (n, t) bool; None: all are there. A clip without any frame has logits of 0.
    """
    if mask is None:
        return logits.mean(dim=1)
    there = mask[..., None]
    total = torch.where(there, logits, torch.zeros_like(logits)).sum(dim=1)
    return total / there.sum(dim=1).clamp_min(1)
