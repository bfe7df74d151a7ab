"""Detect faces with RetinaFace (Deng et al. 2020) on a quarter-width MobileNet.

biubug6 trained it on WIDER FACE. The file `mobilenet0.25_Final.pth` belongs to
biubug6/Face-Detector-1MB-with-landmark: plain rectifiers and anchors of 10 to 256 pixels. A file of
the same name in Pytorch_Retinaface has the same keys but needs leaky rectifiers and anchors of 16
to 512; hence the hash.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import boxes as geometry
from faceoff.inference.torch_devices import Torch, torch_device
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "retinaface": {
        "class": "RetinaFace",
        "framework": "torch",
        "requires": {"modules": ["torch"]},
        "assets": {
            "weights": {
                "file": "mobilenet0.25_Final.pth",
                "sha256": "ed6fa7d45a5179f03cb5ce82c73b0c6711372968e53782e88395acee88d319e1",
                "urls": [
                    "https://github.com/biubug6/Face-Detector-1MB-with-landmark/raw/"
                    "2b075657aef954b9426f938ac7fce100b6910fe6/weights/mobilenet0.25_Final.pth"
                ],
                "size": 1789735,
                "licence": "MIT",
                "source": "https://github.com/biubug6/Face-Detector-1MB-with-landmark",
            }
        },
        "options": {"longest_side": 640, "nms_threshold": 0.4},
        "threshold": 0.6,
        "min_size": 8,
        "calibration": {"dx": -0.0035, "dy": -0.0045, "sx": 1.0726, "sy": 1.0003},
        "licence": "MIT",
        "source": "https://github.com/biubug6/Face-Detector-1MB-with-landmark",
    }
}
SMALL = 256 * 256  # pictures of at most this many pixels run in batches; larger ones gain nothing
BATCH = 16
MEAN = np.array([104, 117, 123], np.float32)  # of blue, green, red


class RetinaFace:
    """A detector that gives boxes and five landmarks.

    Frames are shrunk to the longest side, never enlarged (the detector key `upscale` does that).
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from faceoff.inference.checkpoints import fill
        from faceoff.inference.networks import retinaface

        self._options, self._threshold = card["options"], card["threshold"]
        network = fill(retinaface.RetinaFace(), assets["weights"]).to(torch_device())
        self._one, self._many = Torch(network, 1), Torch(network, BATCH)
        self._priors = lru_cache(maxsize=8)(
            lambda shape: geometry.priors(shape, retinaface.STRIDES, retinaface.SIDES)
        )

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        views = [geometry.shrink(image, self._options["longest_side"]) for image in images]
        places = defaultdict(list)  # shape -> indices of the pictures of that shape
        for index, (view, _) in enumerate(views):
            places[view.shape[:2]].append(index)
        faces: list[list[Face]] = [[] for _ in images]
        for (height, width), indices in places.items():
            inputs = np.stack(
                [(views[index][0][..., ::-1] - MEAN).transpose(2, 0, 1) for index in indices]
            )
            runtime = self._many if height * width <= SMALL else self._one
            scores, offsets, points = runtime.run(inputs)
            for row, index in enumerate(indices):
                faces[index] = self._faces(
                    scores[row], offsets[row], points[row], (height, width), views[index][1]
                )
        return faces

    def _faces(
        self,
        scores: np.ndarray,
        offsets: np.ndarray,
        points: np.ndarray,
        shape: tuple[int, int],
        back: np.ndarray,
    ) -> list[Face]:
        sure = np.flatnonzero(scores >= self._threshold)
        anchors = self._priors(shape)[sure]
        corners = geometry.decode_boxes(offsets[sure], anchors)
        kept = geometry.nms(corners, scores[sure], self._options["nms_threshold"], border=1)
        landmarks = geometry.decode_points(points[sure][kept], anchors[kept])
        boxes = corners[kept] * np.tile(back, 2)
        return geometry.faces(boxes, scores[sure][kept], landmarks * back)
