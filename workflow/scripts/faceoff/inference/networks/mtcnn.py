"""The three networks of MTCNN (Zhang et al. 2016), with the parameter names of facenet-pytorch's weight files."""

import torch
from torch import nn


def _convolutions(
    *layers: tuple[int, int, int], pools: tuple[tuple[int, int] | None, ...]
) -> dict[str, nn.Module]:
    """Convolution, PReLU and (where given) max pooling, numbered from 1. layers: (in, out, kernel); pools: (kernel, stride) or None."""
    modules: dict[str, nn.Module] = {}
    for number, ((inputs, outputs, kernel), pool) in enumerate(zip(layers, pools, strict=True), 1):
        modules[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel)
        modules[f"prelu{number}"] = nn.PReLU(outputs)
        if pool:
            modules[f"pool{number}"] = nn.MaxPool2d(*pool, ceil_mode=True)
    return modules


class _Stage(nn.Module):
    """Layers run in their order; what a network reads off their end is its `forward`."""

    def __init__(self, body: dict[str, nn.Module], heads: dict[str, nn.Module]):
        super().__init__()
        self._body = list(body)
        for name, module in (body | heads).items():
            self.add_module(name, module)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        for name in self._body:
            if name.startswith("dense"):
                x = x.permute(0, 3, 2, 1).flatten(
                    1
                )  # the weights come from MATLAB: column by column
            x = getattr(self, name)(x)
        return x


class PNet(_Stage):
    """(n, 3, h, w) -> probability of a face (n, h', w') and box offsets (n, 4, h', w') of every 12-pixel window, 2 pixels apart."""

    def __init__(self) -> None:
        body = _convolutions((3, 10, 3), (10, 16, 3), (16, 32, 3), pools=((2, 2), None, None))
        super().__init__(body, {"conv4_1": nn.Conv2d(32, 2, 1), "conv4_2": nn.Conv2d(32, 4, 1)})

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.features(x)
        return self.conv4_1(x).softmax(1)[:, 1], self.conv4_2(x)


class RNet(_Stage):
    """(n, 3, 24, 24) -> probability of a face (n,), box offsets (n, 4)."""

    def __init__(self) -> None:
        body = _convolutions((3, 28, 3), (28, 48, 3), (48, 64, 2), pools=((3, 2), (3, 2), None))
        body |= {"dense4": nn.Linear(576, 128), "prelu4": nn.PReLU(128)}
        super().__init__(body, {"dense5_1": nn.Linear(128, 2), "dense5_2": nn.Linear(128, 4)})

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.features(x)
        return self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x)


class ONet(_Stage):
    """(n, 3, 48, 48) -> probability of a face (n,), box offsets (n, 4), landmarks (n, 10): five x, then five y, as shares of the box."""

    def __init__(self) -> None:
        body = _convolutions(
            (3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2), pools=((3, 2), (3, 2), (2, 2), None)
        )
        body |= {"dense5": nn.Linear(1152, 256), "prelu5": nn.PReLU(256)}
        super().__init__(
            body,
            {
                "dense6_1": nn.Linear(256, 2),
                "dense6_2": nn.Linear(256, 4),
                "dense6_3": nn.Linear(256, 10),
            },
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = self.features(x)
        return self.dense6_1(x).softmax(1)[:, 1], self.dense6_2(x), self.dense6_3(x)
