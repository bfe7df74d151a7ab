"""Smooth exponentially: the state is the class that leads the running mean."""

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting, TemporalRule
from faceoff.temporal.smoothing import TAUS_S, exponential


def _read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
    smooth = exponential(times, posteriors, setting.constants["tau_s"])
    return smooth.argmax(axis=1), smooth


RULE = TemporalRule(
    title="exponential mean",
    about="a running mean in which a frame's weight falls to 37 % within tau_s seconds",
    causal=True,
    grid={"tau_s": TAUS_S},
    default={"tau_s": 0.4},
    read=_read,
)
