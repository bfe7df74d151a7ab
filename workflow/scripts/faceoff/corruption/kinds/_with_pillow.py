"""Pass a picture through Pillow."""

import numpy as np
from PIL import Image

from faceoff.plugins.protocols import RGB


def resized(image: RGB, width: int, height: int, resample: Image.Resampling) -> RGB:
    """Return a picture resampled by Pillow, whose filters average where they shrink."""
    return np.array(Image.fromarray(image).resize((width, height), resample))
