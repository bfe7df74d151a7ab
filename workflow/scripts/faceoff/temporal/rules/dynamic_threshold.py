"""Leave neutral where another emotion rises above what it was in the last ten seconds."""

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting, TemporalRule
from faceoff.temporal.smoothing import TAUS_S, exponential
from faceoff.temporal.stretches import EXACT_S

HISTORY_S, LEAST_S = 10.0, 2.0
EARLY = 0.5  # the threshold before there is a history
RELEASE = 0.1  # how far below the threshold an emotion ends
RISE = 0.15  # least rise above the median: of a calm face the deviation is next to nothing
NORMAL = 1.4826  # median absolute deviation -> standard deviation of a normal distribution


def _read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
    neutral, kappa = setting.neutral, setting.constants["kappa"]
    smooth = exponential(times, posteriors, setting.constants["tau_s"])
    others = smooth.copy()
    others[:, neutral] = -1.0
    leaders, heights = others.argmax(axis=1), others.max(axis=1)
    first = np.searchsorted(times, times - HISTORY_S - EXACT_S)
    states = np.empty(len(times), np.int64)
    aroused = False
    for place in range(len(times)):
        threshold = EARLY
        # The history ends before this frame, so that a frame does not raise its own threshold.
        if times[place] - times[first[place]] >= LEAST_S - EXACT_S:
            past = heights[first[place] : place]
            middle = np.median(past)
            spread = NORMAL * np.median(np.abs(past - middle))
            threshold = middle + max(kappa * spread, RISE)
        height = heights[place]
        aroused = bool(height > threshold - RELEASE if aroused else height >= threshold)
        states[place] = leaders[place] if aroused else neutral
    return states, smooth


RULE = TemporalRule(
    title="dynamic threshold",
    about="neutral until the best other class of the exponential mean lies kappa robust standard "
    "deviations, and 0.15, above its median of the last 10 seconds",
    causal=True,
    grid={"tau_s": TAUS_S, "kappa": (1.0, 2.0, 3.0)},
    default={"tau_s": 0.2, "kappa": 2.0},
    read=_read,
    needs_neutral=True,
)
