"""Tell whether a scene changes between two frames."""

import cv2
import numpy as np
import numpy.typing as npt

# Mean change of hue, saturation and value, each 0 to 255, from which a cut is seen; the measure and
# its threshold are PySceneDetect's (ContentDetector).
CUT = 27.0
_SMALL = (64, 36)  # pixels of the pictures that are compared


def small_picture(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return an RGB picture as a small one by hue, saturation and value, for `scene_change`."""
    small = cv2.resize(image, _SMALL, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2HSV_FULL).astype(np.uint8, copy=False)


def scene_change(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Return the mean absolute change of two small pictures (h, w, 3) of HSV, 0 to 255.

    Hue, of which 0 and 255 are neighbours, counts as far as both pixels have a colour.
    """
    a, b = one.astype(float), other.astype(float)
    change = np.abs(a - b)
    change[..., 0] = np.minimum(change[..., 0], 256 - change[..., 0])
    change[..., 0] *= np.minimum(a[..., 1], b[..., 1]) / 255
    return float(change.mean())


def is_cut(before: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8]) -> bool:
    """Return whether the scene changes between two RGB pictures of a video."""
    return scene_change(small_picture(before), small_picture(now)) >= CUT
