"""Take the full image as the face, as a control without detection.

It shows what detectors cost or gain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "whole": {
        "class": "Whole",
        "whole_frame": True,
        "threshold": 0.0,
        "min_size": 0,
        "licence": "MIT",
    }
}


class Whole:
    """One face per image: the frame itself."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        pass

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [
            [Face(box=(0.0, 0.0, float(image.shape[1]), float(image.shape[0])), score=1.0)]
            for image in images
        ]
