"""Detect faces with MTCNN (Zhang et al. 2016) and the weights that facenet-pytorch carries.

A pyramid of pictures passes three increasingly strict networks, which are that package's. The code
around them follows its MTCNN.detect number for number (tests/conformance), 1.3 to 1.8 times as fast
(docs/detectors.md). Where the original raises an exception (sides below 20 pixels, candidates
outside the picture), this code goes on. Pictures run one by one: each has its own number of
candidates, and the bits of a batch's rows depend on its length.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceoff.faces import boxes as geometry
from faceoff.inference.torch_devices import Torch, prepare_torchvision, torch_device
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "mtcnn": {
        "class": "MTCNN",
        "framework": "torch",
        "requires": {"modules": ["torch", "torchvision", "facenet_pytorch"]},
        "assets": {
            "pnet": {
                "package": "facenet_pytorch",
                "file": "data/pnet.pt",
                "sha256": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
                "size": 28570,
            },
            "rnet": {
                "package": "facenet_pytorch",
                "file": "data/rnet.pt",
                "sha256": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
                "size": 403147,
            },
            "onet": {
                "package": "facenet_pytorch",
                "file": "data/onet.pt",
                "sha256": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
                "size": 1559269,
            },
        },
        "options": {
            "longest_side": 1280,
            "min_face": 20,
            "factor": 0.709,
            "thresholds": [0.6, 0.7],
        },
        "threshold": 0.7,
        "min_size": 8,
        "calibration": {"dx": -0.0018, "dy": -0.0012, "sx": 1.0292, "sy": 1.0026},
        "licence": "MIT",
        "source": "https://github.com/timesler/facenet-pytorch",
    }
}


class MTCNN:
    """The MTCNN detector.

    thresholds: those of the first two networks; the card's `threshold` is that of the third.

    min_face: in pixels.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from faceoff.inference.checkpoints import fill

        prepare_torchvision()
        from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

        self._options, self._threshold = card["options"], card["threshold"]
        self._pnet, self._rnet, self._onet = (
            fill(network(pretrained=False), assets[role]).to(torch_device())
            for role, network in (("pnet", PNet), ("rnet", RNet), ("onet", ONet))
        )

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        image, back = geometry.shrink(image, self._options["longest_side"])
        means = AreaMeans(image)
        candidates = self._propose(means)
        candidates = self._refine(means, candidates)
        corners, scores, points = self._output(means, candidates)
        return geometry.faces(corners * np.tile(back, 2), scores, points * back)

    def _propose(self, means: "AreaMeans") -> np.ndarray:
        """Return the squares that the first network takes for faces: (n, 4)."""
        height, width = means.shape
        scale = 12 / self._options["min_face"]
        proposals, scores, offsets = [], [], []
        while min(height, width) * scale >= 12:
            size = (int(height * scale + 1), int(width * scale + 1))
            (regression,), (probability,) = _run(self._pnet, means.resized(size))
            rows, columns = np.nonzero(probability >= self._options["thresholds"][0])
            corners = 2 * np.stack([columns, rows, columns, rows], axis=1) + [1, 1, 12, 12]
            # in single precision, as the library: 12 / 0.6 decides
            windows = np.floor(corners.astype(np.float32) / np.float32(scale))
            kept = geometry.nms(windows, probability[rows, columns], 0.5)
            proposals.append(windows[kept])
            scores.append(probability[rows, columns][kept])
            offsets.append(regression[:, rows, columns].T[kept])
            scale *= self._options["factor"]
        if not proposals:
            return np.zeros((0, 4), np.float32)
        windows, moves = np.concatenate(proposals), np.concatenate(offsets)
        kept = geometry.nms(windows, np.concatenate(scores), 0.7)
        return _squared(_moved(windows[kept], moves[kept], border=0))

    def _refine(self, means: "AreaMeans", candidates: np.ndarray) -> np.ndarray:
        """Return the squares that the second network keeps, moved by it."""
        candidates, pixels = means.crops(candidates, 24)
        moves, probability = _run(self._rnet, pixels)
        sure = probability > self._options["thresholds"][1]
        candidates, moves = candidates[sure], moves[sure]
        kept = geometry.nms(candidates, probability[sure], 0.7)
        return _squared(_moved(candidates[kept], moves[kept], border=1))

    def _output(
        self, means: "AreaMeans", candidates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the third network's boxes (n, 4), scores (n,) and landmarks (n, 5, 2)."""
        candidates, pixels = means.crops(candidates, 48)
        moves, points, probability = _run(self._onet, pixels)
        sure = probability > self._threshold
        candidates, scores = candidates[sure], probability[sure]
        sides = candidates[:, 2:] - candidates[:, :2] + 1
        landmarks = (
            points[sure].reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None]
            + candidates[:, None, :2]
            - 1
        )
        moved = _moved(candidates, moves[sure], border=1)
        kept = geometry.nms(moved, scores, 0.7, border=1, over="smaller")
        return moved[kept], scores[kept], landmarks[kept]


