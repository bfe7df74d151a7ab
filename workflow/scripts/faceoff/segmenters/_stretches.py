"""Turn a number per hop of sound into stretches of speech."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.plugins.speech_protocols import Span

# Of every segmenter that cuts by a number per hop: seconds.
OPTIONS = {"least_s": 0.25, "gap_s": 0.3, "pad_s": 0.03, "longest_s": 30.0}


def check(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError for an option that is no number of seconds, naming it."""
    for key in OPTIONS:
        value = options[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or value < 0 or (key == "longest_s" and value <= 0):
            raise ValueError(f"segmenter {name}: options.{key}: expected seconds, not {value!r}")


def spans(
    scores: npt.NDArray[np.floating[Any]],
    speaks: npt.NDArray[np.bool_],
    hop_s: float,
    duration_s: float,
    options: Mapping[str, Any],
) -> Sequence[Span]:
    """Return the stretches in which somebody speaks.

    Pauses up to `gap_s` do not end a stretch, stretches below `least_s` are dropped, `pad_s` is
    added at both ends, and what is longer than `longest_s` is cut into equal parts.

    Parameters
    ----------
    scores
        (n,) of each hop, 0–1; their mean is a span's score.
    speaks
        (n,) whether somebody speaks in it.
    hop_s, duration_s
        Seconds of a hop and of the sound.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], speaks, [False]]).astype(np.int8)))
    runs = [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and (start - joined[-1][1]) * hop_s <= options["gap_s"]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    found = []
    for start, end in joined:
        if (end - start) * hop_s < options["least_s"]:
            continue
        low = max(0.0, start * hop_s - options["pad_s"])
        high = min(duration_s, end * hop_s + options["pad_s"])
        parts = max(1, int(np.ceil((high - low) / options["longest_s"] - 1e-9)))
        cuts = np.linspace(low, high, parts + 1)
        score = float(np.clip(scores[start:end].mean(), 0.0, 1.0))
        found += [Span(float(a), float(b), score) for a, b in pairwise(cuts)]
    return found
