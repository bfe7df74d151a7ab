"""Test each change of a training picture alone against another implementation of it."""

import math
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch")

from faceoff.training.augment import augmented  # noqa: E402
from faceoff.training.recipe import Augment  # noqa: E402

NONE = Augment(
    rotate=0, scale=0, stretch=0, shift=0, flip=0, erase=0, brightness=0, contrast=0, grey=0,
    jpeg=0, blur=0,
)  # fmt: skip
ALL = Augment(
    rotate=20, scale=0.15, stretch=0.07, shift=0.06, flip=0.5, erase=0.4, brightness=0.1,
    contrast=0.3, grey=0.3, jpeg=0.3, blur=0.3,
)  # fmt: skip
SIZE = (40, 56)


def smooth(n: int = 6, channels: int = 3, size: tuple[int, int] = SIZE) -> torch.Tensor:
    """Return pictures of 0 to 1 without sharp edges, so that ways to interpolate agree."""
    random = np.random.default_rng(3)
    made = [
        cv2.resize(random.random((4, 5, channels)), size[::-1], interpolation=cv2.INTER_CUBIC)
        for _ in range(n)
    ]
    stack = np.clip(np.stack(made).reshape(n, *size, channels), 0, 1)
    return torch.from_numpy(stack).permute(0, 3, 1, 2).float().contiguous()


def drawn(seed: int = 1, pictures: torch.Tensor | None = None, **changes: float) -> torch.Tensor:
    """Return pictures with these changes alone."""
    generator = torch.Generator().manual_seed(seed)
    return augmented(
        smooth() if pictures is None else pictures, replace(NONE, **changes), generator
    )


