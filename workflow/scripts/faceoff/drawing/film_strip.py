"""Clips as a printable picture: one row per clip, its frames from left to right."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from faceoff.drawing import clips
from faceoff.drawing.roles import SIZE, Clip
from faceoff.drawing.scenes import FaceTruth
from faceoff.drawing.soundtrack import soundtrack
from faceoff.drawing.stories import ALL_KINDS
from faceoff.drawing.talk import KINDS, Talk, plan, staged
from faceoff.drawing.voice import RATE

_CAPTION = 16  # px under each frame
_INK = (40, 40, 40)
_WAVE, _BAR, _QUIET_DB = 56, 38, 60.0  # px: of a sound's row, of 0 dB; what is quieter is not seen
_HEARD, _UNHEARD = (70, 90, 160), (190, 190, 190)


def examples(split: str = "test", seed: int = 0) -> list[Clip]:
    """Return one clip of every kind, each with another emotion."""
    planned = clips.plan(split, seed, ALL_KINDS)
    return [
        [clip for clip in planned if clip.kind == kind][number]
        for kind, number in zip(ALL_KINDS, (1, 2, 3, 6, 4, 3, 1, 0, 11), strict=True)
    ]


def talk_examples() -> list[Talk]:
    """Return one talking clip of every kind, each with another emotion."""
    planned = plan("test", 96, size="full")
    return [
        [talk for talk in planned if talk.kind == kind][number]
        for kind, number in zip(KINDS, (1, 6, 1, 3, 4, 2, 2, 1), strict=True)
    ]


def film_strip(rows: Sequence[Clip], columns: int = 8, width: int = 150) -> np.ndarray:
    """Return (h, w, 3) uint8 RGB with ``columns`` frames of each clip, evenly spaced.

    Each frame is ``width`` px wide; below it are its time and the labels shown, largest face first,
    in brackets while the face speaks.
    """
    return np.concatenate(
        [
            _row(clip, np.linspace(0, len(clip.times) - 1, columns).round().astype(int), width)
            for clip in rows
        ]
    )


def talk_strip(rows: Sequence[Talk], columns: int = 8, width: int = 150) -> np.ndarray:
    """Return the frames of talking clips as `film_strip` does, and below them what is heard.

    Time runs from left to right: each frame is that of the middle of its place. The loudness, on a
    scale of decibels, is dark while somebody is heard. Raises OSError without espeak-ng.
    """
    parts = []
    for talk in rows:
        clip = staged(talk).clip
        middles = (np.arange(columns) + 0.5) / columns * len(clip.times)
        parts += [_row(clip, middles.astype(int), width), _wave(talk, width * columns)]
    return np.concatenate(parts)


def _row(clip: Clip, chosen: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
    """Return the chosen frames of a clip side by side, with captions."""
    height = width * SIZE[1] // SIZE[0]
    sheet = np.full((height + _CAPTION, width * len(chosen), 3), 255, np.uint8)
    wanted = set(map(int, chosen))
    shown = {
        k: (image, t, faces)
        for k, (t, image, faces) in enumerate(clips.frames(clip))
        if k in wanted
    }
    for j, k in enumerate(chosen):
        image, t, faces = shown[int(k)]
        left = width * j
        sheet[:height, left : left + width] = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA
        )
        said = f"{t:.1f} s  " + (", ".join(map(_said, faces)) or "no face")
        _write(sheet, said, left + 2, height + 12)
    return sheet


def _wave(talk: Talk, width: int) -> np.ndarray:
    """Return the loudness of a talking clip over its time, one column of pixels after the other."""
    sheet = np.full((_WAVE, width, 3), 255, np.uint8)
    sound, stage = soundtrack(talk), staged(talk)
    what = []
    if sound is None:
        what.append("no sound track")
    else:
        edges = np.linspace(0, len(sound), width + 1).astype(int)
        at = (edges[:-1] + edges[1:]) / 2 / RATE - talk.lag_s
        for x, (begin, end) in enumerate(pairwise(edges)):
            level = 20 * np.log10(np.sqrt(np.mean(np.square(sound[begin:end]))) + 1e-9)
            tall = round(_BAR * np.clip(1 + level / _QUIET_DB, 0, 1))
            heard = any(s.spoken and s.start_s <= at[x] < s.end_s for s in stage.said)
            sheet[_WAVE - tall - 2 : _WAVE - 1, x] = _HEARD if heard else _UNHEARD
        what += [f"a voice of {line.voice}" for line in talk.heard] or ["silence"]
        if talk.lag_s:
            what.append(f"sound at {talk.lag_s:+.1f} s")
        if talk.noise:
            what.append(f"{talk.noise} noise, {talk.snr_db} dB below")
    _write(sheet, f"{talk.kind}: {', '.join(what)}", 2, 11)
    return sheet


def _write(sheet: np.ndarray, text: str, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.34, _INK, 1, cv2.LINE_AA)


def _said(face: FaceTruth) -> str:
    return f"({face.emotion})" if face.talking else face.emotion
