"""Draw frames of 1920 x 1080 pixels with four people side by side, and read their emotions.

Each frame is a JPEG; the functions lead from its bytes to four posteriors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from models import portrait

from faceoff.faces import crops
from faceoff.faces.detection_view import BATCH, postprocess
from faceoff.inference.plugin_job import prefetch
from faceoff.media.images import decode_image, encoder

PEOPLE, SIDE = 4, 480  # people per frame; pixels of the square that each one stands in
TOP = (1080 - SIDE) // 2
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """Hold one frame.

    jpeg: the encoded picture; boxes: where its faces are, (x, y, w, h) px, hairline to chin.
    """

    jpeg: bytes
    boxes: tuple[Box, ...]


def draw(count: int) -> list[Frame]:
    """Return so many frames.

    All are of the plainest scenes: detectors of faces in the wild find all four faces.
    """
    encode = encoder(95)
    frames = []
    for number in range(count):
        image, boxes = np.zeros((1080, 1920, 3), np.uint8), []
        for place in range(PEOPLE):
            drawn, (x, y, w, h) = portrait(PEOPLE * number + place, ("plain",))
            factor = SIDE / len(drawn)
            image[TOP : TOP + SIDE, SIDE * place : SIDE * (place + 1)] = cv2.resize(
                drawn, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR
            )
            boxes.append((x * factor + SIDE * place, y * factor + TOP, w * factor, h * factor))
        frames.append(Frame(encode(image), tuple(boxes)))
    return frames


def decoded(frames: Sequence[Frame]) -> Iterator[tuple[Sequence[Frame], list[np.ndarray]]]:
    """Yield batches of frames and their pictures, as the product decodes them.

    A thread decodes the next batch meanwhile where a GPU or a second core is free.
    """
    starts = range(0, len(frames), BATCH)
    return prefetch(
        (batch, [decode_image(frame.jpeg) for frame in batch])
        for batch in (frames[start : start + BATCH] for start in starts)
    )


def detecting(
    detector: Any, card: Mapping[str, Any]
) -> Callable[[Sequence[Frame], list[np.ndarray]], list[list[Box]]]:
    """Return a function that finds the canonical boxes of a batch as the product does."""

    def boxes(frames: Sequence[Frame], images: list[np.ndarray]) -> list[list[Box]]:
        calibration = card.get("calibration")
        return [
            [crops.calibrate(face.box, calibration) for face in postprocess(found, card)]
            for found in detector.detect(images)
        ]

    return boxes


def given(frames: Sequence[Frame], images: list[np.ndarray]) -> list[list[Box]]:
    """Return the true boxes of a batch."""
    return [list(frame.boxes) for frame in frames]


def read(
    frames: Sequence[Frame],
    boxes: Callable[[Sequence[Frame], list[np.ndarray]], list[list[Box]]],
    model: Any,
) -> list[int]:
    """Return how many posteriors each frame got.

    Decode all frames, find their faces, cut them out and read their emotions.
    """
    counts: list[int] = []
    for batch, images in decoded(frames):
        found = boxes(batch, images)
        cut = [
            crops.crop(image, box, model.crop)
            for image, some in zip(images, found, strict=True)
            for box in some
        ]
        posterior = model.predict(np.stack(cut)).posterior if cut else ()
        if len(posterior) != len(cut):
            raise RuntimeError(f"{len(cut)} faces, {len(posterior)} posteriors")
        counts += [len(some) for some in found]
    return counts
