"""Define BlazeFace (Bazarevsky et al. 2019), MediaPipe's front-camera variant.

Parameters have the names of hollance/BlazeFace-PyTorch.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

SIDE = 128  # pixels of the square input


class _Block(nn.Module):
    """A separable convolution beside a short cut; new channels of the short cut are zero."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.grown = stride, outputs - inputs
        self.convs = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, stride, padding=0 if stride == 2 else 1, groups=inputs),
            nn.Conv2d(inputs, outputs, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        short = x
        if self.stride == 2:  # TFLite pads below and to the right
            short, x = functional.max_pool2d(x, 2), functional.pad(x, (0, 2, 0, 2))
        return functional.relu(self.convs(x) + functional.pad(short, (0, 0, 0, 0, 0, self.grown)))


class BlazeFace(nn.Module):
    """The BlazeFace network.

    RGB in [-1, 1], (n, 3, 128, 128) -> logits (n, 896) and regressions (n, 896, 16): centre, size,
    six points, in input pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88)
        blocks = [_Block(a, b, stride=2 if b in (32, 48) else 1) for a, b in pairwise(widths)]
        self.backbone1 = nn.Sequential(nn.Conv2d(3, 24, 5, stride=2), nn.ReLU(), *blocks)
        self.backbone2 = nn.Sequential(
            _Block(88, 96, stride=2), *(_Block(96, 96) for _ in range(4))
        )
        self.classifier_8, self.classifier_16 = nn.Conv2d(88, 2, 1), nn.Conv2d(96, 6, 1)
        self.regressor_8, self.regressor_16 = nn.Conv2d(88, 32, 1), nn.Conv2d(96, 96, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine = self.backbone1(functional.pad(x, (1, 2, 1, 2)))
        coarse = self.backbone2(fine)

        def rows(output: torch.Tensor, values: int) -> torch.Tensor:
            return output.permute(0, 2, 3, 1).reshape(len(x), -1, values)

        logits = torch.cat(
            [rows(self.classifier_8(fine), 1), rows(self.classifier_16(coarse), 1)], dim=1
        )
        regressions = torch.cat(
            [rows(self.regressor_8(fine), 16), rows(self.regressor_16(coarse), 16)], dim=1
        )
        return logits[..., 0], regressions
