"""Define DDAMFN (Zhang et al., Electronics 12(17), 2023).

It is a mixed-kernel MobileFaceNet (MixedFeatureNet) with dual-direction attention heads, written
from the paper's description. Modules are named as in the checkpoints of simon20010923/DDAMFN, so
that these load key for key. Some parameters of those checkpoints are never used to predict
(normalisation and PReLU beside the mixed convolutions, a second map in each head, a normalisation
of the logits); they are declared but not used. DDAMFN++ is the same network, trained and aligned
otherwise.
"""

import torch
from torch import nn
from torch.nn import functional

SIDE = 112  # pixels of the input


class _Convolution(nn.Module):
    """Convolution without bias, batch normalisation and, unless linear, PReLU per channel."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        linear: bool = False,
    ):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = None if linear else nn.PReLU(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return x if self.prelu is None else self.prelu(x)


def _depthwise(channels: int, kernel: int | tuple[int, int]) -> _Convolution:
    return _Convolution(channels, channels, kernel, groups=channels, linear=True)


class _DirectionMaps(nn.Module):
    """The common part of both coordinate attentions.

    A map along each direction -> one bottleneck -> a gate (n, c, h, 1) and one (n, c, 1, w).
    """

    def __init__(self, channels: int):
        super().__init__()
        narrow = max(8, channels // 32)
        self.conv1 = nn.Conv2d(channels, narrow, 1)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2, self.conv3 = nn.Conv2d(narrow, channels, 1), nn.Conv2d(narrow, channels, 1)

    def gates(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return the product (n, c, h, w) of the gates.

        rows: (n, c, h, 1); columns: (n, c, 1, w).
        """
        joined = functional.hardswish(
            self.bn1(self.conv1(torch.cat((rows, columns.transpose(2, 3)), 2)))
        )
        rows, columns = joined.split((rows.shape[2], columns.shape[3]), 2)
        return self.conv3(columns.transpose(2, 3)).sigmoid() * self.conv2(rows).sigmoid()


class _CoordinateAttention(_DirectionMaps):
    """Coordinate attention (Hou et al. 2021): the maps are means along each direction."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gates(x.mean(3, keepdim=True), x.mean(2, keepdim=True))


class _DirectionAttention(_DirectionMaps):
    """The head's attention on 7 x 7 maps; learned weights sum each direction."""

    def __init__(self, channels: int):
        super().__init__(channels)
        self.Linear_h, self.Linear_w = _depthwise(channels, (1, 7)), _depthwise(channels, (7, 1))
        self.Linear = _depthwise(channels, 7)  # in the checkpoints, unused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gates(self.Linear_h(x), self.Linear_w(x))


class _Head(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.CoordAtt = _DirectionAttention(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.CoordAtt(x)


class _MixedConvolution(nn.Module):
    """Depthwise convolutions of several kernel sizes, each on its share of the channels."""

    def __init__(self, kernels: tuple[int, ...], shares: tuple[int, ...], stride: int):
        super().__init__()
        self._shares = shares
        self.mixed_depthwise_conv = nn.ModuleList(
            nn.Conv2d(share, share, kernel, stride, kernel // 2, groups=share, bias=False)
            for kernel, share in zip(kernels, shares, strict=True)
        )
        # in the checkpoints, unused
        self.bn, self.prelu = nn.BatchNorm2d(sum(shares)), nn.PReLU(sum(shares))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(
            [
                convolution(part)
                for convolution, part in zip(
                    self.mixed_depthwise_conv, x.split(self._shares, 1), strict=True
                )
            ],
            1,
        )


class _Bottleneck(nn.Module):
    """A block that expands, convolves depthwise with mixed kernels, attends and projects.

    With `residual` it adds its input.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernels: tuple[int, ...],
        shares: tuple[int, ...],
        residual: bool,
    ):
        super().__init__()
        self._residual = residual
        self.conv = _Convolution(inputs, sum(shares))
        self.conv_dw = _MixedConvolution(kernels, shares, 1 if residual else 2)
        self.CA = _CoordinateAttention(sum(shares))
        self.project = _Convolution(sum(shares), outputs, linear=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.CA(self.conv_dw(self.conv(x))))
        return x + y if self._residual else y


class _Stage(nn.Module):
    def __init__(
        self, channels: int, count: int, kernels: tuple[int, ...], shares: tuple[int, ...]
    ):
        super().__init__()
        self.model = nn.Sequential(
            *(_Bottleneck(channels, channels, kernels, shares, residual=True) for _ in range(count))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class DDAMFN(nn.Module):
    """(n, 3, 112, 112) RGB, normalised -> (n, classes) logits."""

    def __init__(self, classes: int, heads: int = 2):
        super().__init__()
        self.features = nn.Sequential(  # 112 px -> (512, 7, 7)
            _Convolution(3, 64, 3, 2, 1),
            _Convolution(64, 64, 3, 1, 1, groups=64),
            _Bottleneck(64, 64, (3, 5, 7), (64, 32, 32), residual=False),
            _Stage(64, 9, (3, 5), (96, 32)),
            _Bottleneck(64, 128, (3, 5, 7), (128, 64, 64), residual=False),
            _Stage(128, 16, (3, 5), (192, 64)),
            _Bottleneck(128, 256, (3, 5, 7, 9), (256, 256, 256, 256), residual=False),
            _Stage(256, 6, (3, 5, 7), (172, 170, 170)),
            _Convolution(256, 512),
        )
        self._heads = [f"cat_head{index}" for index in range(heads)]
        for name in self._heads:
            self.add_module(name, _Head(512))
        self.Linear = _depthwise(512, 7)
        self.fc = nn.Linear(512, classes)
        self.bn = nn.BatchNorm1d(classes)  # in the checkpoints, unused

    def attend(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the features (n, 512), and the attention (n, 512, 7, 7) of each head."""
        x = self.features(x)
        maps = [self.get_submodule(name)(x) for name in self._heads]
        return self.Linear(x * torch.stack(maps).amax(0)).flatten(1), maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.attend(x)[0])
