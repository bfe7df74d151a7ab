"""Smooth by the median over the seconds around a frame."""

from faceoff.temporal.rule import TemporalRule
from faceoff.temporal.smoothing import WINDOWS_S, median, over_windows

RULE = TemporalRule(
    title="centred median",
    about="the median of each class over window_s seconds around the frame, renormalised",
    causal=False,
    grid={"window_s": WINDOWS_S},
    default={"window_s": 0.4},
    read=over_windows(median, centred=True),
)