def picture(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    return tensor.permute(1, 2, 0).numpy()


def inner(array: npt.NDArray[np.float32], border: int = 2) -> npt.NDArray[np.float32]:
    return array[border:-border, border:-border]


def test_without_a_change_pictures_stay() -> None:
    assert torch.equal(drawn(), smooth())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n", [1, 5])
def test_the_same_seed_gives_the_same_bits_and_changes_nothing_in_place(
    n: int, channels: int
) -> None:
    pictures = smooth(n, channels)
    one, two, other = (
        augmented(pictures, ALL, torch.Generator().manual_seed(seed)) for seed in (4, 4, 5)
    )
    assert one.shape == pictures.shape
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(pictures, smooth(n, channels))
    assert torch.isfinite(one).all()


def test_a_picture_gets_the_same_change_in_any_batch_of_its_place() -> None:
    """Each picture has a change of its own."""
    changed = drawn(pictures=smooth(1).repeat(8, 1, 1, 1), rotate=30)
    assert len({value.numpy().tobytes() for value in changed}) == 8


def test_flip() -> None:
    assert torch.allclose(drawn(flip=1.0), smooth().flip(3), atol=1e-5)
    some = drawn(pictures=smooth(1).repeat(400, 1, 1, 1), flip=0.3)
    mirrored = (some - smooth(1).flip(3)).abs().amax((1, 2, 3)) < 1e-5
    assert mirrored.float().mean() == pytest.approx(0.3, abs=0.07)


def _found(
    changed: npt.NDArray[np.float32],
    original: npt.NDArray[np.float32],
    matrices: list[npt.NDArray[np.float64]],
) -> tuple[int, float]:
    """Return which of these inverse maps OpenCV needs for this picture, and the largest error."""
    height, width = original.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    errors = []
    for matrix in matrices:
        moved = cv2.warpAffine(
            original, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        errors.append(np.abs(inner(moved.reshape(original.shape)) - inner(changed)).max())
    best = int(np.argmin(errors))
    return best, float(errors[best])


def _around_the_centre(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the map (2, 3) of pixel centres that leaves the middle of the picture."""
    centre = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    return np.column_stack([linear, centre - linear @ centre])


def test_turns_are_those_of_opencv_and_lie_in_their_range() -> None:
    """A picture that is not square turns without shear."""
    angles = np.linspace(-25, 25, 1001)
    turns = []
    for angle in np.radians(angles):
        cos, sin = math.cos(angle), math.sin(angle)
        turns.append(_around_the_centre(np.array([[cos, -sin], [sin, cos]])))
    found = []
    for changed, original in zip(drawn(rotate=25), smooth(), strict=True):
        place, error = _found(picture(changed), picture(original), turns)
        assert error < 0.02
        found.append(angles[place])
    assert min(found) < 0 < max(found)
    assert max(map(abs, found)) > 5


@pytest.mark.parametrize("change", ["scale", "stretch"])
def test_sizes_and_ratios_are_those_of_opencv(change: str) -> None:
    factors = np.linspace(0.7, 1.3, 601)
    maps = [
        _around_the_centre(np.diag([factor, factor if change == "scale" else 1 / factor]))
        for factor in factors
    ]
    for changed, original in zip(drawn(**{change: 0.25}), smooth(), strict=True):
        place, error = _found(picture(changed), picture(original), maps)
        assert error < 0.02
        assert 0.75 <= factors[place] <= 1.25


def test_moves_are_those_of_opencv_and_lie_in_their_range() -> None:
    for changed, original in zip(drawn(shift=0.1), smooth(), strict=True):
        best, x = (0.0, 0.0), picture(original)
        for step in (1.0, 0.1):
            grid = [
                (best[0] + step * i, best[1] + step * j)
                for i in range(-10, 11)
                for j in range(-10, 11)
            ]
            maps = [np.array([[1.0, 0, dx], [0, 1, dy]]) for dx, dy in grid]
            place, error = _found(picture(changed), x, maps)
            best = grid[place]
        assert error < 0.02
        assert abs(best[0]) <= 0.1 * SIZE[1] + 0.1
        assert abs(best[1]) <= 0.1 * SIZE[0] + 0.1


def test_what_comes_in_from_outside_repeats_the_border() -> None:
    pictures = torch.ones(4, 1, 20, 20)
    moved = drawn(pictures=pictures, rotate=180, scale=0.5, shift=0.5, stretch=0.3, flip=0.5)
    torch.testing.assert_close(moved, pictures)


def test_brightness_adds_one_number_to_each_picture() -> None:
    added = drawn(brightness=0.2) - smooth()
    spread = added.flatten(1).amax(1) - added.flatten(1).amin(1)
    assert spread.max() < 1e-5
    amounts = added.mean((1, 2, 3)).tolist()
    assert len(set(amounts)) == len(amounts)
    assert 0.02 < max(map(abs, amounts)) <= 0.2


def test_contrast_multiplies_around_the_middle_grey() -> None:
    gains = (drawn(contrast=0.3) - 0.5) / (smooth() - 0.5)
    for gain, original in zip(gains, smooth(), strict=True):
        there = gain[(original - 0.5).abs() > 0.05]
        assert there.std() < 1e-3
        assert 0.7 <= there.mean() <= 1.3


def test_grey_is_the_luma_of_opencv() -> None:
    for changed, original in zip(drawn(grey=1.0), smooth(), strict=True):
        grey = cv2.cvtColor(picture(original), cv2.COLOR_RGB2GRAY)
        np.testing.assert_allclose(picture(changed), grey[..., None].repeat(3, 2), atol=1e-5)
    one = smooth(3, 1)
    assert torch.equal(drawn(pictures=one, grey=1.0), one)


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_that_of_opencv(channels: int) -> None:
    noise = torch.rand(5, channels, 20, 30, generator=torch.Generator().manual_seed(1))
    sigmas = np.linspace(0.4, 1.2, 321)
    for changed, original in zip(drawn(pictures=noise, blur=1.0), noise, strict=True):
        errors = []
        for sigma in sigmas:
            blurred = cv2.GaussianBlur(
                picture(original), (5, 5), sigma, borderType=cv2.BORDER_REPLICATE
            )
            errors.append(np.abs(blurred.reshape(20, 30, channels) - picture(changed)).max())
        assert min(errors) < 2e-3


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_one_of_the_qualities_of_opencv(channels: int) -> None:
    pictures = smooth(4, channels)
    for changed, original in zip(drawn(pictures=pictures, jpeg=1.0), pictures, strict=True):
        saved = np.rint(picture(original) * 255).astype(np.uint8)[:, :, ::-1]
        given = np.rint(picture(changed) * 255).astype(np.uint8)
        flag = cv2.IMREAD_COLOR if channels == 3 else cv2.IMREAD_GRAYSCALE
        read = [
            cv2.imdecode(
                cv2.imencode(".jpg", saved, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], flag
            ).reshape(saved.shape)[:, :, ::-1]
            for quality in range(30, 96)
        ]
        assert any(np.array_equal(given, one) for one in read)
        assert 0 < (changed - original).abs().mean() < 0.03


@pytest.mark.parametrize("size", [(48, 48), (30, 90)])
def test_erasing_covers_one_rectangle_of_2_to_22_percent(size: tuple[int, int]) -> None:
    black = torch.full((300, 1, *size), -1.0)
    erased = drawn(pictures=black, erase=1.0)[:, 0] != -1.0
    shares = erased.float().mean((1, 2)).numpy()
    pixel = (size[0] + size[1]) / (size[0] * size[1])  # the rounding of the sides
    assert 0.02 - pixel <= shares.min() < 0.04
    assert 0.15 < shares.max() <= 0.22 + pixel
    for one in erased.numpy():
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert erased.any(0).float().mean() > 0.95  # anywhere but in the very corners
    some = drawn(pictures=black, erase=0.3)[:, 0] != -1.0
    assert some.any(2).any(1).float().mean() == pytest.approx(0.3, abs=0.08)


def test_erasing_fills_by_grey_or_by_noise() -> None:
    erased = drawn(pictures=torch.full((100, 1, 48, 48), -9.0), erase=1.0)
    kinds = [one[one != -9.0].std() > 0.1 for one in erased]
    assert 30 < sum(kinds) < 70
    assert all(
        (one[one != -9.0] == 0.5).all() or noise for one, noise in zip(erased, kinds, strict=True)
    )
