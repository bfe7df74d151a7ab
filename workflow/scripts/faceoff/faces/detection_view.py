"""A frame as a detector sees it, and what of its faces is kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from faceoff.media.images import MAX_PIXELS
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
        """Enlarge by a whole factor (bicubic) and add the border, where these are asked for.

        A picture is enlarged less where more than MAX_PIXELS would come of it.
        """
        pixels = max(1, frame.shape[0] * frame.shape[1])
        upscale = max(1, min(upscale, math.isqrt(MAX_PIXELS // pixels)))
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

    def found(self, faces: Sequence[Face]) -> list[Face]:
        """Return the detections of this view, clipped to it, in pixels of the frame."""
        height, width = self.image.shape[:2]
        return [self.in_frame(clipped(face, width, height)) for face in faces]

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


def clipped(face: Face, width: float, height: float) -> Face:
    """Return a face whose box is cut to a picture of this size; without an area if it is outside.

    A box inside stays as it is, to the last bit, and so does one that is not finite, which
    `postprocess` drops.
    """
    x, y, w, h = (float(side) for side in face.box)
    inside = x >= 0 and y >= 0 and x + w <= width and y + h <= height
    if inside or not all(map(math.isfinite, (x, y, w, h))):
        return face
    left, right = (min(max(side, 0.0), float(width)) for side in (x, x + w))
    top, bottom = (min(max(side, 0.0), float(height)) for side in (y, y + h))
    return Face(
        box=(left, top, right - left, bottom - top), score=face.score, landmarks=face.landmarks
    )


def postprocess(faces: Sequence[Face], card: Mapping[str, Any]) -> list[Face]:
    """Drop malformed, weak and tiny faces, and sort the rest by score, size, then leftmost."""

    def kept(face: Face) -> bool:
        sound = (
            all(math.isfinite(side) for side in (*face.box, face.score))
            and min(face.box[2:]) > 0
            and (face.landmarks is None or bool(np.isfinite(face.landmarks).all()))
        )
        return sound and face.score >= card["threshold"] and min(face.box[2:]) >= card["min_size"]

    return sorted(
        filter(kept, faces), key=lambda face: (-face.score, -face.box[2] * face.box[3], face.box[0])
    )
