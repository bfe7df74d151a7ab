"""A small residual network for faces of 48 pixels."""

from collections.abc import Sequence

from torch import Tensor, nn

from faceoff.training.net import Net, check_choice, check_range
from faceoff.training.nets._pooled import PooledNet


class _Block(nn.Module):
    """Two convolutions with a shortcut around them (He et al. 2016).

    A shortcut to another size averages before it convolves, so that it drops no pixel (He et al.
    2019, "ResNet-D").
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride > 1:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNetSmall(PooledNet):
    """(n, channels, h, w) -> (n, classes) logits."""

    def __init__(
        self,
        classes: int,
        channels: int,
        width: int,
        blocks: Sequence[int],
        stem_stride: int,
        dropout: float,
    ):
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 3, stem_stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        inputs = width
        for stage, count in enumerate(blocks):
            outputs = width * 2**stage
            for block in range(count):
                layers.append(_Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
                inputs = outputs
        super().__init__(layers, inputs, classes, dropout)


def build(
    classes: int,
    channels: int,
    size: tuple[int, int],
    width: int,
    blocks: Sequence[int],
    stem_stride: int,
    dropout: float,
) -> ResNetSmall:
    """Return the network; any size fits. Raises ValueError for a value out of range."""
    check_range("width", width, 1)
    check_choice("stem_stride", stem_stride, (1, 2))
    check_range("dropout", dropout, 0, 0.95)
    if not 1 <= len(blocks) <= 6 or min(blocks) < 1:
        raise ValueError(f"option 'blocks' is {list(blocks)}: 1 to 6 stages of at least one block")
    return ResNetSmall(classes, channels, width, blocks, stem_stride, dropout)


NET = Net(
    build=build,
    about="a residual network for small faces: four stages of basic blocks, 1.60 M parameters",
    options={"width": 32, "blocks": [1, 2, 2, 1], "stem_stride": 2, "dropout": 0.2},
    input={"size": [48, 48], "channels": 1, "divisor": 255, "mean": 0.5, "std": 0.25},
    head="head",
)
