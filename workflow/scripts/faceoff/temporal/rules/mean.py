"""Smooth by the mean over the last seconds."""

from faceoff.temporal.rule import TemporalRule
from faceoff.temporal.smoothing import WINDOWS_S, mean, over_windows

RULE = TemporalRule(
    title="moving mean",
    about="the mean over the last window_s seconds",
    causal=True,
    grid={"window_s": WINDOWS_S},
    default={"window_s": 0.4},
    read=over_windows(mean),
)
