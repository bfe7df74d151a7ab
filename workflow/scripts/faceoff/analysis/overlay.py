"""Draw what was seen of each face onto the video itself."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from faceoff.analysis.pictures import Pictures
from faceoff.analysis.result import Analysis
from faceoff.analysis.summary import name_of
from faceoff.media.encoder import Encoder
from faceoff.media.frame_rate import Sampling
from faceoff.media.kinds import sample_kind
from faceoff.plugins.protocols import RGB
from faceoff.progress import track
from faceoff.storage import columns, files

Colour = tuple[int, int, int]
# Okabe and Ito 2008, bright ones, so that people differ for everybody.
_PEOPLE: tuple[Colour, ...] = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0),
)  # fmt: skip
_UNRELIABLE, _WHITE, _BLACK = (150, 150, 150), (255, 255, 255), (0, 0, 0)
_MOST = 5.0  # intensity of a unit whose bar is full


def write(analysis: Analysis, folder: Path) -> Path | None:
    """Write overlay.mp4 (overlay.png of a picture), and return it; None without any frame.

    The file is decoded again, upright, and each sampled frame keeps its time; there is no sound.
    Raises ValueError for an analysis of no file.
    """
    if analysis.path is None:
        raise ValueError("an overlay is drawn onto a file; arrays and iterators are none")
    if not len(analysis.frames):
        return None
    still = sample_kind(analysis.path) == "image" and analysis.summary["frames"] == 1
    target = folder / f"overlay.{'png' if still else 'mp4'}"
    about = analysis.about
    pictures = Pictures(
        analysis.path, Sampling(about["fps"] or 0.0, about["every"], once=True), about["start_s"],
        about["end_s"],
    )  # fmt: skip
    faces = groupby(analysis.frames.rows(), key=lambda row: row["frame"])
    frames = track(pictures.rows(), f"{analysis.name}: overlay", analysis.summary["frames"])
    with files.atomic(target) as scratch:
        if still:
            for frame, (_, rows) in zip(frames, faces, strict=True):
                Image.fromarray(drawn(frame["pixels"], list(rows))).save(scratch, "png")
            return target
        with Encoder(scratch) as encoder:
            for frame, (_, rows) in zip(frames, faces, strict=True):
                encoder.write(drawn(frame["pixels"], list(rows)), frame["timestamp_s"])
    return target


def drawn(image: RGB, rows: Sequence[Mapping[str, Any]]) -> RGB:
    """Return a copy of a frame with its faces: box, name, emotion, and bars of action units.

    rows: of the table, of this frame. The box of a face that is not reliable is thin and grey.
    """
    image = np.array(image)
    height, width = image.shape[:2]
    font = int(np.clip(min(height, width) / 26, 9, 40))
    thick = max(2, font // 7)
    for row in rows:
        if row["x"] is None:
            continue
        number = row["face_id"] if row["identity"] is None else row["identity"]
        colour = _PEOPLE[number % len(_PEOPLE)] if row["reliable"] else _UNRELIABLE
        left, top = round(row["x"]), round(row["y"])
        right, bottom = round(row["x"] + row["w"]), round(row["y"] + row["h"])
        cv2.rectangle(image, (left, top), (right, bottom), colour, thick if row["reliable"] else 1)
        for x, y in zip((row.get("landmarks") or [])[::2], (row.get("landmarks") or [])[1::2]):
            cv2.circle(image, (round(x), round(y)), max(1, thick // 2), colour, -1)
        _label(image, (left, top), _said(row, number), font, colour)
        _bars(image, (left, top, right), row, font, colour)
    return image


def _said(row: Mapping[str, Any], number: int) -> str:
    name = name_of(number, row["person"])
    if not row["success"]:
        return f"{name}: {row['state']}"
    if row["emotion"] is None:
        return name
    return f"{name}: {row['emotion']} {100 * row['confidence']:.0f} %"


def _label(image: RGB, corner: tuple[int, int], text: str, font: int, colour: Colour) -> None:
    """Write a line above a point, or below where there is no room, on a ground of its own."""
    letters = _letters(text, font)
    rows, columns = letters.shape[0] + 4, letters.shape[1] + 6
    left = max(0, min(corner[0], image.shape[1] - columns))
    top = corner[1] - rows if corner[1] >= rows else corner[1]
    top = max(0, min(top, image.shape[0] - rows))
    cv2.rectangle(image, (left, top), (left + columns - 1, top + rows - 1), colour, -1)
    _paint(image, (left + 3, top + 2), letters, _BLACK)


def _bars(
    image: RGB, box: tuple[int, int, int], row: Mapping[str, Any], font: int, colour: Colour
) -> None:
    """Draw a bar for each action unit beside the face, on the side that has room."""
    units = {name: row[name] for name in row if name.startswith("au_") and row[name] is not None}
    if not units:
        return
    left, top, right = box
    line = max(9, round(font * 0.8))
    words = round(3.2 * line)
    whole = words + 4 * line
    beside = right + 4 if right + 4 + whole <= image.shape[1] else max(0, left - 4 - whole)
    top = max(0, min(top, image.shape[0] - line * len(units)))
    ground = image[top : top + line * len(units), beside : beside + whole]
    ground[:] = ground // 3
    for place, (name, score) in enumerate(units.items()):
        at = top + place * line
        text = _letters(columns.unit_name(name), line - 3)
        _paint(image, (beside + 2, at + 1), text, _WHITE)
        length = round(4 * line * min(max(score, 0.0), _MOST) / _MOST)
        if length:
            start = beside + words
            cv2.rectangle(image, (start, at + 2), (start + length - 1, at + line - 3), colour, -1)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which matplotlib carries and which has the letters of most names."""
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


@lru_cache(maxsize=1024)
def _letters(text: str, size: int) -> npt.NDArray[np.float32]:
    """Return how much of each pixel a line of text covers, (height, width), 0 to 1."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    width = max(1, int(np.ceil(font.getlength(text))))
    canvas = Image.new("L", (width, ascent + descent))
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=font)
    return np.asarray(canvas, np.float32) / 255


def _paint(
    image: RGB, corner: tuple[int, int], letters: npt.NDArray[np.float32], colour: Colour
) -> None:
    left, top = corner
    part = image[top : top + letters.shape[0], left : left + letters.shape[1]]
    cover = letters[: part.shape[0], : part.shape[1], None]
    part[:] = (part * (1 - cover) + np.array(colour) * cover).round()
