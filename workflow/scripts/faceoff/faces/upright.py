"""Lay what is seen of a face on one template, so that faces can be averaged."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from faceoff.faces import crops
from faceoff.faces.choice import SIDES
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec

SIDE = 48  # pixels of an upright face
_MARGIN = 0.25  # around the template of an aligned face
_TARGET = ((crops.TEMPLATE - 0.5) / (1 + _MARGIN) + 0.5) * SIDE


def upright(
    picture: np.ndarray, spec: CropSpec, job: CropJob, face: Mapping[str, Any]
) -> np.ndarray:
    """Return a picture or map of a crop laid on the template, (SIDE, SIDE) or (SIDE, SIDE, 3).

    Where the detector gives landmarks, and the crop is not aligned by itself, eyes, nose and mouth
    corners lie where the template has them; else the crop is only resized.

    picture: (height, width) or (height, width, 3), of any size; spec, job: how the crop was made;
    face: the row that it was made of.
    """
    size = (picture.shape[0], picture.shape[1])
    points = face.get("landmarks")
    if points is None or spec.align != "none" or job.whole_frame:
        return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    x, y, w, h = (face[side] for side in SIDES)
    area = crops.square(crops.calibrate((x, y, w, h), job.calibration), spec.margin)
    left, top, right, bottom = crops.whole_pixels(area)
    inside = (np.reshape(points, (5, 2)) - (left, top)) / (right - left, bottom - top)
    try:
        return crops.aligned(picture, inside * size[::-1], _TARGET, (SIDE, SIDE))
    except ValueError:  # the landmarks lie on one point
        return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
