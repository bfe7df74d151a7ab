"""Smooth by the mean over the seconds around a frame."""

from faceoff.temporal.rule import TemporalRule
from faceoff.temporal.smoothing import WINDOWS_S, mean, over_windows

RULE = TemporalRule(
    title="centred mean",
    about="the mean over window_s seconds around the frame, so it sees the future",
    causal=False,
    grid={"window_s": WINDOWS_S},
    default={"window_s": 0.4},
    read=over_windows(mean, centred=True),
)
