"""Handle boxes of face detectors in numpy: anchors, decoding, suppression of duplicates, letterbox.

Boxes are corners (x1, y1, x2, y2) unless a name says centre form (cx, cy, w, h). Both are float
arrays of shape (n, 4), in pixels.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from faceoff.faces.resampling import resize
from faceoff.plugins.protocols import RGB, Face


def overlap(
    box: np.ndarray,
    boxes: np.ndarray,
    border: float = 0.0,
    over: Literal["union", "smaller"] = "union",
) -> np.ndarray:
    """Return the overlap of one box (4,) with others (n, 4): (n,), 0–1.

    The overlap is a share of their union, or of the smaller of the two.

    border: 1 if coordinates name pixels and a box includes its last one (Fast R-CNN and its
    descendants), else 0.
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
    """Return the indices that greedy non-maximum suppression keeps, best first.

    A box goes when its overlap with a better one that is kept exceeds `threshold`. Equal scores
    keep their order. boxes (n, 4), scores (n,); border, over: see `overlap`.
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
    """Return boxes (k, 4) and scores (k,) after BlazeFace's suppression, best first.

    It averages overlapping boxes by score, and their scores plainly (Bazarevsky et al. 2019, §4). A
    group holds all boxes that overlap its best one by more than `threshold` of their union.
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
    """Return the anchors of an SSD-like network for a picture of (height, width), in centre form.

    They are ordered level by level, row by row, side by side. strides: of each level; sides: of the
    square anchors of each level. Each level has ceil(side of picture / stride) cells.
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
    """Return corners (n, 4) from offsets (n, 4) to anchors (n, 4) in centre form.

    This undoes the box regression of SSD (Liu et al. 2016, §2.2).
    """
    centre = anchors[:, :2] + offsets[:, :2] * variances[0] * anchors[:, 2:]
    half = anchors[:, 2:] * np.exp(offsets[:, 2:] * variances[1]) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def decode_points(offsets: np.ndarray, anchors: np.ndarray, variance: float = 0.1) -> np.ndarray:
    """Return points (n, k, 2) from offsets (n, 2·k) to anchors (n, 4) in centre form.

    This undoes the landmark regression of RetinaFace (Deng et al. 2020).
    """
    return (
        anchors[:, None, :2]
        + offsets.reshape(len(offsets), offsets.shape[1] // 2, 2) * variance * anchors[:, None, 2:]
    )


def shrink(image: RGB, longest: int) -> tuple[RGB, np.ndarray]:
    """Shrink the picture until its longest side is at most `longest` (area averaging).

    Returns the picture, never enlarged, and the factors (x, y) back to its pixels.
    """
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return resize(image, size), np.array([width / size[1], height / size[0]])


def letterbox(image: RGB, side: int) -> tuple[RGB, np.ndarray, np.ndarray]:
    """Centre the whole picture in a black square of `side` pixels and keep its aspect.

    Returns the square, the factors (x, y) from its pixels to the picture's, and the (left, top)
    border in its pixels.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    left, top = (side - size[1]) // 2, (side - size[0]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + size[0], left : left + size[1]] = resize(image, size)
    return square, np.array([width / size[1], height / size[0]]), np.array([left, top])


def faces(boxes: np.ndarray, scores: np.ndarray, landmarks: np.ndarray | None = None) -> list[Face]:
    """Return the faces of corners (n, 4), scores (n,) and optional landmarks (n, 5, 2)."""
    return [
        Face(
            box=(float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])),
            score=float(score),
            landmarks=None if landmarks is None else np.asarray(landmarks[index], float),
        )
        for index, (box, score) in enumerate(zip(boxes, scores, strict=True))
    ]
