"""A temporal convolutional network over the frames of a clip."""

from torch import Tensor, nn
from torch.nn import functional

from faceoff.training.net import Net, check_range
from faceoff.training.sequence_nets._sequence import SequenceNet


class _Level(nn.Module):
    """Two dilated convolutions with a shortcut around them.

    Frames are normalised each by itself, so that a state depends neither on the other clips of a
    batch nor on later frames.
    """

    def __init__(
        self, inputs: int, width: int, kernel: int, dilation: int, causal: bool, dropout: float
    ):
        super().__init__()
        before = (kernel - 1) * dilation if causal else (kernel - 1) * dilation // 2
        self.padding = (before, (kernel - 1) * dilation - before)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, width, kernel, dilation=dilation) for channels in (inputs, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.shortcut = nn.Identity() if inputs == width else nn.Linear(inputs, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Return (n, t, width) for (n, t, inputs); present: (n, t, 1) of 0 and 1."""
        y = x
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            # Frames behind a clip's end are as the zeros around every clip.
            padded = functional.pad((y * present).transpose(1, 2), self.padding)
            y = self.dropout(functional.relu(norm(convolution(padded).transpose(1, 2))))
        return functional.relu(y + self.shortcut(x))


class Tcn(SequenceNet):
    """Temporal convolutions whose reach doubles at each level (Bai, Kolter & Koltun 2018).

    With the default options a frame sees itself and 60 others.
    """

    def __init__(
        self,
        classes: int,
        features: int,
        width: int,
        levels: int,
        kernel: int,
        causal: bool,
        time_steps: bool,
        dropout: float,
    ):
        check_range("width", width, 1)
        check_range("levels", levels, 1, 16)
        check_range("kernel", kernel, 2, 64)
        super().__init__(classes, features, width, dropout, time_steps)
        self.causal = causal
        self.levels = nn.ModuleList(
            _Level(width if level else self.inputs, width, kernel, 2**level, causal, dropout)
            for level in range(levels)
        )

    def states(self, x: Tensor, present: Tensor) -> Tensor:
        there = present[..., None].to(x.dtype)
        for level in self.levels:
            x = level(x, there)
        return x


NET = Net(
    build=Tcn,
    about="dilated convolutions over time; without `causal` a frame sees the later ones too",
    options={
        "width": 128,
        "levels": 4,
        "kernel": 3,
        "causal": True,
        "time_steps": False,
        "dropout": 0.2,
    },
    head="head",
)
