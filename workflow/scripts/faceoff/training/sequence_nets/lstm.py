"""Long short-term memory over the frames of a clip, in one direction or both."""

import torch
from torch import Tensor, nn

from faceoff.training.net import Net, check_range
from faceoff.training.sequence_nets._sequence import SequenceNet


class Lstm(SequenceNet):
    """LSTM (Hochreiter & Schmidhuber 1997); bidirectional as Graves & Schmidhuber (2005)."""

    def __init__(
        self,
        classes: int,
        features: int,
        width: int,
        layers: int,
        bidirectional: bool,
        time_steps: bool,
        dropout: float,
    ):
        check_range("width", width, 1)
        check_range("layers", layers, 1, 16)
        directions = 2 if bidirectional else 1
        super().__init__(classes, features, width * directions, dropout, time_steps)
        self.causal = not bidirectional
        inputs = [self.inputs, *[width * directions] * (layers - 1)]
        self.ahead = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in inputs)
        self.back = nn.ModuleList(
            nn.LSTM(size, width, batch_first=True) for size in inputs if bidirectional
        )

    def states(self, x: Tensor, present: Tensor) -> Tensor:
        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # Without AVX-512 a CPU has no LSTM in bfloat16.
            with torch.autocast("cpu", enabled=False):
                return self._states(x.float(), present)
        return self._states(x, present)

    def _states(self, x: Tensor, present: Tensor) -> Tensor:
        backwards = _reversed(present)[..., None]
        for layer, ahead in enumerate(self.ahead):
            x = self.dropout(x) if layer else x
            found = [ahead(x)[0]]
            if self.back:
                # A clip is reversed within its own length: what follows it has no say.
                turned = self.back[layer](x.gather(1, backwards.expand_as(x)))[0]
                found.append(turned.gather(1, backwards.expand_as(turned)))
            x = torch.cat(found, dim=2)
        return x


def _reversed(present: Tensor) -> Tensor:
    """Return (n, t): the place of each frame when the present ones, all in front, are reversed."""
    place = torch.arange(present.shape[1], device=present.device).expand(present.shape)
    return torch.where(present, present.sum(dim=1, keepdim=True) - 1 - place, place)


NET = Net(
    build=Lstm,
    about="long short-term memory; with `bidirectional` a frame sees the later ones too",
    options={
        "width": 128,
        "layers": 1,
        "bidirectional": False,
        "time_steps": False,
        "dropout": 0.2,
    },
    head="head",
)
