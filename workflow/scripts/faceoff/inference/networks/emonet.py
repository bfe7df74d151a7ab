"""Define EmoNet (Toisoul et al., Nature Machine Intelligence 2021).

It is a face-alignment network whose features, weighted by its heat maps, feed an emotion head.
Written from the paper's description (and Bulat & Tzimiropoulos 2017 for the hourglasses). Modules
are named as in the published state dicts of face-analysis/emonet, so that these load key for key.
The published description says instance normalisation for that network, but its weights are those of
batch normalisation.
"""

import torch
from torch import nn
from torch.nn import functional

# pixels of the input; the head pools what an input of this size leaves to one value per channel
SIDE = 256
WIDTH, LANDMARKS, STACKS, DEPTH = 256, 68, 2, 4


class _Block(nn.Module):
    """A hierarchical, parallel, multi-scale residual block.

    It joins three 3x3 convolutions of 1/2, 1/4 and 1/4 of the width and adds the input.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample: nn.Module | None = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.conv1(functional.relu(self.bn1(x)))
        second = self.conv2(functional.relu(self.bn2(first)))
        third = self.conv3(functional.relu(self.bn3(second)))
        return torch.cat((first, second, third), 1) + (
            x if self.downsample is None else self.downsample(x)
        )


class _Hourglass(nn.Module):
    """Four halvings and four doublings of the resolution.

    At each level one block lies beside (b1), one before (b2) and one after (b3) the levels below.
    """

    def __init__(self) -> None:
        super().__init__()
        for level in range(1, DEPTH + 1):
            for part in ("b1", "b2", "b3"):
                self.add_module(f"{part}_{level}", _Block(WIDTH, WIDTH))
        self.b2_plus_1 = _Block(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, level: int = DEPTH) -> torch.Tensor:
        part = self.get_submodule
        low = part(f"b2_{level}")(functional.max_pool2d(x, 2))
        low = self.forward(low, level - 1) if level > 1 else self.b2_plus_1(low)
        return part(f"b1_{level}")(x) + functional.interpolate(
            part(f"b3_{level}")(low), scale_factor=2, mode="nearest"
        )


class EmoNet(nn.Module):
    """The EmoNet network.

    (n, 3, 256, 256) RGB in 0–1 -> (n, classes + 2): logits of the classes, then valence and
    arousal, both unbounded.
    """

    def __init__(self, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2, self.conv3, self.conv4 = _Block(64, 128), _Block(128, 128), _Block(128, WIDTH)
        for stack in range(STACKS):
            self.add_module(f"m{stack}", _Hourglass())
            self.add_module(f"top_m_{stack}", _Block(WIDTH, WIDTH))
            self.add_module(f"conv_last{stack}", nn.Conv2d(WIDTH, WIDTH, 1))
            self.add_module(f"bn_end{stack}", nn.BatchNorm2d(WIDTH))
            self.add_module(f"l{stack}", nn.Conv2d(WIDTH, LANDMARKS, 1))
            if stack < STACKS - 1:
                self.add_module(f"bl{stack}", nn.Conv2d(WIDTH, WIDTH, 1))
                self.add_module(f"al{stack}", nn.Conv2d(LANDMARKS, WIDTH, 1))
        self.conv1x1_input_emo_2 = nn.Conv2d(WIDTH * (STACKS + 1), WIDTH, 1)
        self.emo_net_2 = nn.Sequential(
            *(layer for _ in range(4) for layer in (_Block(WIDTH, WIDTH), nn.MaxPool2d(2)))
        )
        self.emo_fc_2 = nn.Sequential(
            nn.Linear(WIDTH, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, classes + 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        part = self.get_submodule
        x = functional.relu(self.bn1(self.conv1(x)))
        low = self.conv4(self.conv3(functional.max_pool2d(self.conv2(x), 2)))
        entering, features = low, []
        for stack in range(STACKS):
            seen = part(f"top_m_{stack}")(part(f"m{stack}")(entering))
            seen = functional.relu(part(f"bn_end{stack}")(part(f"conv_last{stack}")(seen)))
            heat = part(f"l{stack}")(seen)
            if stack < STACKS - 1:
                seen = part(f"bl{stack}")(seen)
                entering = entering + seen + part(f"al{stack}")(heat)
            features.append(seen)
        # Attention: both stacks' features are weighted by the sum of the last stack's heat maps.
        weighted = torch.cat(features, 1) * heat.sum(1, keepdim=True)
        emotion = self.emo_net_2(self.conv1x1_input_emo_2(torch.cat((low, weighted), 1)))
        return self.emo_fc_2(functional.avg_pool2d(emotion, 4).flatten(1))
