"""Smooth by the median over the last seconds."""

from faceoff.temporal.rule import TemporalRule
from faceoff.temporal.smoothing import WINDOWS_S, median, over_windows

RULE = TemporalRule(
    title="moving median",
    about="the median of each class over the last window_s seconds, renormalised",
    causal=True,
    grid={"window_s": WINDOWS_S},
    default={"window_s": 0.4},
    read=over_windows(median),
)
