"""Turn a number per hop of sound into stretches of speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.plugins.speech_protocols import Span


@dataclass(frozen=True)
class Cut:
    """Say how stretches are cut, in seconds; raise ValueError for what is no number of seconds.

    segmenter: whose options these are, for errors; least_s: shorter stretches are dropped; gap_s:
    a shorter pause does not end a stretch; pad_s: is added at both ends; longest_s: a longer
    stretch is cut into equal parts.
    """

    segmenter: str
    least_s: float
    gap_s: float
    pad_s: float
    longest_s: float

    def __post_init__(self) -> None:
        for key in ("least_s", "gap_s", "pad_s", "longest_s"):
            value = getattr(self, key)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or value < 0 or (key == "longest_s" and value <= 0):
                raise ValueError(
                    f"segmenter {self.segmenter}: options.{key}: expected seconds, not {value!r}"
                )


def spans(
    scores: npt.NDArray[np.floating[Any]],
    speaks: npt.NDArray[np.bool_],
    hop_s: float,
    duration_s: float,
    cut: Cut,
) -> Sequence[Span]:
    """Return the stretches in which somebody speaks, cut as `cut` says.

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
        if joined and (start - joined[-1][1]) * hop_s <= cut.gap_s:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    found = []
    for start, end in joined:
        if (end - start) * hop_s < cut.least_s:
            continue
        low = max(0.0, start * hop_s - cut.pad_s)
        high = min(duration_s, end * hop_s + cut.pad_s)
        parts = max(1, int(np.ceil((high - low) / cut.longest_s - 1e-9)))
        cuts = np.linspace(low, high, parts + 1)
        score = float(np.clip(scores[start:end].mean(), 0.0, 1.0))
        found += [Span(float(a), float(b), score) for a, b in pairwise(cuts)]
    return found
