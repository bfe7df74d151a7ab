"""Describe a way to make pictures, boxes or clips worse (protocol §52).

Conventions
-----------
pictures
    (height, width, 3) uint8, RGB. A corruption never changes the array that it is given.
boxes
    (x, y, w, h) in pixels of the picture; they may reach beyond it.
landmarks
    (5, 2) in pixels: left eye, right eye, nose tip, left and right corner of the mouth, as the
    viewer sees them.
severity
    1 … n, mild to strong; 0 is the original, to the byte.

Each corruption has a module of its own in `kinds/`; `corruption_list.py` finds them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from faceoff.drawing.seeds import stream
from faceoff.plugins.protocols import RGB, Floats

Value = float | str | tuple[float, ...]
Box = tuple[float, float, float, float]

# Units that stand before their number, and the one that follows it without a space.
_BEFORE = frozenset({"σ", "γ", "×", "+", "−", "CRF", "quality"})
_CLOSE = "°"


class NotApplied(ValueError):  # noqa: N818  it is a state of a row
    """Say why a corruption cannot be applied to a picture: the reason of its row."""


@dataclass(frozen=True)
class Seen:
    """Hold what a corruption knows of a picture.

    Attributes
    ----------
    box
        The canonical face box; None where no face is known: then the picture is the face.
    landmarks
        (5, 2), or None.
    rng
        New for every frame.
    clip_rng
        In the same state for every frame of a clip: for what must not flicker, such as the place
        of a patch.
    """

    box: Box | None
    landmarks: Floats | None
    rng: np.random.Generator
    clip_rng: np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """A way to make pictures, boxes or clips worse.

    Attributes
    ----------
    title
        Its name in words: "Gaussian noise".
    about
        One sentence on what it does.
    source
        Where its levels come from.
    unit
        Of a level: "px", "σ", "of the face"; "" for none. Of a level of several numbers, a unit of
        each, parted by ", ".
    levels
        The parameter of severity 1 … n, mild to strong.
    neutral
        A number that changes nothing, where levels may lie on either side of it.
    limits
        The least and the greatest number that a level may have.
    words
        What a level may be that is a text.
    on
        What it changes, and so what `apply` is given:

        - picture: ``apply(picture, value, seen, options)`` returns a picture of the same size;
          with the option `allow_upscale` it may be larger by one factor for both sides.
        - box: ``apply(box, value, seen, options)`` returns (box, landmarks or None).
        - clip: ``apply(pictures, value, seen, options)`` takes the pictures of a clip in order and
          yields as many, None for a dropped one; it holds few of them at a time.
    apply
        The function. It raises `NotApplied` where it cannot be.
    options
        Option -> its default.
    choices
        Option -> the values that it may have.
    needs
        What it goes by, if a picture has a face: "box" (landmarks where there are any), "landmarks"
        or nothing.
    face_side
        Whether a level is the side of the face in pixels.
    """

    title: str
    about: str
    source: str
    unit: str
    levels: tuple[Value, ...]
    on: Literal["picture", "box", "clip"]
    apply: Callable[..., Any]
    neutral: float | None = None
    limits: tuple[float, float] | None = None
    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: Literal["", "box", "landmarks"] = ""
    face_side: bool = False


def generators(
    seed: int, sample: str, frame: int, kind: str, severity: int
) -> tuple[np.random.Generator, np.random.Generator]:
    """Return the random streams of a frame and of its clip.

    They follow from SHA-256 of the parts, so neither the order of calls nor the number of processes
    changes them.
    """
    # The sample's name comes last: it may hold any character, also the one between the words.
    return (
        stream("corruption of a frame", seed, kind, severity, frame, sample),
        stream("corruption of a clip", seed, kind, severity, sample),
    )


def corrupted(
    corruption: Corruption,
    image: RGB,
    severity: int,
    seen: Seen,
    options: Mapping[str, Any] | None = None,
) -> RGB:
    """Return a picture at a severity of its corruption's own levels; at 0 it is the same array.

    Raises `NotApplied`, and ValueError for a severity that there is not or a corruption that
    changes no single pictures.
    """
    if severity == 0:
        return image
    if corruption.on != "picture":
        raise ValueError(f"{corruption.title} changes a {corruption.on}, not a picture")
    if not 0 < severity <= len(corruption.levels):
        raise ValueError(
            f"severity {severity}: {corruption.title} has 0 … {len(corruption.levels)}"
        )
    told = {**corruption.options, **(options or {})}
    worse: RGB = corruption.apply(image, corruption.levels[severity - 1], seen, told)
    return worse


def face_box(image: RGB, seen: Seen) -> Box:
    """Return the box of the face, that of the whole picture where no face is known.

    An empty box, or one that is not finite, raises `NotApplied`.
    """
    if seen.box is None:
        return (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    if not (np.isfinite(seen.box).all() and min(seen.box[2:]) > 0):
        raise NotApplied(f"the face's box is empty: {', '.join(f'{side:g}' for side in seen.box)}")
    return seen.box


def face_side(image: RGB, seen: Seen) -> float:
    """Return the longer side of the face's box in pixels."""
    return max(face_box(image, seen)[2:])


def value_text(corruption: Corruption, value: Value) -> str:
    """Return a level in words: "32 px", "σ 4", "15°", "10 px, σ 3"."""
    if isinstance(value, str):
        return value
    numbers = value if isinstance(value, tuple) else (value,)
    units = corruption.unit.split(", ") if corruption.unit else [""] * len(numbers)
    return ", ".join(_measured(number, unit) for number, unit in zip(numbers, units, strict=True))


def _measured(number: float, unit: str) -> str:
    if unit in _BEFORE:
        return f"{unit} {number:g}"
    return f"{number:g}{unit}" if unit == _CLOSE else f"{number:g} {unit}".rstrip()
