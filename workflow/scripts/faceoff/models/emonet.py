"""Run EmoNet (Toisoul et al. 2021): emotion, valence and arousal from one network.

It was trained on AffectNet.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.emotions import AFFECTNET_ORDER
from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import CropSpec, Prediction

# The authors publish no hashes. These are in two independent public repositories, one with git LFS
# pointers, one with the download's check. Code and weights are for non-commercial use and may not
# be passed on changed, so none of them are here.
MODELS = {
    "emonet_5": {
        "class": "EmoNet5",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "assets": {
            "weights": {
                "file": "emonet_5.pth",
                "sha256": "1d8fac689dc04fc65a8a25c050bd5888e1fc794fcf71c2b20a1f2e6b78d933dd",
                "urls": [
                    "https://github.com/face-analysis/emonet/raw/"
                    "49eef301513686d6cfd8304682d3ba7216baf398/pretrained/emonet_5.pth"
                ],
                "size": 56085615,
                "licence": "CC BY-NC-ND 4.0",
                "source": "https://github.com/face-analysis/emonet",
            }
        },
        "outputs": ["emotions", "valence", "arousal"],
        "lineage": "emonet-5",
        "licence": "CC BY-NC-ND 4.0",
        "training_data": {"affectnet": ["train"]},
        "source": "https://github.com/face-analysis/emonet",
        "published": [
            {
                "task": "AffectNet, the authors' cleaned test set, 5 classes",
                "accuracy": 0.82,
                "note": "valence CCC 0.90, arousal CCC 0.80; not the official validation set",
            }
        ],
    },
    "emonet_8": {
        "class": "EmoNet8",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "assets": {
            "weights": {
                "file": "emonet_8.pth",
                "sha256": "52918cffba56f31886e6959f6837266a5f7ef5c0a552baf4c6dabe1e8fa9bc97",
                "urls": [
                    "https://github.com/face-analysis/emonet/raw/"
                    "49eef301513686d6cfd8304682d3ba7216baf398/pretrained/emonet_8.pth"
                ],
                "size": 56087163,
                "licence": "CC BY-NC-ND 4.0",
                "source": "https://github.com/face-analysis/emonet",
            }
        },
        "outputs": ["emotions", "valence", "arousal"],
        "lineage": "emonet-8",
        "licence": "CC BY-NC-ND 4.0",
        "training_data": {"affectnet": ["train"]},
        "source": "https://github.com/face-analysis/emonet",
        "published": [
            {
                "task": "AffectNet, the authors' cleaned test set, 8 classes",
                "accuracy": 0.75,
                "note": (
                    "valence CCC 0.82, arousal CCC 0.75; not the official validation set; users "
                    "report 52 and 38 % (issues 22 and 18)"
                ),
            }
        ],
    },
}

# On a CPU no size is faster per picture (0.3 s on one thread), and one picture alone costs a whole
# batch.
BATCH = 4


class _EmoNet:
    """The authors' network on the face, tightly framed: they crop by the box of the landmarks."""

    emotions: tuple[str, ...]
    crop = CropSpec(size=(256, 256), channels=3, margin=0.0)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from faceoff.inference.checkpoints import fill
        from faceoff.inference.networks.emonet import EmoNet
        from faceoff.inference.torch_devices import Torch, torch_device

        self._network = Torch(
            fill(EmoNet(len(self.emotions)), assets["weights"]).to(torch_device()),
            BATCH,
            more_on_gpu=True,
        )

    def predict(self, crops: np.ndarray) -> Prediction:
        """Return the prediction, with valence and arousal clipped to [-1, 1] as the authors do."""
        inputs = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
        outputs = self._network.run(inputs)[0].astype(np.float64)
        affect = np.clip(outputs[:, -2:], -1, 1)
        return Prediction(
            posterior=softmax(outputs[:, :-2]), valence=affect[:, 0], arousal=affect[:, 1]
        )


class EmoNet5(_EmoNet):
    """A variant with five classes, of which the fifth is anger.

    The README says fear, but the authors' loader keeps AffectNet's classes 0, 1, 2, 3 and 6, and
    maps 6 to 4.
    """

    emotions = ("neutral", "happiness", "sadness", "surprise", "anger")


class EmoNet8(_EmoNet):
    """Eight classes in AffectNet's order."""

    emotions = AFFECTNET_ORDER
