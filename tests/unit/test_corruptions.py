"""Corruptions: promises that each keeps, and each against its definition, written anew here."""

import hashlib
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage import color
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.commands import corruption_listing
from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import (
    NotApplied,
    Seen,
    Value,
    corrupted,
    generators,
    value_text,
)
from faceoff.corruption.kinds.defocus_blur import disk
from faceoff.corruption.kinds.motion_blur import trail
from faceoff.drawing import scenes
from faceoff.plugins import code_hash

KINDS = {name: corruption_list.get(name) for name in corruption_list.names()}
PICTURE_KINDS = [name for name, kind in KINDS.items() if kind.on == "picture"]
SIDE = 224  # px: the size for which the benchmark states its kernels


def variants(name: str) -> list[dict[str, Any]]:
    """Return the default options of a corruption, and those with each choice."""
    kind = KINDS[name]
    others = [{key: value} for key, values in kind.choices.items() for value in values]
    return [{**kind.options, **other} for other in ({}, *others)]


CASES = [(name, options) for name in PICTURE_KINDS for options in variants(name)]
every_case = pytest.mark.parametrize(
    ("name", "options"),
    CASES,
    ids=[f"{name}-{'-'.join(map(str, options.values()))}" for name, options in CASES],
)


def face() -> tuple[np.ndarray, tuple[float, float, float, float], np.ndarray]:
    """Return a drawn face of 224 x 224 px, its box and its landmarks."""
    scene = next(scene for scene in scenes.plan("test") if scene.rung == "plain")
    picture, truths = scenes.draw(scene)
    scale = SIDE / len(picture)
    resized = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    box = tuple(side * scale for side in truths[0].box)
    return resized, box, np.array(truths[0].landmarks) * scale


FACE, BOX, POINTS = face()
FACE.flags.writeable = False


def seen(
    name: str = "", severity: int = 1, sample: str = "a", frame: int = 0, whole: bool = True
) -> Seen:
    """Return what is known of the face: as a whole picture, or with its box and landmarks."""
    known = (None, None) if whole else (BOX, POINTS)
    return Seen(*known, *generators(0, sample, frame, name, severity))


def worse(name: str, value: Value, image: np.ndarray = FACE, **options: Any) -> np.ndarray:
    told = {**KINDS[name].options, **options}
    return KINDS[name].apply(image, value, seen(name), told)


