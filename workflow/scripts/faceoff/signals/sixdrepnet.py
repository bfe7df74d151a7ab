"""Measure head pose by 6DRepNet (Hempel, Abdelrahman & Al-Hamadi 2022, ICIP).

Its authors publish PyTorch weights without a hash; export them to ONNX and give that file. It was
never run here with real weights: the signs are those of the axes that the authors' own
`draw_axis` draws.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plugins.protocols import Crops, CropSpec, SignalReading
from faceoff.signals._given_onnx import GivenNetwork
from faceoff.statistics import rotations
from faceoff.storage.columns import POSE

SIGNALS = {
    "sixdrepnet": {
        "class": "SixDRepNet",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime"]},
        "checkpoint": {
            "file": "6DRepNet.onnx, exported from its authors' checkpoint",
            "url": "https://github.com/thohemp/6DRepNet",
        },
        "options": {"weights": None, "sha256": None},
        "licence": "MIT",
        "source": "https://github.com/thohemp/6DRepNet",
        "error": {"pose_yaw": "mean absolute error 3.63° on AFLW2000, as its authors state"},
        "notes": "head pose in degrees, trained on 300W-LP; never run here with real weights",
    }
}


class SixDRepNet:
    """Head pose from a rotation matrix, or from the six numbers that make one."""

    # The authors enlarge the detector's box by a fifth of its sides in each direction.
    crop = CropSpec(size=(224, 224), channels=3, margin=0.4, interpolation="linear")
    columns = POSE

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        self._network = GivenNetwork({key: options[key] for key in ("weights", "sha256")})

    def read(self, crops: Crops) -> SignalReading:
        (output, *_) = self._network.run(crops)
        if output.shape[1:] == (6,):
            turned = from_six(output.astype(np.float64))
        elif output.shape[1:] == (3, 3):
            turned = output.astype(np.float64)
        else:
            raise ValueError(
                f"{self._network.file}: gives {output.shape[1:]} numbers for a face; expected a "
                "rotation matrix (3, 3) or six numbers"
            )
        found = rotations.angles(as_drawn(turned))
        return SignalReading(dict(zip(POSE, found, strict=True)), np.ones(len(crops), bool))


def from_six(numbers: np.ndarray) -> np.ndarray:
    """Return rotations (n, 3, 3) whose first two columns go along (n, 6) numbers.

    Zhou et al. 2019, On the continuity of rotation representations in neural networks.
    """
    first, raw = numbers[:, :3], numbers[:, 3:]
    first = first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-8)
    third = np.cross(first, raw)
    third = third / np.maximum(np.linalg.norm(third, axis=1, keepdims=True), 1e-8)
    return np.stack([first, np.cross(third, first), third], axis=2)


def as_drawn(matrix: np.ndarray) -> np.ndarray:
    """Return the network's rotations (n, 3, 3) in the frame of `statistics.rotations`.

    The network's is R_z(roll) R_y(yaw) R_x(pitch); `draw_axis` draws R_x(pitch) R_y(−yaw)
    R_z(roll), x to the right, y down, z out of the picture.
    """
    pitch = np.degrees(np.arctan2(matrix[:, 2, 1], matrix[:, 2, 2]))
    yaw = np.degrees(np.arctan2(-matrix[:, 2, 0], np.hypot(matrix[:, 0, 0], matrix[:, 1, 0])))
    roll = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    zero = np.zeros_like(yaw)
    return np.asarray(
        rotations.rotations(zero, pitch, zero)
        @ rotations.rotations(-yaw, zero, zero)
        @ rotations.rotations(zero, zero, roll)
    )
