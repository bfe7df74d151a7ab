"""Change the state only where another class has led by a margin for a while."""

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting, TemporalRule
from faceoff.temporal.smoothing import TAUS_S, exponential
from faceoff.temporal.stretches import EXACT_S


def _read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
    margin, hold_s = setting.constants["margin"], setting.constants["hold_s"]
    smooth = exponential(times, posteriors, setting.constants["tau_s"])
    leaders = smooth.argmax(axis=1)
    states = np.empty(len(times), np.int64)
    state, rival, since = int(leaders[0]), -1, 0.0
    for place, (now, leader) in enumerate(zip(times.tolist(), leaders.tolist(), strict=True)):
        ahead = leader != state and smooth[place, leader] - smooth[place, state] >= margin
        if not ahead:
            rival = -1
        elif leader != rival:
            rival, since = leader, now
        if ahead and now - since >= hold_s - EXACT_S:
            state, rival = leader, -1
        states[place] = state
    return states, smooth


RULE = TemporalRule(
    title="hysteresis",
    about="the exponential mean, whose state changes once another class is ahead by margin for "
    "hold_s seconds",
    causal=True,
    grid={"tau_s": TAUS_S, "margin": (0.0, 0.05, 0.1, 0.2, 0.3), "hold_s": (0.0, 0.2, 0.4)},
    default={"tau_s": 0.2, "margin": 0.1, "hold_s": 0.2},
    read=_read,
)