def change(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean absolute difference of two pictures, in 1/255."""
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


# -- promises of each --------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_what_is_stated_is_what_is_defined(name: str) -> None:
    """The plan reads literals without importing the module; they are those of the module."""
    kind, stated = KINDS[name], corruption_list.stated(name)
    for key in ("title", "about", "source", "unit", "levels", "on"):
        assert stated[key] == getattr(kind, key), key
    absent = {"limits": None, "options": {}, "choices": {}, "needs": "", "face_side": False}
    for key, otherwise in absent.items():
        assert stated.get(key, otherwise) == getattr(kind, key), key
    assert set(kind.choices) <= set(kind.options)
    for key, values in kind.choices.items():
        assert kind.options[key] in (*values, "")
    assert all(corruption_list.level_fault(name, level) is None for level in kind.levels)
    assert kind.about[0].islower()
    assert not kind.about.endswith(".")


@every_case
def test_it_returns_a_picture_and_keeps_its_input(name: str, options: dict[str, Any]) -> None:
    """The input is read-only here, so that a write to it fails."""
    for severity, value in enumerate(KINDS[name].levels, 1):
        made = KINDS[name].apply(FACE, value, seen(name, severity, whole=False), options)
        assert made.shape == FACE.shape
        assert made.dtype == np.uint8
        assert made.flags.writeable
        assert not np.shares_memory(made, FACE)


@every_case
def test_it_grows_with_severity(name: str, options: dict[str, Any]) -> None:
    """`saturate` fades at 1 and 2 and exaggerates at 3 to 5; these are two rows."""
    changes = [
        change(KINDS[name].apply(FACE, value, seen(name, level, whole=False), options), FACE)
        for level, value in enumerate(KINDS[name].levels, 1)
    ]
    assert changes[0] > 0
    for rising in (changes[:2], changes[2:]) if name == "saturate" else (changes,):
        assert all(low < high for low, high in pairwise(rising)), changes


RANDOM = {"gaussian_noise", "speckle_noise", "shot_noise", "impulse_noise"}
BY_CLIP = {"motion_blur", "rotate", "occlusion"}


@pytest.mark.parametrize("name", PICTURE_KINDS)
def test_the_draw_follows_seed_sample_frame_and_severity(name: str) -> None:
    options = {**KINDS[name].options, **({"where": "patch"} if name == "occlusion" else {})}

    def drawn(*parts: Any) -> bytes:
        known = Seen(BOX, POINTS, *generators(*parts))
        return KINDS[name].apply(FACE, KINDS[name].levels[0], known, options).tobytes()

    first = drawn(0, "a", 0, name, 1)
    assert drawn(0, "a", 0, name, 1) == first
    samples = {drawn(0, f"s{number}", 0, name, 1) for number in range(8)}
    seeds = {drawn(number, "a", 0, name, 1) for number in range(8)}
    severities = {drawn(0, "a", 0, name, number) for number in range(8)}
    frames = {drawn(0, "a", number, name, 1) for number in range(8)}
    differs = name in RANDOM | BY_CLIP
    assert (len(samples) > 1, len(seeds) > 1, len(severities) > 1) == (differs,) * 3
    assert len(frames) == (8 if name in RANDOM else 1)  # the others do not flicker


def test_samples_with_separators_in_their_names_have_their_own_streams() -> None:
    names = ["a", "a|1", "1|a", "a|", "|a", "", "ä/b c"]
    drawn = {tuple(rng.integers(1 << 62) for rng in generators(0, n, 1, "k", 1)) for n in names}
    assert len(drawn) == len(names)
    frame, clip = generators(0, "a", 1, "k", 1)
    assert frame.integers(1 << 62) != clip.integers(1 << 62)


def test_severity_0_is_the_very_picture() -> None:
    for name in PICTURE_KINDS:
        assert corrupted(KINDS[name], FACE, 0, seen()) is FACE
    noisy = corrupted(KINDS["gaussian_noise"], FACE, 5, seen("gaussian_noise"))
    assert (noisy == worse("gaussian_noise", 0.38)).all()
    for severity in (-1, 6):
        with pytest.raises(ValueError, match="0 … 5"):
            corrupted(KINDS["jpeg"], FACE, severity, seen())
    with pytest.raises(ValueError, match="changes a box"):
        corrupted(KINDS["shift"], FACE, 1, seen())


SHAPES = [(1, 1), (1, 7), (7, 1), (3, 2), (16, 17), (40, 9)]
BOXES = [
    None,
    (0.0, 0.0, 1.0, 1.0),
    (-5.0, -5.0, 8.0, 8.0),
    (-3.5, 2.25, 900.0, 1200.0),
    (100.0, 100.0, 3.0, 3.0),
    (0.2, 0.2, 0.01, 0.02),
]


@every_case
def test_it_survives_tiny_pictures_and_odd_boxes(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        for picture in (
            np.zeros((*shape, 3), np.uint8),
            rng.integers(0, 256, (*shape, 3), np.uint8),
        ):
            for box in BOXES:
                for value in (KINDS[name].levels[0], KINDS[name].levels[-1]):
                    known = Seen(box, None, *generators(0, "a", 0, name, 1))
                    try:
                        made = KINDS[name].apply(picture, value, known, options)
                    except NotApplied:
                        assert name == "resize"  # no other has a reason to refuse these
                    else:
                        assert made.shape == picture.shape


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.0, 5.0), (0.0, 0.0, np.nan, 5.0), (np.inf, 0, 1, 1)])
@pytest.mark.parametrize("name", [name for name in PICTURE_KINDS if KINDS[name].needs == "box"])
def test_an_empty_box_is_a_reason(name: str, box: tuple[float, float, float, float]) -> None:
    kind = KINDS[name]
    with pytest.raises(NotApplied, match="box is empty"):
        kind.apply(
            FACE, kind.levels[0], Seen(box, None, *generators(0, "a", 0, name, 1)), kind.options
        )


def test_landmarks_that_are_no_numbers_are_not_used() -> None:
    kind = KINDS["occlusion"]
    bare = Seen(BOX, None, *generators(0, "a", 0, "", 1))
    for points in (np.full((5, 2), np.nan), np.zeros((5, 2))):
        known = Seen(BOX, points, *generators(0, "a", 0, "", 1))
        assert (
            kind.apply(FACE, 0.2, known, kind.options) == kind.apply(FACE, 0.2, bare, kind.options)
        ).all()


# -- each against its definition ---------------------------------------------------------------


def share(image: np.ndarray = FACE) -> np.ndarray:
    return image.astype(float) / 255


def test_gaussian_and_speckle_noise_have_their_deviation() -> None:
    flat = np.full((300, 300, 3), 128, np.uint8)
    for name, sigma in (("gaussian_noise", 0.08), ("speckle_noise", 0.08 * 128 / 255)):
        noise = (worse(name, 0.08, flat).astype(float) - 128) / 255
        assert noise.std() == pytest.approx(sigma, rel=0.01)
        assert noise.mean() == pytest.approx(0, abs=4 * sigma / np.sqrt(noise.size))
        assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02
    assert not worse("speckle_noise", 0.6, np.zeros((9, 9, 3), np.uint8)).any()


def test_shot_noise_counts_photons() -> None:
    """A Poisson count has its mean as its variance: at c photons for white, v/c of (0 to 1)²."""
    flat = np.full((300, 300, 3), 102, np.uint8)
    noise = share(worse("shot_noise", 25.0, flat))
    assert noise.mean() == pytest.approx(0.4, abs=0.002)
    assert noise.var() == pytest.approx(0.4 / 25, rel=0.02)
    counts = np.unique(np.rint(noise * 25 * 1e6) / 1e6)
    assert np.abs(counts - np.rint(counts)).max() < 25 / 255  # only whole photons, and rounding
    assert not worse("shot_noise", 3.0, np.zeros((9, 9, 3), np.uint8)).any()


def test_impulse_noise_strikes_a_share_as_salt_and_pepper() -> None:
    flat = np.full((300, 300, 3), 99, np.uint8)
    values, counts = np.unique(worse("impulse_noise", 0.27, flat), return_counts=True)
    assert values.tolist() == [0, 99, 255]
    assert counts / flat.size == pytest.approx([0.135, 0.73, 0.135], abs=0.003)


@pytest.mark.parametrize("sigma", KINDS["gaussian_blur"].levels)
def test_gaussian_blur_is_scipys(sigma: float) -> None:
    expected = ndimage.gaussian_filter(FACE.astype(float), (sigma, sigma, 0), mode="nearest")
    assert np.abs(worse("gaussian_blur", sigma) - expected).max() <= 1


def test_a_wide_gaussian_is_no_coarser() -> None:
    """OpenCV's filter from 8 to 8 bits rounds its weights to 1/256 and would be off by 4."""
    large = cv2.resize(FACE, (900, 900))
    expected = ndimage.gaussian_filter(
        large.astype(float), (6 * 900 / 224, 6 * 900 / 224, 0), mode="nearest"
    )
    assert np.abs(worse("gaussian_blur", 6.0, large) - expected).max() <= 1


def benchmark_disk(radius: int, alias_blur: float) -> np.ndarray:
    """The disk of imagecorruptions 1.1.2 (Apache-2.0), from its description."""
    reach, size = (8, 3) if radius <= 8 else (radius, 5)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    solid = (x**2 + y**2 <= radius**2).astype(float)
    line = np.exp(-0.5 * ((np.arange(size) - size // 2) / alias_blur) ** 2)
    line /= line.sum()
    return ndimage.correlate(solid / solid.sum(), np.outer(line, line), mode="mirror")


@pytest.mark.parametrize("level", KINDS["defocus_blur"].levels)
def test_defocus_blur_is_the_benchmarks(level: tuple[float, float]) -> None:
    kernel = benchmark_disk(int(level[0]), level[1])
    assert disk(*level, 1.0) == pytest.approx(kernel, abs=1e-6)
    expected = np.dstack([
        ndimage.correlate(FACE[..., place].astype(float), kernel, mode="mirror")
        for place in range(3)
    ])  # fmt: skip
    assert np.abs(worse("defocus_blur", level) - expected).max() <= 1


@pytest.mark.parametrize("level", KINDS["motion_blur"].levels)
def test_motion_blur_is_the_benchmarks(level: tuple[float, float]) -> None:
    """It is a weighted sum of pictures, each moved by a step along the line."""
    radius, sigma = level
    angle = generators(0, "a", 0, "motion_blur", 1)[1].uniform(-45, 45)
    steps = np.arange(2 * int(radius) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    expected = np.zeros(FACE.shape)
    for step, weight in zip(steps, weights / weights.sum(), strict=True):
        dy = -int(np.ceil(step * np.sin(np.deg2rad(angle)) - 0.5))
        dx = -int(np.ceil(step * np.cos(np.deg2rad(angle)) - 0.5))
        rows = np.clip(np.arange(SIDE) - dy, 0, SIDE - 1)
        columns = np.clip(np.arange(SIDE) - dx, 0, SIDE - 1)
        expected += weight * FACE[rows][:, columns]
    assert np.abs(worse("motion_blur", level) - expected).max() <= 1


@pytest.mark.parametrize("scale", [0.06, 0.214, 0.5, 0.99])
def test_kernels_of_small_faces_spread_as_much_as_they_should(scale: float) -> None:
    """Variance in pixels goes with the square of the face's size, but for a pixel's own width."""
    for kernel, small in (
        (disk(10.0, 0.5, 1.0), disk(10.0, 0.5, scale)),
        (trail(20.0, 15.0, 30.0, 1.0), trail(20.0, 15.0, 30.0, scale)),
    ):
        assert small.sum() == pytest.approx(kernel.sum(), abs=1e-5)
        spread, spread_small = moments(kernel), moments(small)
        assert spread_small[:2] == pytest.approx(np.array(spread[:2]) * scale, abs=1e-3)
        excess = np.array(spread_small[2:]) - np.array(spread[2:]) * scale**2
        assert (excess > -1e-3).all()
        assert (excess <= 0.25 + 1e-3).all()


def moments(kernel: np.ndarray) -> tuple[float, float, float, float]:
    """Return mean y, mean x, variance of y and of x, from the middle."""
    y, x = (np.arange(side) - side // 2 for side in kernel.shape)
    down, right = kernel.sum(axis=1) / kernel.sum(), kernel.sum(axis=0) / kernel.sum()
    means = float(down @ y), float(right @ x)
    return *means, float(down @ (y - means[0]) ** 2), float(right @ (x - means[1]) ** 2)


def test_blurs_scale_with_the_face() -> None:
    """A face of half the size in the same picture is blurred by half the pixels."""
    half = Seen((50.0, 50.0, 112.0, 100.0), None, *generators(0, "a", 0, "gaussian_blur", 1))
    blurred = KINDS["gaussian_blur"].apply(FACE, 4.0, half, {})
    assert (blurred == worse("gaussian_blur", 2.0)).all()


@pytest.mark.parametrize("name", ["brightness", "darkness"])
@pytest.mark.parametrize("value", [0.1, 0.3, 0.5])
def test_brightness_is_that_of_hsv(name: str, value: float) -> None:
    hsv = color.rgb2hsv(share())
    hsv[..., 2] = np.clip(hsv[..., 2] + (value if name == "brightness" else -value), 0, 1)
    assert np.abs(worse(name, value) - 255 * color.hsv2rgb(hsv)).max() <= 0.51


@pytest.mark.parametrize("level", KINDS["saturate"].levels)
def test_saturation_is_that_of_hsv(level: tuple[float, float]) -> None:
    picture = np.concatenate([FACE, np.repeat(FACE[..., :1], 3, axis=2)])  # with grey below
    hsv = color.rgb2hsv(share(picture))
    hsv[..., 1] = np.clip(hsv[..., 1] * level[0] + level[1], 0, 1)
    assert np.abs(worse("saturate", level, picture) - 255 * color.hsv2rgb(hsv)).max() <= 0.51


@pytest.mark.parametrize("value", KINDS["contrast"].levels)
def test_contrast_keeps_the_mean_colour(value: float) -> None:
    mean = FACE.mean(axis=(0, 1))
    expected = np.clip((FACE - mean) * value + mean, 0, 255)
    assert np.abs(worse("contrast", value) - expected).max() <= 0.51


def test_gamma_grey_cast_and_order_of_colours_by_hand() -> None:
    pixel = np.array([[[0, 51, 204]]], np.uint8)
    assert worse("gamma", 2.0, pixel).tolist() == [[[0, 10, 163]]]  # 255 · (0, .2, .8)²
    assert worse("gamma", 0.5, pixel).tolist() == [[[0, 114, 228]]]
    assert worse("grey", 1.0, pixel).tolist() == [[[53, 53, 53]]]  # .587 · 51 + .114 · 204
    assert worse("colour_cast", 0.5, pixel).tolist() == [[[0, 38, 102]]]
    assert worse("colour_cast", 0.5, pixel, colour="cool").tolist() == [[[0, 38, 204]]]
    assert worse("bgr", "bgr", pixel).tolist() == [[[204, 51, 0]]]
    assert worse("bgr", "gbr", pixel).tolist() == [[[51, 204, 0]]]
    with pytest.raises(NotApplied, match="'rgg'"):
        worse("bgr", "rgg", pixel)


def test_jpeg_and_pixelation_are_pillows() -> None:
    coded = io.BytesIO()
    Image.fromarray(FACE).save(coded, format="JPEG", quality=10)
    assert (worse("jpeg", 10.0) == np.asarray(Image.open(coded))).all()
    picture = Image.fromarray(FACE)
    small = picture.resize((int(SIDE * 0.3), int(SIDE * 0.3)), Image.BOX)
    assert (worse("pixelate", 0.3) == np.asarray(small.resize((SIDE, SIDE), Image.NEAREST))).all()


def test_rotation_turns_the_face_about_its_middle() -> None:
    """A quarter turn is exact: it is NumPy's."""
    for way, turns in (("counterclockwise", 1), ("clockwise", -1)):
        turned = worse("rotate", 90.0, direction=way)
        assert change(turned, np.rot90(FACE, turns)) < 0.01
    dot = np.zeros((101, 101, 3), np.uint8)
    dot[20:23, 70:73] = 255  # 20 px to the right of, and 30 px above (51.5, 51.5)
    box = (31.5, 21.5, 40.0, 60.0)
    known = Seen(box, None, *generators(0, "a", 0, "rotate", 1))
    turned = KINDS["rotate"].apply(dot, 90.0, known, {"direction": "clockwise"})[..., 0]
    y, x = (axis.mean() + 0.5 for axis in np.nonzero(turned > 128))
    assert (x, y) == pytest.approx((51.5 + 30, 51.5 + 20), abs=0.1)


def test_both_sides_are_drawn() -> None:
    kind = KINDS["rotate"]
    both = {
        kind.apply(FACE, 30.0, seen("rotate", sample=str(number)), kind.options).tobytes()
        for number in range(12)
    }
    assert both == {
        worse("rotate", 30.0, direction=way).tobytes() for way in ("clockwise", "counterclockwise")
    }


@pytest.mark.parametrize("where", KINDS["occlusion"].choices["where"])
@pytest.mark.parametrize("landmarks", [True, False])
def test_occlusion_covers_its_share_of_the_box(where: str, landmarks: bool) -> None:
    """A lens's border and its bridge, and what lies outside the picture, may differ a little."""
    large = np.full((600, 600, 3), 77, np.uint8)
    box, points = (100.0, 80.0, 330.0, 400.0), None
    if landmarks:
        points = np.array([(200, 230), (320, 230), (260, 310), (212, 385), (308, 385)], float)
    for value in (0.05, 0.2, 0.4):
        known = Seen(box, points, *generators(0, "a", 0, "occlusion", 1))
        made = KINDS["occlusion"].apply(large, value, known, {"where": where})
        covered = (made != 77).any(axis=2).sum() / (330 * 400)
        # The lenses of large sunglasses meet, and so cover less; the bridge of small ones adds.
        least = value * (0.75 if where == "sunglasses" else 0.97)
        assert least <= covered <= value * 1.06 + 0.01


def test_occlusion_hides_what_it_names() -> None:
    """The landmarks that it is named after are covered, the others are not, also if rolled."""
    turn = cv2.getRotationMatrix2D((112, 112), 35, 1)
    rolled = np.column_stack([POINTS, np.ones(5)]) @ turn.T
    inside = {
        "eyes": {0, 1}, "nose": {2}, "mouth": {3, 4}, "sunglasses": {0, 1}, "mask": {2, 3, 4},
    }  # fmt: skip
    for points in (POINTS, rolled):
        for where, hidden in inside.items():
            known = Seen(BOX, points, *generators(0, "a", 0, "occlusion", 1))
            made = KINDS["occlusion"].apply(
                np.full_like(FACE, 77), 0.15 if where != "mask" else 0.35, known, {"where": where}
            )
            covered = {
                place for place, (x, y) in enumerate(points) if (made[int(y), int(x)] != 77).any()
            }
            assert covered == hidden, where


# -- resolution --------------------------------------------------------------------------------

OPENCV = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos4": cv2.INTER_LANCZOS4,
}
PILLOW = {"area": "BOX", "linear": "BILINEAR", "cubic": "BICUBIC", "lanczos4": "LANCZOS"}


@pytest.mark.parametrize("down", OPENCV)
@pytest.mark.parametrize("up", OPENCV)
def test_resize_is_down_and_up_by_the_named_library(down: str, up: str) -> None:
    small = cv2.resize(FACE, (48, 48), interpolation=OPENCV[down])
    expected = cv2.resize(small, (SIDE, SIDE), interpolation=OPENCV[up])
    assert (worse("resize", 48.0, down=down, up=up) == expected).all()
    tiny = Image.fromarray(FACE).resize((48, 48), Image.Resampling[PILLOW[down]])
    large = tiny.resize((SIDE, SIDE), Image.Resampling[PILLOW[up]])
    assert (worse("resize", 48.0, down=down, up=up, library="pillow") == np.asarray(large)).all()


def test_interpolation_names_both_ways() -> None:
    for name in OPENCV:
        assert (
            worse("resize", 32.0, interpolation=name) == worse("resize", 32.0, down=name, up=name)
        ).all()


def test_opencv_and_pillow_differ_where_they_shrink() -> None:
    """OpenCV's linear filter looks at four pixels, Pillow's at all; `area` is the same."""
    ones = {name: worse("resize", 16.0, down=name, up="linear") for name in OPENCV}
    others = {
        name: worse("resize", 16.0, down=name, up="linear", library="pillow") for name in OPENCV
    }
    assert change(ones["area"], others["area"]) < 0.5
    assert min(change(ones[name], others[name]) for name in ("linear", "cubic", "lanczos4")) > 1


def test_the_size_is_that_of_the_face() -> None:
    """The whole picture shrinks by what brings the longer side of the box to the size."""
    box = (20.0, 30.0, 80.0, 100.0)
    known = Seen(box, None, *generators(0, "a", 0, "resize", 1))
    made = KINDS["resize"].apply(FACE, 25.0, known, KINDS["resize"].options)
    assert (made == worse("resize", 56.0)).all()  # a quarter of 224


def test_a_size_above_the_faces_own_is_refused_unless_it_is_allowed() -> None:
    small = cv2.resize(FACE, (48, 48), interpolation=cv2.INTER_AREA)
    with pytest.raises(
        NotApplied, match=r"the face is 48 px, smaller than 64 px: set allow_upscale"
    ):
        worse("resize", 64.0, small)
    larger = worse("resize", 64.0, small, allow_upscale=True)
    assert (larger == cv2.resize(small, (64, 64), interpolation=cv2.INTER_LINEAR)).all()
    same = worse("resize", 48.0, small)
    assert (same == small).all()
    assert not np.shares_memory(same, small)
    dot = Seen((5.0, 5.0, 0.5, 0.5), None, *generators(0, "a", 0, "resize", 1))
    with pytest.raises(NotApplied, match="50176 x 50176 px"):
        KINDS["resize"].apply(FACE, 112.0, dot, {**KINDS["resize"].options, "allow_upscale": True})


# -- boxes -------------------------------------------------------------------------------------


def test_shift_moves_box_and_landmarks_by_a_share_of_the_side() -> None:
    box, kind = (10.0, 20.0, 30.0, 40.0), KINDS["shift"]
    known = Seen(box, POINTS, *generators(0, "a", 0, "shift", 1))
    moved, points = kind.apply(box, 0.2, known, {"direction": "left"})
    assert moved == pytest.approx((2, 20, 30, 40))
    assert points == pytest.approx(POINTS - (8, 0))
    angles = []
    for number in range(200):
        (x, y, w, h), _ = kind.apply(box, 0.2, seen("shift", sample=str(number)), kind.options)
        assert (w, h) == (30, 40)
        assert np.hypot(x - 10, y - 20) == pytest.approx(8)
        angles.append(np.arctan2(y - 20, x - 10))
    assert np.histogram(angles, 4, (-np.pi, np.pi))[0].min() > 30  # in all directions


def test_scale_keeps_the_middle() -> None:
    box, kind = (10.0, 20.0, 30.0, 40.0), KINDS["scale"]
    known = Seen(box, np.array([(25.0, 40.0), (40.0, 60.0)]), *generators(0, "a", 0, "scale", 1))
    larger, points = kind.apply(box, 0.5, known, {"direction": "larger"})
    assert larger == pytest.approx((2.5, 10, 45, 60))
    assert points == pytest.approx(np.array([(25, 40), (47.5, 70)]))
    smaller, _ = kind.apply(larger, 0.5, known, {"direction": "smaller"})
    assert smaller == pytest.approx(box)
    sizes = {
        round(kind.apply(box, 0.5, seen("scale", sample=str(n)), kind.options)[0][2], 3)
        for n in range(12)
    }
    assert sizes == {20.0, 45.0}
    assert kind.apply(box, 0.5, seen("scale"), kind.options)[1] is None


# -- words and configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("resize", 32.0, "32 px"),
        ("gaussian_blur", 4.0, "σ 4"),
        ("rotate", 15.0, "15°"),
        ("motion_blur", (10.0, 3.0), "10 px, σ 3"),
        ("saturate", (0.3, 0.0), "× 0.3, + 0"),
        ("shift", 0.05, "0.05 of the side"),
        ("bgr", "bgr", "bgr"),
    ],
)
def test_levels_in_words(name: str, value: Value, text: str) -> None:
    assert value_text(KINDS[name], value) == text


@pytest.mark.parametrize(
    ("name", "level", "fault"),
    [
        ("jpeg", 0.0, "0.0 is outside 1 … 100"),
        ("jpeg", "high", "'high' is no level such as 25.0, 18.0, 15.0"),
        ("jpeg", float("nan"), "nan is no level such as 25.0, 18.0, 15.0"),
        ("jpeg", True, "True is no level such as 25.0, 18.0, 15.0"),
        ("jpeg", (25.0, 2.0), "(25.0, 2.0) is no level such as 25.0, 18.0, 15.0"),
        ("motion_blur", 3.0, "3.0 is no level such as (10.0, 3.0), (15.0, 5.0), (15.0, 8.0)"),
        ("compress", 52, "52 is outside 0 … 51"),
        ("bgr", 1.0, "1.0 is no level such as bgr, brg, gbr, grb, rbg"),
        ("bgr", "rgb", "'rgb' is no level such as bgr, brg, gbr, grb, rbg"),
        ("bgr", "grb", None),
        ("motion_blur", [10, 3], None),
        ("jpeg", 30, None),
    ],
)
def test_a_level_that_cannot_be_is_named(name: str, level: Any, fault: str | None) -> None:
    assert corruption_list.level_fault(name, level) == fault


def test_an_unknown_name_gets_the_nearest() -> None:
    for function in (corruption_list.get, corruption_list.stated, corruption_list.file_of):
        with pytest.raises(ValueError, match=r"no corruption 'gausian_blur'.*gaussian_blur"):
            function("gausian_blur")


def test_a_corruption_depends_on_no_other() -> None:
    """So a change of one recomputes its own pictures alone."""
    named = {corruption_list.file_of(name) for name in KINDS}
    for name in KINDS:
        path = corruption_list.file_of(name)
        assert code_hash.imports(path) & named <= {path}


def test_the_page_has_the_table_of_the_code() -> None:
    """`faceoff corruptions --markdown` prints it anew."""
    page = Path(__file__).parents[2] / "docs" / "corruptions.md"
    assert corruption_listing.markdown() in page.read_text(encoding="utf-8")


def test_the_listing_for_programs_has_every_level() -> None:
    result = CliRunner().invoke(app, ["corruptions", "--json"])
    listed = {row["name"]: row for row in json.loads(result.output)}
    assert list(listed) == list(corruption_list.names())
    for name, kind in KINDS.items():
        assert listed[name]["levels"] == json.loads(json.dumps(kind.levels))
        assert listed[name]["options"] == kind.options


# -- fixed points ------------------------------------------------------------------------------

# First 16 digits of SHA-256 of a ramp at the middle severity. Filters in floating point may round
# otherwise on another processor, and another libjpeg may be installed: these are compared above.
FIXED = {
    "bgr": "70d4e8dd1fcc3ac9",
    "brightness": "0316704276e959ff",
    "colour_cast": "a7faca5044803db7",
    "contrast": "4c0085583fb81367",
    "darkness": "028100d7c9516aa0",
    "gamma": "0aaeb007b38b9415",
    "gaussian_noise": "35c8fa6f8c6e86e2",
    "grey": "c9913b6e071088a8",
    "impulse_noise": "cf2a18792d57fb11",
    "occlusion": "c4b53eadbcc206ce",
    "pixelate": "cf5175fda7a4bef4",
    "resize": "b8147f8ca1614aee",
    "saturate": "b60146c97709879d",
    "speckle_noise": "3151c68637f80d25",
}


@pytest.mark.parametrize("name", FIXED)
def test_the_bits_are_those_of_the_first_day(name: str) -> None:
    steps = np.linspace(0, 255, 64)
    plane = np.add.outer(steps, steps[::-1]) / 2
    ramp = np.dstack([plane, plane.T, 255 - plane]).astype(np.uint8)
    kind = KINDS[name]
    middle = len(kind.levels) // 2
    options = {**kind.options, "interpolation": "area"} if name == "resize" else kind.options
    known = Seen((4.0, 2.0, 40.0, 56.0), None, *generators(7, "s", 3, name, middle))
    value = 28.0 if name == "resize" else kind.levels[middle]
    made = kind.apply(ramp, value, known, options)
    assert hashlib.sha256(made.tobytes()).hexdigest()[:16] == FIXED[name]


@pytest.mark.parametrize("name", ["gaussian_blur", "motion_blur", "defocus_blur"])
def test_a_blur_of_a_box_beyond_the_picture_is_that_of_a_face_as_large_as_it(name: str) -> None:
    """A kernel of a million pixels would not fit into memory."""
    made, image = (
        corruption_list.get(name),
        np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3),
    )
    found = [
        made.apply(image, made.levels[0], Seen(box, None, *generators(0, "a", 0, name, 1)), {})
        for box in ((-5e5, -5e5, 1e6, 1e6), (0.0, 0.0, 60.0, 60.0))
    ]
    np.testing.assert_array_equal(*found)
