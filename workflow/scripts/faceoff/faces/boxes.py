"""Boxes of face detectors, in numpy: anchors, decoding, suppression of duplicates, and fitting a picture to a network's input.

Boxes are corners (x1, y1, x2, y2) unless a name says centre form (cx, cy, w, h); both as float arrays of shape (n, 4), in pixels.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from faceoff.faces.crops import resize
from faceoff.plugins.protocols import RGB, Face


def overlap(
    box: np.ndarray,
    boxes: np.ndarray,
    border: float = 0.0,
    over: Literal["union", "smaller"] = "union",
) -> np.ndarray:
    """Overlap of one box (4,) with others (n, 4), as a share of their union or of the smaller of the two: (n,), 0–1.

    border: 1 where coordinates name pixels and a box includes its last one (Fast R-CNN and what descends from it), else 0.
    """
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0]) + border
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1]) + border
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = (box[2] - box[0] + border) * (box[3] - box[1] + border)
    areas = (boxes[:, 2] - boxes[:, 0] + border) * (boxes[:, 3] - boxes[:, 1] + border)
    whole = np.minimum(area, areas) if over == "smaller" else area + areas - shared
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)


def nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    border: float = 0.0,
    over: Literal["union", "smaller"] = "union",
) -> np.ndarray:
    """Greedy non-maximum suppression: indices of the boxes kept, best first; equal scores keep their order.

    A box goes when its overlap with a better one that is kept exceeds `threshold`. boxes (n, 4), scores (n,); border, over: see `overlap`.
    """
    boxes = np.asarray(boxes, float)
    left = np.argsort(-np.asarray(scores, float), kind="stable")
    kept = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlap(boxes[best], boxes[left], border, over) <= threshold]
    return np.array(kept, int)


def blend(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """BlazeFace's suppression (Bazarevsky et al. 2019, §4): overlapping boxes are averaged by score, their scores plainly; best first.

    A group is what overlaps its best box by more than `threshold` of their union. Returns boxes (k, 4) and scores (k,).
    """
    boxes, scores = np.asarray(boxes, float), np.asarray(scores, float)
    left = np.argsort(-scores, kind="stable")
    blended, means = [], []
    while left.size:
        near = overlap(boxes[left[0]], boxes[left]) > threshold
        near[0] = True  # a box without area overlaps nothing, not even itself
        group, left = left[near], left[~near]
        blended.append(np.average(boxes[group], axis=0, weights=scores[group]))
        means.append(scores[group].mean())
    return np.array(blended).reshape(-1, 4), np.array(means)


def priors(
    shape: tuple[int, int], strides: Sequence[int], sides: Sequence[Sequence[float]]
) -> np.ndarray:
    """Anchors of an SSD-like network for a picture of (height, width), centre form: level by level, row by row, side by side.

    strides: of each level; sides: the square anchors' sides of each level. Each level has ceil(side of picture / stride) cells.
    """
    levels = []
    for stride, level in zip(strides, sides, strict=True):
        y, x, side = np.meshgrid(
            np.arange(-(-shape[0] // stride)),
            np.arange(-(-shape[1] // stride)),
            np.asarray(level, float),
            indexing="ij",
        )
        levels.append(
            np.stack([(x + 0.5) * stride, (y + 0.5) * stride, side, side], axis=-1).reshape(-1, 4)
        )
    return np.concatenate(levels)


def decode_boxes(
    offsets: np.ndarray, anchors: np.ndarray, variances: tuple[float, float] = (0.1, 0.2)
) -> np.ndarray:
    """Box regression of SSD (Liu et al. 2016, §2.2) undone: offsets (n, 4) to anchors (n, 4) in centre form -> corners (n, 4)."""
    centre = anchors[:, :2] + offsets[:, :2] * variances[0] * anchors[:, 2:]
    half = anchors[:, 2:] * np.exp(offsets[:, 2:] * variances[1]) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def decode_points(offsets: np.ndarray, anchors: np.ndarray, variance: float = 0.1) -> np.ndarray:
    """Landmark regression of RetinaFace (Deng et al. 2020) undone: offsets (n, 2·k) to anchors (n, 4) in centre form -> (n, k, 2)."""
    return (
        anchors[:, None, :2]
        + offsets.reshape(len(offsets), offsets.shape[1] // 2, 2) * variance * anchors[:, None, 2:]
    )


def shrink(image: RGB, longest: int) -> tuple[RGB, np.ndarray]:
    """The picture with its longest side at most `longest` (area averaging), never enlarged, and the factors (x, y) back to its pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return resize(image, size), np.array([width / size[1], height / size[0]])


def letterbox(image: RGB, side: int) -> tuple[RGB, np.ndarray, np.ndarray]:
    """The whole picture centred in a black square of `side` pixels, aspect kept.

    Returns the square, the factors (x, y) from its pixels to the picture's, and the (left, top) border in its pixels.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    left, top = (side - size[1]) // 2, (side - size[0]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + size[0], left : left + size[1]] = resize(image, size)
    return square, np.array([width / size[1], height / size[0]]), np.array([left, top])


def faces(boxes: np.ndarray, scores: np.ndarray, landmarks: np.ndarray | None = None) -> list[Face]:
    """Faces of corners (n, 4), scores (n,) and perhaps landmarks (n, 5, 2)."""
    return [
        Face(
            box=(float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])),
            score=float(score),
            landmarks=None if landmarks is None else np.asarray(landmarks[index], float),
        )
        for index, (box, score) in enumerate(zip(boxes, scores, strict=True))
    ]
