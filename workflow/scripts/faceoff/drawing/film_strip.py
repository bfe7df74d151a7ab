"""Clips as a printable picture: one row per clip, its frames from left to right."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceoff.drawing import clips
from faceoff.drawing.roles import SIZE, Clip
from faceoff.drawing.scenes import FaceTruth
from faceoff.drawing.stories import ALL_KINDS

_CAPTION = 16  # px under each frame
_INK = (40, 40, 40)


def examples(split: str = "test", seed: int = 0) -> list[Clip]:
    """Return one clip of every kind, each with another emotion."""
    planned = clips.plan(split, seed, ALL_KINDS)
    return [
        [clip for clip in planned if clip.kind == kind][number]
        for kind, number in zip(ALL_KINDS, (1, 2, 3, 6, 4, 3, 1, 0, 11), strict=True)
    ]


def film_strip(rows: Sequence[Clip], columns: int = 8, width: int = 150) -> np.ndarray:
    """Return (h, w, 3) uint8 RGB with ``columns`` frames of each clip, evenly spaced.

    Each frame is ``width`` px wide; below it are its time and the labels shown, largest face first,
    in brackets while the face speaks.
    """
    height = width * SIZE[1] // SIZE[0]
    sheet = np.full(((height + _CAPTION) * len(rows), width * columns, 3), 255, np.uint8)
    for i, clip in enumerate(rows):
        chosen = np.linspace(0, len(clip.times) - 1, columns).round().astype(int).tolist()
        shown = {
            k: (image, t, faces)
            for k, (t, image, faces) in enumerate(clips.frames(clip))
            if k in chosen
        }
        for j, k in enumerate(chosen):
            image, t, faces = shown[k]
            top, left = (height + _CAPTION) * i, width * j
            sheet[top : top + height, left : left + width] = cv2.resize(
                image, (width, height), interpolation=cv2.INTER_AREA
            )
            said = f"{t:.1f} s  " + (", ".join(map(_said, faces)) or "no face")
            cv2.putText(
                sheet,
                said,
                (left + 2, top + height + 12),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.34,
                _INK,
                1,
                cv2.LINE_AA,
            )
    return sheet


def _said(face: FaceTruth) -> str:
    return f"({face.emotion})" if face.talking else face.emotion
