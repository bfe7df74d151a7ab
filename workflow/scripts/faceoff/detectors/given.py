"""Use the faces that the dataset itself gives, to show what perfect detection would be worth.

AffectNet's CSV, VGGFace2's loose boxes and drawn truth have such faces.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "given": {"class": "Given", "given": True, "threshold": 0.0, "min_size": 0, "licence": "MIT"}
}


class Given:
    """A detector that returns the boxes and landmarks of the frames table, largest first.

    Datasets draw boxes by their own conventions, so there is no single one to calibrate.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        pass

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        """Return no faces, because the dataset's boxes cannot be told from pixels."""
        return [[] for _ in images]

    def known(self, frames: Sequence[Mapping[str, Any]]) -> list[list[Face]]:
        """Return the faces of each frame row, with score 1; none if the dataset gives no box."""
        return [
            [_face(box, points) for box, points in zip(frame["boxes"] or (), _landmarks(frame))]
            for frame in frames
        ]


def _landmarks(frame: Mapping[str, Any]) -> Sequence[Sequence[float] | None]:
    return frame["landmarks"] or [None] * len(frame["boxes"] or ())


def _face(box: Sequence[float], points: Sequence[float] | None) -> Face:
    x, y, w, h = box
    landmarks = None if points is None else np.reshape(points, (5, 2))
    return Face(box=(x, y, w, h), score=1.0, landmarks=landmarks)
