"""Measure how well a face can be seen, and say by stated thresholds whether to rely on it."""

from dataclasses import asdict, astuple, dataclass

import cv2
import numpy as np

from faceoff.faces.crops import cut
from faceoff.faces.resampling import resize
from faceoff.plugins.protocols import RGB, Box

SIDE = 64  # pixels of the side to which a face is resized before it is measured


@dataclass(frozen=True)
class Quality:
    """What a face looks like.

    size: the longer side of its box in pixels; light, contrast: mean and standard deviation of its
    luma, 0 to 255; sharpness: variance of the Laplacian (Pech-Pacheco et al. 2000) of the luma over
    its contrast, so that pale is not blurred, small where the face is. The face is resized to SIDE
    x SIDE first. A face outside the picture has NaN but for its size, one of a single colour has no
    sharpness.
    """

    size: float
    light: float
    contrast: float
    sharpness: float

    def row(self) -> dict[str, float | None]:
        """Return the columns of a table, None for NaN."""
        return {
            name: None if np.isnan(value) else value
            for name, value in zip(COLUMNS, astuple(self), strict=True)
        }


COLUMNS = ("face_size", "light", "contrast", "sharpness")


@dataclass(frozen=True)
class Limits:
    """The least and most of what a face must have to be relied on, as in `Quality`.

    max_yaw: degrees by which a signal sees the head turned.
    """

    min_size: float = 32.0
    min_light: float = 30.0
    max_light: float = 190.0
    min_contrast: float = 12.0
    min_sharpness: float = 0.02
    max_yaw: float = 30.0

    def hold(self, seen: Quality) -> bool:
        """Return whether a face keeps within all limits of its picture; NaN does not."""
        return bool(
            seen.size >= self.min_size
            and self.min_light <= seen.light <= self.max_light
            and seen.contrast >= self.min_contrast
            and seen.sharpness >= self.min_sharpness
        )

    def told(self) -> dict[str, float]:
        """Return the limits by name."""
        return asdict(self)


LIMITS = Limits()


def quality(image: RGB, box: Box) -> Quality:
    """Return what is seen of a face by its canonical box. What is outside the picture is left out.

    Its luma is that of ITU-R BT.601.
    """
    x, y, w, h = box
    size = max(w, h)
    height, width = image.shape[:2]
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(float(width), x + w), min(float(height), y + h)
    if right - left < 1 or bottom - top < 1:
        return Quality(size, *[float("nan")] * 3)
    face = cut(image, (left, top, right - left, bottom - top))
    luma = resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (SIDE, SIDE))  # of one channel, faster
    contrast = float(np.std(luma))
    rough = float(cv2.Laplacian(luma, cv2.CV_64F).var())
    sharpness = rough / contrast**2 if contrast else float("nan")
    return Quality(size, float(luma.mean()), contrast, sharpness)
