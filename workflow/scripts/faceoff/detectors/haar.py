"""Viola–Jones cascade as OpenCV ships it (haarcascade_frontalface_default)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "haar": {
        "class": "Haar",
        "framework": "onnx",
        "requires": {"modules": ["cv2"]},
        "assets": {
            "cascade": {
                "package": "cv2",
                "file": "data/haarcascade_frontalface_default.xml",
                "sha256": "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0",
                "size": 930127,
            }
        },
        "options": {"scale_factor": 1.1, "min_neighbors": 5},
        "threshold": 0.0,
        "min_size": 32,
        "calibration": {"dx": 0.0018, "dy": 0.0495, "sx": 0.8191, "sy": 1.0555},
        "licence": "Intel License Agreement For Open Source Computer Vision Library",
        "source": "https://github.com/opencv/opencv/tree/4.x/data/haarcascades",
    }
}


_WINDOW = 24  # pixels: the side of the faces that the cascade was trained on
# OpenCV keeps some 50 bytes per pixel of the largest level of its pyramid. Levels above this size
# are left out, and with them faces below 24 pixels of such a level: in a picture of 100 megapixels
# those below 70 pixels. All other faces are the same to the bit.
_LARGEST_LEVEL = 12_000_000


class Haar:
    """Grey-scale cascade; the score is the weight of the last stage."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._cascade = cv2.CascadeClassifier(str(assets["cascade"]))
        self._options = card["options"]
        self._side = int(card["min_size"])

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        side = max(self._side, math.ceil(_WINDOW * math.sqrt(grey.size / _LARGEST_LEVEL)))
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey,
            scaleFactor=self._options["scale_factor"],
            minNeighbors=self._options["min_neighbors"],
            minSize=(side, side),
            outputRejectLevels=True,
        )
        return [
            Face(box=(float(x), float(y), float(w), float(h)), score=float(weight))
            for (x, y, w, h), weight in zip(boxes, weights, strict=True)
        ]
