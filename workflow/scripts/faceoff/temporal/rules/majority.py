"""Take the class that wins most of the frames of the last seconds."""

from faceoff.temporal.rule import TemporalRule
from faceoff.temporal.smoothing import WINDOWS_S, over_windows, vote_shares

RULE = TemporalRule(
    title="moving majority",
    about="the class that wins most frames of the last window_s seconds; its posteriors are shares "
    "of votes",
    causal=True,
    hard=True,
    grid={"window_s": WINDOWS_S},
    default={"window_s": 0.4},
    read=over_windows(vote_shares),
)
