"""Define RetinaFace (Deng et al. 2020) on a quarter-width MobileNet.

Parameters have the names of biubug6/Face-Detector-1MB-with-landmark. The same author's
Pytorch_Retinaface has the same parameter names, but leaky rectifiers and larger anchors: its
weights would load here without an error and detect little, and vice versa.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

STRIDES = (8, 16, 32)
SIDES = ((10, 20), (32, 64), (128, 256))  # of the anchors in pixels, per level


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    rectified: bool = True,
) -> list[nn.Module]:
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.ReLU(inplace=True)] if rectified else layers


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Build a depthwise and then a pointwise convolution."""
    return nn.Sequential(
        *_convolution(inputs, inputs, 3, stride, groups=inputs), *_convolution(inputs, outputs, 1)
    )


def _stage(*widths: int, stem: bool = False, strides: tuple[int, ...]) -> nn.Sequential:
    first = [nn.Sequential(*_convolution(3, widths[0], stride=2))] if stem else []
    return nn.Sequential(
        *first,
        *(
            _separable(a, b, stride)
            for (a, b), stride in zip(pairwise(widths), strides, strict=True)
        ),
    )


class _Pyramid(nn.Module):
    """Feature pyramid: what coarser levels saw is added to finer ones."""

    def __init__(self) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (
            nn.Sequential(*_convolution(width, 64, 1)) for width in (64, 128, 256)
        )
        self.merge1, self.merge2 = (nn.Sequential(*_convolution(64, 64)) for _ in range(2))

    def forward(
        self, fine: torch.Tensor, middle: torch.Tensor, coarse: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        fine, middle, coarse = self.output1(fine), self.output2(middle), self.output3(coarse)
        middle = self.merge2(
            middle + functional.interpolate(coarse, size=middle.shape[2:], mode="nearest")
        )
        fine = self.merge1(
            fine + functional.interpolate(middle, size=fine.shape[2:], mode="nearest")
        )
        return fine, middle, coarse


class _Context(nn.Module):
    """Context module of SSH (Najibi et al. 2017): views of 3, 5 and 7 pixels side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3X3 = nn.Sequential(*_convolution(64, 32, rectified=False))
        self.conv5X5_1 = nn.Sequential(*_convolution(64, 16))
        self.conv5X5_2 = nn.Sequential(*_convolution(16, 16, rectified=False))
        self.conv7X7_2 = nn.Sequential(*_convolution(16, 16))
        self.conv7x7_3 = nn.Sequential(*_convolution(16, 16, rectified=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shared = self.conv5X5_1(x)
        views = (self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared)))
        return functional.relu(torch.cat(views, dim=1))


class _Head(nn.Module):
    """`values` numbers for each of a cell's two anchors."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(64, 2 * values, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(len(x), -1, self.values)


class RetinaFace(nn.Module):
    """The RetinaFace network.

    BGR minus (104, 117, 123), (n, 3, h, w) -> probability of a face (n, k), box offsets (n, k, 4),
    landmark offsets (n, k, 10).
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict(
            {
                "stage1": _stage(8, 16, 32, 32, 64, 64, stem=True, strides=(1, 2, 1, 2, 1)),
                "stage2": _stage(64, 128, 128, 128, 128, 128, 128, strides=(2, 1, 1, 1, 1, 1)),
                "stage3": _stage(128, 256, 256, strides=(2, 1)),
            }
        )
        self.fpn = _Pyramid()
        self.ssh1, self.ssh2, self.ssh3 = _Context(), _Context(), _Context()
        self.ClassHead = nn.ModuleList(_Head(2) for _ in STRIDES)
        self.BboxHead = nn.ModuleList(_Head(4) for _ in STRIDES)
        self.LandmarkHead = nn.ModuleList(_Head(10) for _ in STRIDES)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        fine = self.body["stage1"](x)
        middle = self.body["stage2"](fine)
        levels = self.fpn(fine, middle, self.body["stage3"](middle))
        levels = [
            context(level)
            for context, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)
        ]
        outputs = [
            torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], dim=1)
            for heads in (self.ClassHead, self.BboxHead)
        ]
        points = torch.cat(
            [head(level) for head, level in zip(self.LandmarkHead, levels, strict=True)], dim=1
        )
        return outputs[0].softmax(-1)[..., 1], outputs[1], points
