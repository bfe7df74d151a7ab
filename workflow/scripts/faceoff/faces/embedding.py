"""Describe a face by numbers that are near each other for faces of one person.

Two networks of face-api, on the CPU: one finds 68 landmarks, so that the faces of every detector
are aligned alike; the other, dlib's ResNet, reads the aligned face (King 2017, dlib.net).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from faceoff.faces.crops import aligned, crop, square
from faceoff.inference.runtimes import Runtime
from faceoff.plugins.protocols import RGB, Box, CropSpec
from faceoff.statistics.arrays import Floats

SIZE = 128
_MEAN = np.array([122.782, 117.001, 104.298], np.float32)
_SIDE = 150
# Corners of the eyes and the base of the nose, of 68 landmarks, and where dlib lays them
# (image_transforms/interpolation.h, get_face_chip_details, padding 0.25).
_POINTS = [45, 42, 36, 39, 33]
_MEAN_SHAPE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
_TARGET = _SIDE * (_MEAN_SHAPE + 0.25) / 1.5


class FaceEmbedding:
    """Compute 128 numbers per face. files: by the roles of `assets.face_embedding`."""

    _crop = CropSpec(size=(112, 112))

    def __init__(self, files: Mapping[str, Path]):
        self._landmarks = _network(files, "landmarks", "face_api_landmarks")
        self._recognition = _network(files, "recognition", "face_api_recognition")

    def embed(self, image: RGB, boxes: Sequence[Box]) -> Floats:
        """Return (n, 128) for faces by their canonical boxes; NaN where one has no landmarks.

        Two faces of one person are less than 0.6 apart as a rule, by Euclidean distance.
        """
        found = np.full((len(boxes), SIZE), np.nan)
        crops = np.stack([crop(image, box, self._crop) for box in boxes])
        points = self._landmarks.run(_normalised(crops))[0].reshape(len(boxes), 68, 2)
        for row, (box, shares) in enumerate(zip(boxes, points[:, _POINTS], strict=True)):
            x, y, side, _ = square(box, 0.0)
            try:
                face = aligned(image, [x, y] + side * shares, _TARGET, (_SIDE, _SIDE))
            except ValueError:
                continue
            found[row] = self._recognition.run(_normalised(face[None]))[0][0]
        return found


def _network(files: Mapping[str, Path], role: str, architecture: str) -> Runtime:
    from faceoff.inference.tfjs.card import tfjs  # ONNX comes with the networks that need it

    weights = {"manifest": files[f"{role}_manifest"], "weights": files[role]}
    return tfjs(weights, {"architecture": architecture, "batch": 1}, 0)


def _normalised(crops: np.ndarray) -> np.ndarray:
    return (crops.astype(np.float32) - _MEAN) / np.float32(255)
