"""Test how well a face can be seen: by hand, and what becomes of it in an analysis."""

import cv2
import numpy as np
import pytest

import faceoff
from faceoff.drawing import scenes
from faceoff.faces.quality import LIMITS, SIDE, Limits, Quality, quality


def board(side: int, low: int = 100, high: int = 140) -> np.ndarray:
    """Return a chessboard of single pixels."""
    odd = np.indices((side, side)).sum(axis=0) % 2
    return np.repeat(np.where(odd, high, low)[..., None], 3, axis=2).astype(np.uint8)


def test_numbers_by_hand() -> None:
    seen = quality(board(SIDE), (0, 0, SIDE, SIDE))
    assert (seen.size, seen.light, seen.contrast) == (SIDE, 120, 20)
    # Four neighbours that are 40 away: the Laplacian is 160 up or down, its variance 160².
    assert seen.sharpness == pytest.approx(160**2 / 20**2)


def test_sharpness_falls_with_blur_and_not_with_contrast() -> None:
    image = scenes.draw(scenes.plan("test")[0])[0]
    box = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    pale = (100 + image * 0.3).astype(np.uint8)
    sharp, blurred, faded = (
        quality(one, box) for one in (image, cv2.GaussianBlur(image, (0, 0), 15), pale)
    )
    assert blurred.sharpness < sharp.sharpness / 5
    assert faded.sharpness == pytest.approx(sharp.sharpness, rel=0.2)
    assert faded.contrast < sharp.contrast / 2


def test_what_is_outside_the_picture_does_not_count() -> None:
    image = board(100)
    assert quality(image, (-50, -50, 100, 100)).light == pytest.approx(120, abs=1)
    away = quality(image, (200, 0, 40, 50))
    assert away.size == 50
    assert np.isnan([away.light, away.contrast, away.sharpness]).all()
    assert not LIMITS.hold(away)
    assert np.isnan(quality(np.full_like(image, 7), (0, 0, 100, 100)).sharpness)


@pytest.mark.parametrize("limit", sorted(set(LIMITS.told()) - {"max_yaw"}))
def test_each_limit_alone_makes_a_face_unreliable(limit: str) -> None:
    fair = Quality(size=100, light=120, contrast=40, sharpness=0.2)
    assert LIMITS.hold(fair)
    beyond = {limit: 0.0 if limit == "max_light" else 300.0}
    assert not Limits(**beyond).hold(fair)


def test_an_analysis_says_which_faces_are_reliable() -> None:
    image = scenes.draw(scenes.plan("test")[0])[0]
    dark = (image * 0.08).astype(np.uint8)
    found = faceoff.analyze([(0.0, image), (0.1, dark), (0.2, np.zeros_like(image))])
    rows = found.frames.to_pylist()
    assert rows[0]["reliable"] == 1
    assert rows[0]["face_size"] > LIMITS.min_size
    assert [row["reliable"] for row in rows[1:]] == [0, 0]
    assert found.summary["reliable"] == pytest.approx(1 / 3)
    assert found.about["limits"] == LIMITS.told()
