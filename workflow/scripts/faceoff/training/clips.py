"""Hold the clips of a training: the frames with a face, and what they show over time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.statistics.arrays import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips, whose frames stand one behind the other.

    frames: (n, d) float32 features, or (n, height, width, channels) uint8 pixels, which may be a
    memory map; times: (n,) seconds; stretch: (n,) number of the frame's stretch (see
    `temporal.stretches`), rising; clip: (n,) number of its clip, rising from 0 without a gap;
    targets: (m, k) weights of the classes, and labels: (m,) the label's index, −1 for none, of
    frames (m = n) or of clips; affect: (n, a) annotated valence, arousal, NaN where there is none.
    """

    frames: npt.NDArray[Any]
    times: Floats
    stretch: Ints
    clip: Ints
    of_frames: bool
    targets: Floats
    labels: Ints
    affect: Floats

    def __len__(self) -> int:
        """Return the number of clips."""
        return int(self.clip[-1]) + 1 if len(self.clip) else 0

    def frames_of(self, clips: Ints) -> Ints:
        """Return the places of the frames of these clips, in the order of the clips."""
        starts = np.searchsorted(self.clip, clips)
        ends = np.searchsorted(self.clip, clips, side="right")
        ranges = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
        return np.concatenate(ranges)
