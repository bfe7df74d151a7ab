"""The colour of cheeks: the angle by its formula, on drawn faces of known paint, without colour."""

import cv2
import numpy as np
import pytest

from faceoff.datasets.posed import Posed
from faceoff.drawing import identities
from faceoff.faces import crops
from faceoff.signals.skin_tone import SkinTone, typology_angle


def lab_by_hand(srgb: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* (D65, 2°) of sRGB in 0–1, by the formulas of IEC 61966-2-1 and CIE 15."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([
        [0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505],
    ])  # fmt: skip
    ratio = (matrix @ linear) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_angle_is_that_of_the_formula() -> None:
    """L* = 50 is 0°; L* − 50 = b* is 45°; below 50 it is negative; without yellow it is unknown."""
    found = typology_angle(np.array([50.0, 60, 40, 70]), np.array([10.0, 10, 10, 0.5]))
    np.testing.assert_allclose(found, [0, 45, -45, np.nan])


@pytest.mark.parametrize("paint", identities.SKIN_TONES[::3])
def test_an_even_picture_has_the_angle_and_lightness_of_its_colour(paint: np.ndarray) -> None:
    level = np.round(paint * 255)
    picture = np.broadcast_to(level, (1, 96, 96, 3)).astype(np.uint8)
    lightness, _, yellow = lab_by_hand(level / 255)
    found = SkinTone({}, {}).read(picture).columns
    angle = np.degrees(np.arctan((lightness - 50) / yellow))
    assert found["ita"][0] == pytest.approx(angle, abs=0.3)
    # OpenCV interpolates its curves in a table.
    assert found["lightness"][0] == pytest.approx(lightness, abs=0.2)


def test_grey_pictures_and_blue_light_have_no_angle() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 1), np.uint8).repeat(3, axis=3)
    blue = np.broadcast_to(np.array([90, 110, 190], np.uint8), (1, 96, 96, 3))
    found = SkinTone({}, {}).read(np.concatenate([grey, blue]))
    assert np.isnan(found.columns["ita"]).all()
    assert np.isfinite(found.columns["lightness"]).all()
    assert found.evaluable.all()


def test_cheeks_of_drawn_faces_have_the_angle_of_their_paint() -> None:
    """One evenly lit face of each person: 3° off on average, and in the paints' order."""
    dataset, signal = Posed(Posed.Options(rungs=["plain"])), SkinTone({}, {})
    people = {sample.subject: sample for sample in dataset.samples()}
    found, painted = [], []
    for name, sample in people.items():
        image = cv2.imdecode(np.frombuffer(dataset.read(sample), np.uint8), cv2.IMREAD_COLOR_RGB)
        crop = crops.crop(image, sample.boxes[0], signal.crop)
        found.append(signal.read(crop[None]).columns["ita"][0])
        lightness, _, yellow = lab_by_hand(np.array(identities.identity(name).skin))
        painted.append(np.degrees(np.arctan((lightness - 50) / yellow)))
    assert len(found) == 16
    off = np.abs(np.array(found) - painted)
    assert off.mean() < 3
    assert off.max() < 10
    assert np.corrcoef(found, painted)[0, 1] > 0.99
