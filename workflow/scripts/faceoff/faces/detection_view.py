"""A frame as a detector sees it, and what of its faces is kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from faceoff.plugins.protocols import RGB, Face

BATCH = 16
Found = list[Face] | Exception
cv2.setNumThreads(1)  # a job's parallelism is its rule's threads


@dataclass(frozen=True)
class View:
    """A frame as the detector sees it: enlarged `scale` times, with a black border.

    The border is `left` and `top` pixels wide, after enlarging.
    """

    image: RGB
    scale: int
    left: int
    top: int

    @classmethod
    def of(cls, frame: RGB, upscale: int, pad: float) -> "View":
        """Enlarge by a whole factor (bicubic) and add the border, where these are asked for."""
        image = (
            frame
            if upscale == 1
            else cv2.resize(frame, None, fx=upscale, fy=upscale, interpolation=cv2.INTER_CUBIC)
        )
        left, top = round(pad * image.shape[1]), round(pad * image.shape[0])
        if left or top:
            image = cv2.copyMakeBorder(
                image, top, top, left, left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
            )
        return cls(image, upscale, left, top)

    def found(self, faces: Found) -> Found:
        """Return the detections of this view in pixels of the frame."""
        return faces if isinstance(faces, Exception) else [self.in_frame(face) for face in faces]

    def in_frame(self, face: Face) -> Face:
        """Return a face of this view in pixels of the frame."""
        x, y, w, h = (float(side) for side in face.box)
        box = (
            (x - self.left) / self.scale,
            (y - self.top) / self.scale,
            w / self.scale,
            h / self.scale,
        )
        landmarks = (
            None
            if face.landmarks is None
            else (face.landmarks - np.array([self.left, self.top])) / self.scale
        )
        return Face(box=box, score=face.score, landmarks=landmarks)


def postprocess(faces: Sequence[Face], card: Mapping[str, Any]) -> list[Face]:
    """Drop malformed, weak and tiny faces, and sort the rest by score, size, then leftmost."""

    def kept(face: Face) -> bool:
        sound = (
            all(math.isfinite(side) for side in (*face.box, face.score)) and min(face.box[2:]) > 0
        )
        return sound and face.score >= card["threshold"] and min(face.box[2:]) >= card["min_size"]

    return sorted(
        filter(kept, faces), key=lambda face: (-face.score, -face.box[2] * face.box[3], face.box[0])
    )
