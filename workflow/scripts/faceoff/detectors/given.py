"""The faces that the dataset itself gives (AffectNet's CSV, VGGFace2's loose boxes, drawn truth): what perfect detection would be worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "given": {"class": "Given", "given": True, "threshold": 0.0, "min_size": 0, "licence": "MIT"}
}


class Given:
    """Boxes and landmarks of the frames table, in its order (largest first), as the dataset draws them: there is no one convention to calibrate."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        pass

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        """None: pixels alone do not say what the dataset knows."""
        return [[] for _ in images]

    def known(self, frames: Sequence[Mapping[str, Any]]) -> list[list[Face]]:
        """The faces of each frame row, with score 1; none where the dataset gives no box."""
        return [
            [_face(box, points) for box, points in zip(frame["boxes"] or (), _landmarks(frame))]
            for frame in frames
        ]


def _landmarks(frame: Mapping[str, Any]) -> Sequence[Sequence[float] | None]:
    return frame["landmarks"] or [None] * len(frame["boxes"] or ())


def _face(box: Sequence[float], points: Sequence[float] | None) -> Face:
    return Face(
        box=tuple(box), score=1.0, landmarks=None if points is None else np.reshape(points, (5, 2))
    )
