"""Crops: exact pixels of a box, black outside the frame, true colours, and box calibration."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceoff.drawing import scenes
from faceoff.faces.crops import TEMPLATE, aligned, calibrate, crop, cut, iou, square
from faceoff.plugins.protocols import CropSpec

RNG = np.random.default_rng(0)
NOISE = RNG.integers(1, 256, (40, 60, 3), np.uint8)  # never black


def test_aligned_pixels_lie_where_they_shall() -> None:
    """Three coloured spots are laid on a target that is turned, larger and moved."""
    image = np.zeros((200, 300, 3), np.uint8)
    spots = np.array([[60.0, 50.0], [140.0, 50.0], [100.0, 110.0]])
    for channel, (x, y) in enumerate(spots.astype(int)):
        image[y - 4 : y + 5, x - 4 : x + 5, channel] = 255
    target = np.array([[130.0, 20.0], [130.0, 100.0], [70.0, 60.0]])
    pixels = aligned(image, spots, target, (120, 160))
    assert pixels.shape == (120, 160, 3)
    for channel, (x, y) in enumerate(target.astype(int)):
        assert pixels[y, x, channel] > 200
    with pytest.raises(ValueError, match="lie on one point"):
        aligned(image, spots[:1].repeat(3, 0), target, (120, 160))


def test_identity_at_equal_size() -> None:
    assert np.array_equal(crop(NOISE, (10, 5, 20, 20), CropSpec((20, 20))), NOISE[5:25, 10:30])
    assert np.array_equal(crop(NOISE, None, CropSpec((40, 60))), NOISE)


def test_no_box_takes_the_whole_frame_without_margin() -> None:
    spec = CropSpec((20, 30), margin=0.5)
    assert crop(NOISE, None, spec).shape == (20, 30, 3)
    assert np.array_equal(crop(NOISE, None, spec), crop(NOISE, None, CropSpec((20, 30))))


def test_shrinking_averages_areas() -> None:
    halves = NOISE[:20, :20].astype(float).reshape(10, 2, 10, 2, 3).mean(axis=(1, 3))
    assert (
        np.abs(crop(NOISE, (0, 0, 20, 20), CropSpec((10, 10))).astype(float) - halves).max() <= 0.51
    )


def test_box_is_made_square_around_its_centre_with_margin() -> None:
    assert square((10, 20, 30, 10), 0.0) == (10, 10, 30, 30)
    assert square((10, 10, 20, 20), 0.5) == (5, 5, 30, 30)
    assert np.array_equal(
        crop(NOISE, (15, 10, 10, 10), CropSpec((20, 20), margin=1.0)), NOISE[5:25, 10:30]
    )


def test_outside_the_frame_is_black() -> None:
    pixels = crop(NOISE, (-10, -5, 20, 20), CropSpec((20, 20)))
    assert np.array_equal(pixels[5:, 10:], NOISE[:15, :10])
    assert not pixels[:5].any()
    assert not pixels[:, :10].any()
    pixels = crop(NOISE, (50, 30, 20, 20), CropSpec((20, 20)))
    assert np.array_equal(pixels[:10, :10], NOISE[30:, 50:])
    assert not pixels[10:].any()
    assert not pixels[:, 10:].any()


@pytest.mark.parametrize(
    "box", [(-100, -100, 20, 20), (200, 0, 10, 10), (0, 1e7, 5, 5), (-1e9, 0, 3, 3)]
)
def test_box_wholly_outside_is_black(box: tuple[float, ...]) -> None:
    pixels = crop(NOISE, box, CropSpec((16, 16)))
    assert pixels.shape == (16, 16, 3)
    assert not pixels.any()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "box",
    [(5.0, 5.0, 0.0, 0.0), (5.2, 5.2, 0.01, 0.3), (-300, -300, 700, 700), (-3e3, -3e3, 6e3, 6e3),
     (-1e6, -1e6, 2e6, 2e6), (-1e9, -1e9, 2e9, 2e9), (0, 0, 60, 1), (0.49, 0.51, 39.5, 39.5)],
)  # fmt: skip
def test_any_box_gives_a_crop(box: tuple[float, ...], channels: int) -> None:
    pixels = crop(NOISE, box, CropSpec((24, 20), channels=channels, margin=0.2))
    assert pixels.shape == (24, 20, channels)
    assert pixels.dtype == np.uint8


def test_huge_box_shows_the_frame_small_in_its_middle() -> None:
    pixels = crop(np.full((40, 40, 3), 200, np.uint8), (-180, -180, 400, 400), CropSpec((40, 40)))
    assert pixels[18:22, 18:22].min() == 200
    assert pixels.sum() == pytest.approx(200 * 16 * 3, rel=0.05)


def test_crops_do_not_change_the_frame() -> None:
    image = NOISE.copy()
    for box in (None, (0, 0, 60, 60), (-5, -5, 30, 30)):
        crop(image, box, CropSpec((30, 30), margin=0.3))
    assert np.array_equal(image, NOISE)


@pytest.mark.parametrize("box", [None, (2, 2, 30, 30), (-10, -10, 70, 70)])
def test_red_stays_red(box: tuple[float, ...] | None) -> None:
    """RGB in, RGB out: a swap of channels costs points without an error."""
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    middle = crop(red, box, CropSpec((9, 9)))[4, 4]
    assert middle.tolist() == [255, 0, 0]
    grey = crop(red, box, CropSpec((9, 9), channels=1))
    assert grey[4, 4, 0] == round(0.299 * 255)  # luma of red; blue would be 29


def test_calibrate_by_hand() -> None:
    # centre (110, 210) moves by (0.1·20, -0.5·40); sides 20·1.5 and 40·0.5
    assert calibrate(
        (100, 190, 20, 40), {"dx": 0.1, "dy": -0.5, "sx": 1.5, "sy": 0.5}
    ) == pytest.approx((97, 180, 30, 20))
    assert calibrate((1, 2, 3, 4), None) == (1, 2, 3, 4)
    assert calibrate((1, 2, 3, 4), {"dx": 0, "dy": 0, "sx": 1, "sy": 1}) == (1, 2, 3, 4)


def test_cut_rounds_edges_to_the_nearest_pixel() -> None:
    assert np.array_equal(cut(NOISE, (9.6, 4.4, 20.0, 20.0)), NOISE[4:24, 10:30])
    assert cut(NOISE, (3.0, 3.0, 0.0, 0.0)).shape == (1, 1, 3)


whole_boxes = st.tuples(
    st.integers(-8, 8), st.integers(-8, 8), st.integers(1, 12), st.integers(1, 12)
)


@given(whole_boxes, whole_boxes)
def test_iou_against_counted_pixels(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    def cells(box: tuple[int, ...]) -> set[tuple[int, int]]:
        x, y, w, h = box
        return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}

    assert iou(a, b) == pytest.approx(len(cells(a) & cells(b)) / len(cells(a) | cells(b)))
    assert iou(a, b) == iou(b, a)


def test_iou_of_empty_boxes_is_zero() -> None:
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0.0
    assert iou((0, 0, 5, 5), (5, 0, 5, 5)) == 0.0


# -- alignment -------------------------------------------------------------------------------------


def dotted(points: np.ndarray, size: int = 400, radius: int = 4) -> np.ndarray:
    """Return red, green, blue, yellow and white dots at five places (x, y)."""
    image = np.zeros((size, size, 3), np.uint8)
    rows, columns = np.mgrid[:size, :size] + 0.5
    for (x, y), colour in zip(
        points, ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255)), strict=True
    ):
        image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = colour
    return image


def places(pixels: np.ndarray) -> np.ndarray:
    """Return centres of the five dots."""
    found = []
    on = pixels > 100
    for colour in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1)):
        rows, columns = np.nonzero((on == np.array(colour, bool)).all(axis=2))
        found.append((columns.mean() + 0.5, rows.mean() + 0.5))
    return np.array(found)


def turned(
    points: np.ndarray,
    degrees: float,
    scale: float = 1.0,
    about: tuple[float, float] = (200.0, 200.0),
) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - about) @ turn.T + about


FACE = np.array([[160.0, 170.0], [240.0, 170.0], [200.0, 215.0], [168.0, 260.0], [232.0, 260.0]])


@pytest.mark.parametrize("degrees", [-35, 0, 12, 80])
@pytest.mark.parametrize("side", [100, 300])
def test_eyes_become_level(degrees: float, side: int) -> None:
    points = turned(FACE, degrees)
    found = places(
        crop(dotted(points), (100, 100, 200, 200), CropSpec((side, side), align="eyes"), points)
    )
    assert found == pytest.approx((FACE - 100) * side / 200, abs=0.02 * side), (
        "as the upright face would lie"
    )


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (25, 1.0), (-60, 0.7), (10, 1.2)])
@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_five_points_lie_on_the_template_whatever_the_box(
    degrees: float, scale: float, margin: float
) -> None:
    shape = turned((TEMPLATE - 0.5) * 200 + 200, degrees, scale)
    pixels = crop(
        dotted(shape),
        (0, 0, 10, 10),
        CropSpec((224, 224), margin=margin, align="five_point"),
        shape,
    )
    assert places(pixels) == pytest.approx(((TEMPLATE - 0.5) / (1 + margin) + 0.5) * 224, abs=2.0)


def test_a_level_face_is_the_plain_crop() -> None:
    image, truth = scenes.draw(scenes.plan("test")[0])
    points = np.array(truth[0].landmarks)
    points[1, 1] = points[0, 1]
    for side in (64, 200):
        plain = crop(image, truth[0].box, CropSpec((side, side), margin=0.2))
        aligned = crop(
            image, truth[0].box, CropSpec((side, side), margin=0.2, align="eyes"), points
        )
        assert np.abs(plain.astype(int) - aligned).mean() < 4


def test_shrinking_averages() -> None:
    fine = np.zeros((512, 512, 3), np.uint8)
    fine[::2, ::2] = fine[1::2, 1::2] = 255
    pixels = crop(fine, (100, 100, 300, 300), CropSpec((32, 32), align="eyes"), turned(FACE, 20))
    assert pixels.std() < 20
    assert abs(pixels.mean() - 127.5) < 10


@pytest.mark.parametrize("align", ["eyes", "five_point"])
def test_what_cannot_be_aligned(align: str) -> None:
    spec = CropSpec((48, 48), channels=1, align=align)
    with pytest.raises(ValueError, match="needs five landmarks"):
        crop(np.zeros((50, 50, 3), np.uint8), (0, 0, 50, 50), spec)
    if align == "five_point":
        with pytest.raises(ValueError, match="on one point"):
            crop(np.zeros((50, 50, 3), np.uint8), (0, 0, 50, 50), spec, np.ones((5, 2)))
    for wild in (np.full((5, 2), 1e6) + np.arange(10).reshape(5, 2), FACE * 1000):
        pixels = crop(np.full((50, 60, 3), 90, np.uint8), (-1e6, -1e6, 4e6, 4e6), spec, wild)
        assert pixels.shape == (48, 48, 1)


# -- filters ---------------------------------------------------------------------------------------

OPENCV = {"linear": 1, "cubic": 2, "area": 3, "nearest": 0, "lanczos": 4}
PILLOW = {"linear": 2, "cubic": 3, "area": 4, "nearest": 0, "lanczos": 1}
SIZES = [(17, 23), (20, 30), (80, 90), (40, 25)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", sorted(OPENCV))
def test_a_filter_is_its_librarys_own(interpolation: str, size: tuple[int, int]) -> None:
    opencv = crop(NOISE, None, CropSpec(size, interpolation=interpolation))
    assert np.array_equal(
        opencv, cv2.resize(NOISE, size[::-1], interpolation=OPENCV[interpolation])
    )
    pillow = crop(NOISE, None, CropSpec(size, interpolation=interpolation, library="pillow"))
    picture = Image.fromarray(NOISE).resize(size[::-1], PILLOW[interpolation])
    assert np.array_equal(pillow, np.asarray(picture))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["linear", "cubic", "nearest"])
def test_pytorchs_filter_is_torchvisions(
    interpolation: str, antialias: bool, size: tuple[int, int]
) -> None:
    torch = pytest.importorskip("torch")
    from faceoff.inference.torch_devices import prepare_torchvision
    from faceoff.inference.torch_resampling import torch_filter

    prepare_torchvision()
    functional = pytest.importorskip("torchvision.transforms.functional")

    spec = CropSpec(size, interpolation=interpolation, library="torch", antialias=antialias)
    made = crop(NOISE, None, replace(spec, resample=torch_filter(spec)))
    pixels = torch.from_numpy(NOISE).permute(2, 0, 1)
    mode = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}[interpolation]
    how = functional.InterpolationMode(mode)
    expected = functional.resize(pixels, list(size), how, antialias=antialias)
    apart = np.abs(made.astype(int) - expected.permute(1, 2, 0).numpy())
    assert apart.max() <= 1  # torchvision has kernels for uint8, which round once more
    assert (apart > 0).mean() < 0.02


def test_the_libraries_differ_where_they_shrink() -> None:
    made = {
        library: crop(NOISE, None, CropSpec((10, 15), interpolation="linear", library=library))
        for library in ("opencv", "pillow")
    }
    assert np.abs(made["opencv"].astype(int) - made["pillow"]).mean() > 5


def test_without_a_named_filter_nothing_changes() -> None:
    for size in SIZES:
        shrinks = size[0] * size[1] < 40 * 60
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        assert np.array_equal(
            crop(NOISE, None, CropSpec(size)), cv2.resize(NOISE, size[::-1], interpolation=how)
        )


def test_aspects() -> None:
    """The picture is 40 x 60, the input a square of 20."""
    whole = cv2.resize(NOISE, (20, 13), interpolation=cv2.INTER_AREA)
    padded = crop(NOISE, None, CropSpec((20, 20), aspect="pad"))
    assert np.array_equal(padded[3:16], whole)
    assert not padded[:3].any()
    assert not padded[16:].any()
    middle = cv2.resize(NOISE, (30, 20), interpolation=cv2.INTER_AREA)[:, 5:25]
    assert np.array_equal(crop(NOISE, None, CropSpec((20, 20), aspect="crop")), middle)
    tall = crop(np.rot90(NOISE), None, CropSpec((20, 20), aspect="crop"))
    assert np.array_equal(
        tall, cv2.resize(np.rot90(NOISE).copy(), (20, 30), interpolation=cv2.INTER_AREA)[5:25]
    )
    for aspect in ("pad", "crop", "stretch"):
        for channels in (1, 3):
            spec = CropSpec((24, 31), aspect=aspect, channels=channels)
            assert crop(NOISE, (3, 4, 20, 20), spec).shape == (24, 31, channels)
