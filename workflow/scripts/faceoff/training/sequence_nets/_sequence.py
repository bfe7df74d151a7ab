"""Take absent frames out of clips for every sequence network, and put them back stateless."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from faceoff.training.net import check_range


class SequenceNet(nn.Module, ABC):
    """(n, t, features) embeddings of frames -> (n, t, classes) logits per frame.

    An absent frame counts as if it were not in the clip: not for the frames around it, and its own
    logits are 0. Subclasses define `states`.

    Attributes
    ----------
    causal
        Whether the logits of a frame depend on no later frame.
    """

    causal: bool

    def __init__(self, classes: int, features: int, hidden: int, dropout: float, time_steps: bool):
        super().__init__()
        check_range("dropout", dropout, 0, 0.95)
        self.time_steps = time_steps
        self.inputs = features + time_steps
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    @abstractmethod
    def states(self, x: Tensor, present: Tensor) -> Tensor:
        """Return (n, t, hidden) for (n, t, inputs), of which each clip's first frames are there.

        present: (n, t) bool, True and then False in each row; absent inputs are 0.
        """

    def embed(self, x: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return (n, t, hidden) states, 0 for absent frames.

        Parameters
        ----------
        x
            (n, t, features).
        mask
            (n, t) bool, the frames that are there; None: all. What stands in an absent frame does
            not count, NaN included.
        times
            (n, t) seconds (float64 where they are large), which the option `time_steps` needs: it
            appends to each frame the time since the one before it that is there, 0 for the first.

        Raises
        ------
        ValueError
            If the option `time_steps` has no times.
        """
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if mask is None else mask
        place = _places(mask)
        present = torch.zeros_like(mask).scatter(1, place, mask)
        rows = _moved(torch.where(mask[..., None], x, torch.zeros_like(x)), place)
        if self.time_steps:
            if times is None:
                raise ValueError("option 'time_steps' needs the times of the frames")
            ordered = torch.zeros_like(times).scatter(1, place, times)
            steps = ordered.diff(dim=1, prepend=ordered[:, :1])
            steps = torch.where(present, steps, torch.zeros_like(steps))
            rows = torch.cat((rows, steps[..., None].to(rows.dtype)), dim=2)
        states = self.states(rows, present)
        states = states.gather(1, place[..., None].expand_as(states))
        return torch.where(mask[..., None], states, torch.zeros_like(states))

    def forward(self, x: Tensor, mask: Tensor | None = None, times: Tensor | None = None) -> Tensor:
        """Return (n, t, classes) logits, 0 for absent frames; see `embed`."""
        logits = self.head(self.dropout(self.embed(x, mask, times)))
        if mask is None:
            return logits
        return torch.where(mask[..., None], logits, torch.zeros_like(logits))


def _places(mask: Tensor) -> Tensor:
    """Return (n, t): each frame's place when those that are there come first, all in order."""
    there = mask.long()
    behind = there.sum(dim=1, keepdim=True) + (1 - there).cumsum(dim=1)
    return torch.where(mask, there.cumsum(dim=1), behind) - 1


def _moved(rows: Tensor, place: Tensor) -> Tensor:
    """Return the frames (n, t, d) of each clip at these places (n, t)."""
    return torch.zeros_like(rows).scatter(1, place[..., None].expand_as(rows), rows)
