"""Detect faces with BlazeFace (Bazarevsky et al. 2019).

This is MediaPipe's front-camera network of 2019, as converted to PyTorch by hollance.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import boxes as geometry
from faceoff.inference.torch_devices import Torch, torch_device
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "blazeface": {
        "class": "BlazeFace",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "assets": {
            "weights": {
                "file": "blazeface.pth",
                "sha256": "54ecff653feaaaf1f7d44b6aff28fd2fc50e483a4e847563b6dd261369c43ba4",
                "urls": [
                    "https://github.com/hollance/BlazeFace-PyTorch/raw/"
                    "852bfd8e3d44ed6775761105bdcead4ef389a538/blazeface.pth"
                ],
                "size": 420224,
                "licence": "Apache-2.0",
                "source": "https://github.com/hollance/BlazeFace-PyTorch",
            },
            "anchors": {
                "file": "anchors.npy",
                "sha256": "a10bb2fb93ab54ca426d6c750bfc3aad685028a16dcf231357d03694f261fd95",
                "urls": [
                    "https://github.com/hollance/BlazeFace-PyTorch/raw/"
                    "852bfd8e3d44ed6775761105bdcead4ef389a538/anchors.npy"
                ],
                "size": 28800,
                "licence": "Apache-2.0",
                "source": "https://github.com/hollance/BlazeFace-PyTorch",
            },
        },
        "options": {"nms_threshold": 0.3},
        "threshold": 0.75,
        "min_size": 8,
        "calibration": {"dx": -0.0023, "dy": -0.1044, "sx": 0.9564, "sy": 1.2336},
        "licence": "Apache-2.0",
        "source": "https://github.com/hollance/BlazeFace-PyTorch",
    }
}
BATCH = 16


class BlazeFace:
    """A detector for faces that fill a good part of the picture.

    The network sees the picture letterboxed at 128 pixels. It gives no mouth corners, so no five
    landmarks.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from faceoff.inference.checkpoints import fill
        from faceoff.inference.networks import blazeface

        self._side = blazeface.SIDE
        self._network = Torch(
            fill(blazeface.BlazeFace(), assets["weights"]).to(torch_device()), BATCH
        )
        # (896, 4): centre and size as shares of the input
        self._anchors = np.load(assets["anchors"], allow_pickle=False)
        self._threshold, self._overlap = card["threshold"], card["options"]["nms_threshold"]

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        if not images:
            return []
        views = [geometry.letterbox(image, self._side) for image in images]
        pixels = (
            np.stack([view.transpose(2, 0, 1) for view, _, _ in views]).astype(np.float32) / 127.5
            - 1
        )
        return [
            self._faces(*outputs, *view[1:])
            for *outputs, view in zip(*self._network.run(pixels), views, strict=True)
        ]

    def _faces(
        self, logits: np.ndarray, offsets: np.ndarray, back: np.ndarray, border: np.ndarray
    ) -> list[Face]:
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(float), -100, 100)))
        sure = np.flatnonzero(scores >= self._threshold)
        anchors = self._anchors[sure]
        centres = offsets[sure, :2] * anchors[:, 2:] + self._side * anchors[:, :2]
        halves = offsets[sure, 2:4] * anchors[:, 2:] / 2
        found, scores = geometry.blend(
            np.concatenate([centres - halves, centres + halves], axis=1),
            scores[sure],
            self._overlap,
        )
        return geometry.faces((found - np.tile(border, 2)) * np.tile(back, 2), scores)
