"""A frame as a detector sees it, and what of its faces is kept."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from faceoff.inference.clock import Clock
from faceoff.inference.hardware import is_of_the_machine
from faceoff.inference.plugin_job import call_with_row_fallback, reason
from faceoff.media.images import MAX_PIXELS, DecodeError
from faceoff.plugins.protocols import RGB, Face, FaceDetector
from faceoff.storage import columns

BATCH = 16
# Decoded pictures of a batch, two of which are in memory: 400 MB. Sixteen of 4K are below it.
BATCH_PIXELS = 2**27
Found = list[Face] | Exception
Row = dict[str, Any]
_KEY = ("sample_id", "frame", "timestamp_s")
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
        x, y, w, h = face.box
        sound = (
            all(math.isfinite(side) for side in (*face.box, face.score))
            and x < x + w  # also false for a width that vanishes beside x
            and y < y + h
            and (face.landmarks is None or bool(np.isfinite(face.landmarks).all()))
        )
        return sound and face.score >= card["threshold"] and min(face.box[2:]) >= card["min_size"]

    return sorted(
        filter(kept, faces), key=lambda face: (-face.score, -face.box[2] * face.box[3], face.box[0])
    )


def in_memory(frames: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield frame rows in batches of at most BATCH, whose pictures have at most BATCH_PIXELS.

    A picture that is larger is a batch of its own.
    """
    batch: list[Row] = []
    pixels = 0
    for number, row in enumerate(frames):
        size = (row["width"] or 0) * (row["height"] or 0)
        if batch and (number % BATCH == 0 or (size and pixels + size > BATCH_PIXELS)):
            yield batch
            batch, pixels = [], 0
        batch.append(row)
        pixels += size
    if batch:
        yield batch


def view_of(picture: Callable[[], RGB], upscale: int, pad: float) -> View | Exception:
    """Return the view of a picture, or the exception that came of decoding or enlarging it."""
    try:
        return View.of(picture(), upscale, pad)
    except (DecodeError, cv2.error) as error:
        if is_of_the_machine(error):
            raise
        return error


def detect(detector: FaceDetector, views: Sequence[View | Exception], clock: Clock) -> list[Found]:
    """Return the faces of each view in pixels of its frame, or the exception that came of it."""
    images = [view.image for view in views if isinstance(view, View)]
    found = iter(call_with_row_fallback(detector.detect, images, clock))
    return [_found(view, found) for view in views]


def _found(view: View | Exception, found: Iterator[Found]) -> Found:
    if isinstance(view, Exception):
        return view
    faces = next(found)
    return faces if isinstance(faces, Exception) else view.found(faces)


def face_rows(frame: Row, found: Found | None, card: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of one frame. found: None for a frame that cannot be read."""
    row = {key: frame[key] for key in _KEY} | {"face_id": -1, "n_faces": 0, "success": 0}
    if found is None:
        yield row | {"state": frame["state"], "reason": frame["reason"]}
        return
    if isinstance(found, Exception):
        yield row | {"state": columns.ERROR, "reason": reason(found)}
        return
    faces = postprocess(found, card)
    if not faces:
        yield row | {"state": columns.NO_FACE, "reason": "no face found"}
    for number, face in enumerate(faces):
        x, y, w, h = face.box
        landmarks = None if face.landmarks is None else [float(v) for v in face.landmarks.ravel()]
        yield {
            **row,
            "face_id": number, "n_faces": len(faces), "success": 1, "state": columns.OK,
            "x": x, "y": y, "w": w, "h": h, "score": face.score, "landmarks": landmarks,
        }  # fmt: skip
