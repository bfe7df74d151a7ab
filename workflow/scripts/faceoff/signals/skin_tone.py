"""Measure the colour of the cheeks as an angle, and how light the face is in the picture.

Both follow the light and the camera as much as the person: they group pictures, not people.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceoff.plugins.protocols import Crops, CropSpec, SignalReading
from faceoff.statistics.arrays import Floats

SIGNALS = {
    "skin_tone": {
        "class": "SkinTone",
        "licence": "MIT",
        "source": "Chardon, Cretois & Hourseau 1991, Int. J. Cosmetic Science 13, 191-208",
        "error": {
            "ita": "3° on evenly lit drawn faces; on people unknown, and it follows the light"
        },
        "notes": "depends on light and camera; unknown in grey pictures",
    }
}

# Cheeks in a crop by the canonical box (hairline to chin): below the eyes, beside the nose, above
# the mouth's corners. Shares of its sides: left, right (of the left cheek), top, bottom.
_CHEEK = (0.22, 0.36, 0.54, 0.68)
_GREY = 1.0  # b* up to which a picture has no yellow in it: grey, or under blue light


class SkinTone:
    """Individual typology angle of the cheeks (ITA, degrees) and lightness of the face (L*)."""

    crop = CropSpec(size=(96, 96), channels=3)
    columns = ("ita", "lightness")

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        height, width = self.crop.size
        left, right, top, bottom = _CHEEK
        rows = slice(round(top * height), round(bottom * height))
        self._left = rows, slice(round(left * width), round(right * width))
        self._right = rows, slice(round((1 - right) * width), round((1 - left) * width))

    def read(self, crops: Crops) -> SignalReading:
        lab = np.array([_lab(crop) for crop in crops]).reshape(crops.shape).astype(np.float64)
        cheeks = np.concatenate([lab[:, *side] for side in (self._left, self._right)], axis=2)
        # The median leaves out hair, beard and the rims of glasses.
        pixels = cheeks.shape[1] * cheeks.shape[2]
        colour = np.median(cheeks.reshape(len(crops), pixels, 3), axis=1)
        return SignalReading(
            {
                "ita": typology_angle(colour[:, 0], colour[:, 2]),
                "lightness": np.clip(lab[..., 0].mean(axis=(1, 2)), 0, 100),
            },
            np.ones(len(crops), bool),
        )


def _lab(crop: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* (D65) of an sRGB crop (height, width, 3) uint8."""
    return cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def typology_angle(lightness: Floats, yellow: Floats) -> Floats:
    """Return (n,) the individual typology angle, degrees: arctan((L* − 50) / b*).

    NaN where b* is at most 1: without yellow the angle says nothing of skin.

    References
    ----------
    Chardon, Cretois & Hourseau (1991), Skin colour typology and suntanning pathways, International
    Journal of Cosmetic Science 13, 191–208.
    """
    known = yellow > _GREY
    angle = np.degrees(np.arctan((lightness - 50) / np.where(known, yellow, 1.0)))
    return np.where(known, angle, np.nan)
