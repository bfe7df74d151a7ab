"""YuNet (Wu et al. 2023) through OpenCV's FaceDetectorYN: variants n and s (fewer parameters).

The published files for 320 and 640 pixels hold the same weights; the size is set by `longest_side`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from faceoff.faces import boxes as geometry
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "yunet": {
        "class": "YuNet",
        "framework": "onnx",
        "requires": {"modules": ["cv2"]},
        "assets": {
            "weights": {
                "file": "yunet_n_640_640.onnx",
                "sha256": "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
                "urls": [
                    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
                    "47198234de8c4646961e46159e02af5b06021a78/onnx/yunet_n_640_640.onnx"
                ],
                "size": 317466,
                "licence": "Apache-2.0",
                "source": "https://github.com/ShiqiYu/libfacedetection.train",
            }
        },
        "options": {"longest_side": 640, "nms_threshold": 0.3},
        "threshold": 0.6,
        "min_size": 8,
        "calibration": {"dx": -0.0017, "dy": -0.0138, "sx": 1.0432, "sy": 1.0276},
        "licence": "Apache-2.0",
        "source": "https://github.com/ShiqiYu/libfacedetection.train",
    },
    "yunet_s": {
        "class": "YuNet",
        "framework": "onnx",
        "requires": {"modules": ["cv2"]},
        "assets": {
            "weights": {
                "file": "yunet_s_640_640.onnx",
                "sha256": "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                "urls": [
                    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
                    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/yunet_s_640_640.onnx"
                ],
                "size": 232589,
                "licence": "Apache-2.0",
                "source": "https://github.com/ShiqiYu/libfacedetection.train",
            }
        },
        "options": {"longest_side": 640, "nms_threshold": 0.3},
        "threshold": 0.6,
        "min_size": 8,
        "calibration": {"dx": 0.0017, "dy": 0.0042, "sx": 1.045, "sy": 1.0189},
        "licence": "Apache-2.0",
        "source": "https://github.com/ShiqiYu/libfacedetection.train",
    },
}


class YuNet:
    """The YuNet detector.

    Frames are shrunk to the longest side, never enlarged (the detector key `upscale` does that).
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._longest = card["options"]["longest_side"]
        self._network = cv2.FaceDetectorYN.create(
            str(assets["weights"]),
            "",
            (320, 320),
            card["threshold"],
            card["options"]["nms_threshold"],
            5000,
        )

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        # Shrunk before the channels change places, which takes a copy of the picture.
        small, rescale = geometry.shrink(image, self._longest)
        self._network.setInputSize(small.shape[1::-1])
        rows = self._network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if rows is None:
            return []
        return [
            Face(
                box=(
                    float(row[0] * rescale[0]),
                    float(row[1] * rescale[1]),
                    float(row[2] * rescale[0]),
                    float(row[3] * rescale[1]),
                ),
                score=float(row[14]),
                landmarks=row[4:14].reshape(5, 2).astype(float) * rescale,
            )
            for row in rows
        ]
