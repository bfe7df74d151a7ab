"""Change the state where a frame contrasts with the sequence that is running."""

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting, TemporalRule


def _read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
    leaders = posteriors.argmax(axis=1)
    states = np.empty(len(times), np.int64)
    state, total, count = int(leaders[0]), 0.0, 0
    for place, leader in enumerate(leaders.tolist()):
        rival = float(posteriors[place, leader])
        if leader != state and rival >= total / count + setting.constants["margin"]:
            state, total, count = leader, 0.0, 0
        states[place] = state
        total, count = total + float(posteriors[place, state]), count + 1
    return states, posteriors


RULE = TemporalRule(
    title="contrast",
    about="the state changes where another class is named with a probability that is margin above "
    "the mean of the state's own since it began",
    causal=True,
    grid={"margin": (0.0, 0.1, 0.2, 0.3)},
    default={"margin": 0.1},
    read=_read,
)