def _run(network: Any, pixels: np.ndarray) -> list[np.ndarray]:
    """Return a network's outputs for pixels (n, h, w, 3) of 0–255, all at once.

    The last one is the probability of a face.
    """
    inputs = np.ascontiguousarray(((pixels - 127.5) / 128).transpose(0, 3, 1, 2), dtype=np.float32)
    *outputs, probabilities = Torch(network, batch=None).run(inputs)
    return [*outputs, probabilities[:, 1]]


def _moved(squares: np.ndarray, offsets: np.ndarray, border: int) -> np.ndarray:
    """Return corners moved by offsets (n, 4) in units of each box's sides (plus `border`)."""
    sides = squares[:, 2:] - squares[:, :2] + border
    return squares + offsets * np.tile(sides, 2)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Return each box as a square of its longer side about the same centre."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + sides / 2 - longer / 2
    return np.concatenate([corner, corner + longer], axis=1)


class AreaMeans:
    """A picture resampled by area averaging to many sizes, from one integral image.

    An output pixel is the mean over rows floor(i·h/n) to ceil((i+1)·h/n) and the same columns, as
    in PyTorch's `interpolate(mode="area")`.
    """

    def __init__(self, image: RGB):
        self.shape = image.shape[:2]
        # (height + 1, width + 1, 3)
        self._sums = cv2.integral(np.ascontiguousarray(image), sdepth=cv2.CV_64F)

    def resized(self, size: tuple[int, int]) -> np.ndarray:
        """Return the whole picture at (height, width): (1, height, width, 3)."""
        (top, bottom), (left, right) = (
            _bins(np.zeros(1, int), np.array([side]), n)
            for side, n in zip(self.shape, size, strict=True)
        )
        rows = self._sums[bottom[0]] - self._sums[top[0]]
        area = (bottom - top).T * (right - left)
        return (rows[:, right[0]] - rows[:, left[0]])[None] / area[None, :, :, None]

    def crops(self, boxes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes that show a part of the picture, and their pixels: (n, side, side, 3).

        Corners are cut to whole pixels counted from 1, both included; the outside of the picture is
        not shown.
        """
        corners = np.trunc(boxes).astype(int)
        first = np.maximum(corners[:, :2], 1) - 1
        last = np.minimum(corners[:, 2:], self.shape[::-1])
        visible = (last > first).all(axis=1)
        first, sides = first[visible], (last - first)[visible]
        left, right = _bins(first[:, 0], sides[:, 0], side)
        top, bottom = _bins(first[:, 1], sides[:, 1], side)
        sums, width = self._sums.reshape(-1, 3), self.shape[1] + 1

        def at(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            return sums[(rows * width)[:, :, None] + columns[:, None, :]]

        area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
        total = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)
        return boxes[visible], total / area[..., None]


def _bins(start: np.ndarray, length: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last (excluded) pixel of n bins over each stretch: two arrays (k, n)."""
    index = np.arange(n)
    return start[:, None] + index * length[:, None] // n, start[:, None] - (
        -(index + 1) * length[:, None] // n
    )
