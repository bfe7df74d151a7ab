"""Inverted residuals for faces of 48 pixels: few parameters and few multiplications."""

from torch import Tensor, nn

from faceoff.training.net import Net, check_range
from faceoff.training.nets._pooled import PooledNet

_STEM, _LAST = 16, 384
# expansion, channels, blocks, stride of the first block
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 40, 3, 2), (6, 88, 3, 1))


def _rounded(channels: float) -> int:
    """Return a number of channels as a multiple of 8, never more than a tenth below."""
    whole = max(8, int(channels + 4) // 8 * 8)
    return whole + 8 if whole < 0.9 * channels else whole


def _convolution(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class _SqueezeExcite(nn.Module):
    """A gate per channel (Hu et al. 2018)."""

    def __init__(self, channels: int, narrow: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, narrow, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class _InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, project (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, gated: bool):
        super().__init__()
        inner = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [*_convolution(inputs, inner), nn.ReLU6(inplace=True)]
        layers += [*_convolution(inner, inner, 3, stride, inner), nn.ReLU6(inplace=True)]
        if gated:
            layers.append(_SqueezeExcite(inner, max(8, inner // 16)))
        self.layers = nn.Sequential(*layers, *_convolution(inner, outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.adds else self.layers(x)


class Mobile(PooledNet):
    """(n, channels, h, w) -> (n, classes) logits."""

    def __init__(
        self, classes: int, channels: int, width: float, squeeze_excite: bool, dropout: float
    ):
        inputs, last = _rounded(_STEM * width), _rounded(_LAST * max(width, 1.0))
        layers: list[nn.Module] = [
            *_convolution(channels, inputs, 3, 2),
            nn.ReLU6(inplace=True),
        ]
        for expansion, base, count, first in _STAGES:
            outputs = _rounded(base * width)
            for block in range(count):
                stride = first if block == 0 else 1
                layers.append(_InvertedResidual(inputs, outputs, expansion, stride, squeeze_excite))
                inputs = outputs
        layers += [*_convolution(inputs, last), nn.ReLU6(inplace=True)]
        super().__init__(layers, last, classes, dropout)


def build(
    classes: int,
    channels: int,
    size: tuple[int, int],
    width: float,
    squeeze_excite: bool,
    dropout: float,
) -> Mobile:
    """Return the network; any size fits. Raises ValueError for a value out of range."""
    check_range("width", width, 0.1, 10)
    check_range("dropout", dropout, 0, 0.95)
    return Mobile(classes, channels, width, squeeze_excite, dropout)


NET = Net(
    build=build,
    about="inverted residuals for small faces, `width` times the channels: 0.34 M parameters",
    options={"width": 1.0, "squeeze_excite": False, "dropout": 0.2},
    input={"size": [48, 48], "channels": 1, "divisor": 255, "mean": 0.5, "std": 0.25},
    head="head",
)
