"""Change the value of HSV: the brightest of a pixel's colours."""

import numpy as np

from faceoff.corruption.kinds._strips import Strip, in_strips, strongest
from faceoff.plugins.protocols import RGB


def brighter(image: RGB, by: float) -> RGB:
    """Return a picture whose HSV value is higher by a share of white; hue and saturation stay."""

    def shifted(rows: Strip) -> Strip:
        value = strongest(rows)
        wanted = np.clip(value + np.float32(by), 0, 1)
        # Black has no hue: it becomes grey.
        return np.where(value > 0, rows * (wanted / np.where(value > 0, value, 1)), wanted)

    return in_strips(image, shifted)
