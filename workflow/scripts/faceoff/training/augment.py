"""Change training pictures at random, a batch at a time.

Each picture, or each clip, gets changes of its own. A generator of the CPU draws them, so that the
same seed gives the same pictures on every device.
"""

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from faceoff.training.recipe import Augment

_ERASED = (0.02, 0.22)  # share of the picture that erasing covers
_RATIO = math.e  # of the erased rectangle's sides, at most
_QUALITY = (30, 96)  # of JPEG
_SIGMA = (0.4, 1.2)  # of the blur, in pixels
_LUMA = (0.299, 0.587, 0.114)


def augmented(
    pictures: Tensor, recipe: Augment, generator: torch.Generator, alike: Tensor | None = None
) -> Tensor:
    """Return changed copies of pictures, (n, c, h, w) float32 of 0 to 1 on any device.

    alike: (n,) numbers from 0; pictures of one number, such as the frames of a clip, get the same
    changes, but for the noise in erased rectangles. None: each picture gets its own.
    """
    draw = _Draw(len(pictures), generator, pictures.device, alike)
    pictures = _moved(pictures, recipe, draw)
    if recipe.brightness or recipe.contrast:
        gain = 1 + draw.around(recipe.contrast)
        pictures = (pictures - 0.5) * gain + 0.5 + draw.around(recipe.brightness)
    if recipe.grey and pictures.shape[1] == 3:
        luma = (pictures * pictures.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
        pictures = torch.where(draw.chance(recipe.grey), luma, pictures)
    if recipe.blur:
        pictures = torch.where(draw.chance(recipe.blur), _blurred(pictures, draw), pictures)
    if recipe.jpeg:
        pictures = _compressed(pictures, recipe.jpeg, draw)
    if recipe.erase:
        pictures = _erased(pictures, recipe.erase, draw)
    return pictures


class _Draw:
    """Random numbers for a batch, shaped (n, 1, 1, 1); the same for pictures that are alike."""

    def __init__(
        self, n: int, generator: torch.Generator, device: torch.device, alike: Tensor | None
    ):
        self._number = n if alike is None else int(alike.max()) + 1
        self.generator, self._device, self._alike = generator, device, alike

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        values = torch.rand(self._number, 1, 1, 1, generator=self.generator)
        values = values if self._alike is None else values[self._alike]
        return (low + (high - low) * values).to(self._device)

    def around(self, spread: float) -> Tensor:
        return self.uniform(-spread, spread)

    def chance(self, probability: float) -> Tensor:
        return self.uniform() < probability


def _moved(pictures: Tensor, recipe: Augment, draw: _Draw) -> Tensor:
    """Turn, scale, stretch, shift and mirror; the border repeats outside of the picture."""
    spreads = (recipe.rotate, recipe.scale, recipe.stretch, recipe.shift, recipe.flip)
    if not any(spreads):
        return pictures
    angle = draw.around(math.radians(recipe.rotate)).flatten()
    scale = 1 + draw.around(recipe.scale).flatten()
    stretch = 1 + draw.around(recipe.stretch).flatten()
    mirror = torch.where(draw.chance(recipe.flip), -1.0, 1.0).flatten()
    cos, sin = torch.cos(angle), torch.sin(angle)
    # The grid is in shares of each side, so a turn of a picture that is not square takes the ratio.
    ratio = pictures.shape[2] / pictures.shape[3]
    x = torch.stack(
        [
            cos * scale * stretch * mirror,
            -sin * scale * ratio,
            2 * draw.around(recipe.shift).flatten(),
        ]
    )
    y = torch.stack(
        [
            sin * scale * mirror / ratio,
            cos * scale / stretch,
            2 * draw.around(recipe.shift).flatten(),
        ]
    )
    grid = F.affine_grid(
        torch.stack([x, y]).permute(2, 0, 1), list(pictures.shape), align_corners=False
    )
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _blurred(pictures: Tensor, draw: _Draw) -> Tensor:
    """Blur each picture by a Gaussian of its own width, 5 pixels across."""
    steps = torch.arange(-2, 3, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-(steps**2) / (2 * draw.uniform(*_SIGMA).view(-1, 1) ** 2))
    kernel = kernel / kernel.sum(1, keepdim=True)
    n, c, h, w = pictures.shape
    rows = kernel.repeat_interleave(c, 0)
    flat = F.pad(pictures.reshape(1, n * c, h, w), (2, 2, 2, 2), mode="replicate")
    flat = F.conv2d(flat, rows.view(n * c, 1, 1, 5), groups=n * c)
    return F.conv2d(flat, rows.view(n * c, 1, 5, 1), groups=n * c).view(n, c, h, w)


def _compressed(pictures: Tensor, probability: float, draw: _Draw) -> Tensor:
    """Save some of the pictures as JPEG and read them again."""
    chosen = draw.chance(probability).flatten().nonzero().flatten().tolist()
    quality = draw.uniform(*_QUALITY).flatten().tolist()
    pictures = pictures.clone()
    for index in chosen:
        pixels = pictures[index].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
        bgr = np.ascontiguousarray(pixels[:, :, ::-1])
        encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality[index])])[1]
        read = np.atleast_3d(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED))[:, :, ::-1]
        pictures[index] = torch.from_numpy(read.transpose(2, 0, 1) / np.float32(255)).to(pictures)
    return pictures


def _erased(pictures: Tensor, probability: float, draw: _Draw) -> Tensor:
    """Cover a rectangle of some of the pictures by grey or by noise (Zhong et al. 2020)."""
    height, width = pictures.shape[2:]
    area = draw.uniform(*_ERASED) * height * width
    ratio = torch.exp(draw.around(math.log(_RATIO)))
    tall = (area * ratio).sqrt().clamp(1, height)
    wide = (area / ratio).sqrt().clamp(1, width)
    top, left = draw.uniform() * (height - tall), draw.uniform() * (width - wide)
    y = torch.arange(height, device=pictures.device).view(1, 1, -1, 1)
    x = torch.arange(width, device=pictures.device).view(1, 1, 1, -1)
    inside = (y >= top) & (y < top + tall) & (x >= left) & (x < left + wide)
    noise = torch.randn(pictures.shape, generator=draw.generator).to(pictures.device) * 0.25 + 0.5
    fill = torch.where(draw.chance(0.5), noise, noise.new_tensor(0.5))
    return torch.where(inside & draw.chance(probability), fill, pictures)
