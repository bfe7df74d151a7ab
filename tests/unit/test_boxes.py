"""Suppression, decoding and letterboxing against slow versions written from their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceoff.faces import boxes as geometry


def overlap_by_counting(a: tuple[int, ...], b: tuple[int, ...], border: int, over: str) -> float:
    """Overlap of two boxes with whole corners, by counting pixels; `border` 1 counts the last row
    and column too.
    """
    pixels = [
        {(x, y) for x in range(box[0], box[2] + border) for y in range(box[1], box[3] + border)}
        for box in (a, b)
    ]
    whole = min(map(len, pixels)) if over == "smaller" else len(pixels[0] | pixels[1])
    return len(pixels[0] & pixels[1]) / whole if whole else 0.0


def nms_by_counting(
    boxes: list, scores: list, threshold: float, border: int, over: str
) -> list[int]:
    """Walk from the best box down; keep what overlaps no kept one too much."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: (-scores[index], index)):
        if all(
            overlap_by_counting(boxes[index], boxes[better], border, over) <= threshold
            for better in kept
        ):
            kept.append(index)
    return kept


corner = st.integers(0, 12)
box = st.tuples(corner, corner, st.integers(0, 9), st.integers(0, 9)).map(
    lambda sides: (sides[0], sides[1], sides[0] + sides[2], sides[1] + sides[3])
)
scored = st.lists(st.tuples(box, st.sampled_from([0.2, 0.5, 0.7, 0.71, 0.9])), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    scored,
    st.sampled_from([0.1, 0.3, 0.4, 0.7]),
    st.sampled_from([0, 1]),
    st.sampled_from(["union", "smaller"]),
)
def test_nms_keeps_what_counting_pixels_keeps(
    found: list, threshold: float, border: int, over: str
) -> None:
    boxes, scores = [item[0] for item in found], [item[1] for item in found]
    kept = geometry.nms(
        np.array(boxes, float).reshape(-1, 4), np.array(scores), threshold, border, over
    )
    assert kept.tolist() == nms_by_counting(boxes, scores, threshold, border, over)


def test_nms_of_nothing() -> None:
    assert geometry.nms(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []
    boxes, scores = geometry.blend(np.zeros((0, 4)), np.zeros(0), 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


def test_boxes_at_the_threshold_both_stay() -> None:
    boxes = np.array([[0, 0, 2, 1], [0, 0, 1, 1]], float)  # overlap one half
    assert geometry.nms(boxes, np.array([0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert geometry.nms(boxes, np.array([0.9, 0.8]), 0.499).tolist() == [0]
    assert geometry.nms(boxes, np.array([0.9, 0.8]), 0.5, over="smaller").tolist() == [0]


def test_blend_averages_a_group_by_score() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 40, 50, 50]], float)
    blended, scores = geometry.blend(boxes, np.array([0.9, 0.6, 0.95]), 0.3)
    assert blended[0].tolist() == [40, 40, 50, 50]
    assert blended[1] == pytest.approx(
        [(0 * 0.9 + 1 * 0.6) / 1.5, 0, (10 * 0.9 + 11 * 0.6) / 1.5, 10]
    )
    assert scores.tolist() == pytest.approx([0.95, 0.75])


def test_blend_goes_on_with_boxes_without_area() -> None:
    blended, _ = geometry.blend(
        np.array([[3, 3, 3, 3], [3, 3, 3, 3]], float), np.array([0.9, 0.8]), 0.3
    )
    assert blended == pytest.approx(np.full((2, 4), 3.0))


@given(st.integers(1, 70), st.integers(1, 70))
def test_priors_are_laid_out_row_by_row(height: int, width: int) -> None:
    expected = []
    for stride, sides in ((8, (10, 20)), (16, (32, 64))):
        for row in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                expected += [
                    [(column + 0.5) * stride, (row + 0.5) * stride, side, side] for side in sides
                ]
    assert geometry.priors((height, width), (8, 16), ((10, 20), (32, 64))).tolist() == expected


finite = st.floats(-4, 4, width=32)


@given(arrays(np.float32, (5, 4), elements=finite), arrays(np.float32, (5, 4), elements=finite))
def test_decoding_undoes_encoding(centres: np.ndarray, anchors: np.ndarray) -> None:
    boxes = np.concatenate([centres[:, :2], np.abs(centres[:, 2:]) + 0.5], axis=1).astype(float)
    anchors = np.concatenate([anchors[:, :2], np.abs(anchors[:, 2:]) + 0.5], axis=1).astype(float)
    offsets = np.concatenate(
        [
            (boxes[:, :2] - anchors[:, :2]) / anchors[:, 2:] / 0.1,
            np.log(boxes[:, 2:] / anchors[:, 2:]) / 0.2,
        ],
        axis=1,
    )
    corners = np.concatenate(
        [boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1
    )
    assert geometry.decode_boxes(offsets, anchors) == pytest.approx(corners, abs=1e-6)
    points = geometry.decode_points(np.tile(offsets[:, :2], 5), anchors)
    assert points.shape == (5, 5, 2)
    assert points == pytest.approx(np.repeat(boxes[:, None, :2], 5, axis=1), abs=1e-6)
    assert geometry.decode_points(np.zeros((0, 10)), anchors[:0]).shape == (0, 5, 2)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 500), (500, 1), (90, 130), (128, 128), (640, 480), (33, 31)]
)
def test_letterbox_and_shrink_map_back(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 255, np.uint8)
    square, back, border = geometry.letterbox(image, 128)
    assert square.shape == (128, 128, 3)
    shown = np.argwhere(square[..., 0] > 0)
    low, high = shown.min(axis=0)[::-1], shown.max(axis=0)[::-1] + 1
    assert (low - border) * back == pytest.approx([0, 0])
    assert (high - border) * back == pytest.approx([shape[1], shape[0]])
    assert np.abs(low - (128 - high)).max() <= 1, "it is centred"
    view, back = geometry.shrink(image, 64)
    assert max(view.shape) <= 64
    assert np.array(view.shape[1::-1]) * back == pytest.approx([shape[1], shape[0]])
    assert geometry.shrink(image, 1000)[0] is image, "it is never enlarged"
