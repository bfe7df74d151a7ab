"""Draw the face that the page shows where there is no camera; its truth is known."""

from functools import lru_cache
from typing import Any

import numpy as np

from faceoff.drawing import clips
from faceoff.drawing.motion import Act
from faceoff.drawing.roles import Clip, Role
from faceoff.media.images import encode

_COLUMNS = 8  # pictures in a row of the sheet
_EMOTIONS = ("happiness", "surprise", "sadness", "anger")
_ACT_S = 1.5


def _act(emotion: str, start_s: float) -> Act:
    """Return an act of 1.2 s; the face is at rest until the next one."""
    return Act(emotion, "apex", start_s, start_s + 0.2, start_s + 1.0, start_s + 1.2)


_ACTS = tuple(_act(emotion, 0.5 + _ACT_S * place) for place, emotion in enumerate(_EMOTIONS))
CLIP = Clip(
    sample_id="live", split="test", kind="several", seed=0, duration_s=0.5 + _ACT_S * len(_ACTS),
    cast=(Role("test01", _ACTS),), fps=8,
)  # fmt: skip


def told() -> dict[str, Any]:
    """Return how the sheet is cut into pictures, and the emotion that each of them shows."""
    width, height = CLIP.size
    return {
        "width": width, "height": height, "columns": _COLUMNS, "fps": CLIP.fps,
        "emotions": [clips.truth_at(CLIP, time_s)[0].emotion for time_s in CLIP.times],
    }  # fmt: skip


@lru_cache(maxsize=1)
def sheet() -> bytes:
    """Return the clip's pictures side by side, row by row, as one JPEG."""
    pictures = [picture for _, picture, _ in clips.frames(CLIP)]
    missing = -len(pictures) % _COLUMNS
    pictures += [np.zeros_like(pictures[0])] * missing
    rows = [
        np.concatenate(pictures[first : first + _COLUMNS], 1)
        for first in range(0, len(pictures), _COLUMNS)
    ]
    return encode(np.concatenate(rows))
