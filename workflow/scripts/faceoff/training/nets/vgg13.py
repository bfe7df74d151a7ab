"""The network of FER+ (Barsoum et al. 2016): ten convolutions and three dense layers."""

from torch import Tensor, nn

from faceoff.training.net import Net, check_range

# channels of a group, its convolutions; each group ends by halving the picture
_GROUPS = ((64, 2), (128, 2), (256, 3), (256, 3))
_DENSE = 1024


class VGG13(nn.Module):
    """(n, channels, h, w) -> (n, classes) logits."""

    def __init__(
        self,
        classes: int,
        channels: int,
        size: tuple[int, int],
        dropout: float,
        pool_dropout: float,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for outputs, count in _GROUPS:
            for _ in range(count):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = outputs
            layers += [nn.MaxPool2d(2), nn.Dropout(pool_dropout)]
        self.features = nn.Sequential(*layers)
        halved = 2 ** len(_GROUPS)
        self.dense = nn.Sequential(
            nn.Linear(inputs * (size[0] // halved) * (size[1] // halved), _DENSE),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(_DENSE, _DENSE),
            nn.ReLU(inplace=True),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(_DENSE, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):  # as the authors' code does
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def embed(self, x: Tensor) -> Tensor:
        """Return the (n, 1024) features of the second dense layer."""
        return self.dense(self.features(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.embed(x)))


def build(
    classes: int, channels: int, size: tuple[int, int], dropout: float, pool_dropout: float
) -> VGG13:
    """Return the network. Raises ValueError for a value out of range."""
    check_range("dropout", dropout, 0, 0.95)
    check_range("pool_dropout", pool_dropout, 0, 0.95)
    if min(size) < 2 ** len(_GROUPS):
        raise ValueError(f"option 'size' is {list(size)}; at least 16 x 16 pixels are needed")
    return VGG13(classes, channels, size, dropout, pool_dropout)


NET = Net(
    build=build,
    about="VGG13 of FER+ (Barsoum et al. 2016), 8.76 M parameters",
    options={"dropout": 0.5, "pool_dropout": 0.25},
    input={"size": [64, 64], "channels": 1, "divisor": 255, "mean": 0.5, "std": 0.25},
    head="head",
)
