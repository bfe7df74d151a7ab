"""Detect faces with Ultra-Light-Fast-Generic-Face-Detector-1MB (Linzaer), variant RFB.

It runs in onnxruntime; its graph decodes the anchors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceoff.faces import boxes as geometry
from faceoff.inference.runtimes import Onnx
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "ultraface_320": {
        "class": "UltraFace",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime", "cv2"]},
        "assets": {
            "weights": {
                "file": "version-RFB-320.onnx",
                "sha256": "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017",
                "urls": [
                    "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB/raw/"
                    "dffdddda9794a50607cba8f318507a28c1c27cab/models/onnx/version-RFB-320.onnx"
                ],
                "size": 1270727,
                "licence": "MIT",
                "source": "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB",
            }
        },
        "options": {"nms_threshold": 0.3},
        "threshold": 0.7,
        "min_size": 8,
        "calibration": {"dx": -0.0062, "dy": 0.0007, "sx": 1.0851, "sy": 1.002},
        "licence": "MIT",
        "source": "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB",
    },
    "ultraface_640": {
        "class": "UltraFace",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime", "cv2"]},
        "assets": {
            "weights": {
                "file": "version-RFB-640.onnx",
                "sha256": "8f4c659275977e7a3bfbfa339a9c769ad793df50f9c0baa8c14b11baa1646430",
                "urls": [
                    "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB/raw/"
                    "dffdddda9794a50607cba8f318507a28c1c27cab/models/onnx/version-RFB-640.onnx"
                ],
                "size": 1588012,
                "licence": "MIT",
                "source": "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB",
            }
        },
        "options": {"nms_threshold": 0.3},
        "threshold": 0.7,
        "min_size": 8,
        "calibration": {"dx": -0.0045, "dy": 0.0155, "sx": 1.0418, "sy": 0.9883},
        "licence": "MIT",
        "source": "https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB",
    },
}
CANDIDATES = 200  # as published: only so many boxes enter the suppression


class UltraFace:
    """Pictures are stretched to 4:3 as its authors do, whatever their shape; no landmarks."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._network = Onnx(assets["weights"])
        _, height, width = self._network.input_shape
        if height is None or width is None:
            raise ValueError(f"{assets['weights']}: the network's input has no fixed size")
        self._size = (width, height)
        self._threshold, self._overlap = card["threshold"], card["options"]["nms_threshold"]

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        stretched = cv2.resize(image, self._size, interpolation=cv2.INTER_LINEAR)
        pixels = (stretched.astype(np.float32) - 127) / 128
        confidences, corners = self._network.run(pixels.transpose(2, 0, 1)[None])
        scores = confidences[0, :, 1]
        sure = np.flatnonzero(scores > self._threshold)
        sure = sure[np.argsort(-scores[sure], kind="stable")][:CANDIDATES]
        # The published suppression works on shares of the picture's sides.
        kept = sure[geometry.nms(corners[0, sure], scores[sure], self._overlap)]
        return geometry.faces(corners[0, kept] * np.tile(image.shape[1::-1], 2), scores[kept])
