"""Find the likeliest sequence of states, given how often labels change."""

import numpy as np
from scipy.linalg import expm

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting, TemporalRule

LEAST = 1e-7  # of probabilities under the logarithm


def _read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
    """Return the likeliest states, and for each frame the posterior given all frames.

    Viterbi (1967), IEEE Transactions on Information Theory 13; the posteriors by forward-backward,
    Rabiner (1989), Proceedings of the IEEE 77.
    """
    if setting.rates is None:
        raise ValueError("viterbi needs the rates of change")
    steps = np.round(np.diff(times), 6)
    kinds, kind_of = np.unique(steps, return_inverse=True)
    moves = [expm(setting.rates * step) for step in kinds]
    seen = np.maximum(posteriors, LEAST)
    return _path(seen, moves, kind_of), _smoothed(seen, moves, kind_of)


def _path(seen: Floats, moves: list[Floats], kind_of: Ints) -> Ints:
    logs = [np.log(np.maximum(move, LEAST)) for move in moves]
    n, k = seen.shape
    score, came_from = np.log(seen[0]), np.zeros((n, k), np.int64)
    for place, kind in enumerate(kind_of.tolist(), start=1):
        ways = score[:, None] + logs[kind]
        came_from[place] = ways.argmax(axis=0)
        score = ways.max(axis=0) + np.log(seen[place])
    states = np.empty(n, np.int64)
    states[-1] = score.argmax()
    for place in range(n - 1, 0, -1):
        states[place - 1] = came_from[place, states[place]]
    return states


def _smoothed(seen: Floats, moves: list[Floats], kind_of: Ints) -> Floats:
    forward, backward = seen / seen.sum(axis=1, keepdims=True), np.ones_like(seen)
    for place, kind in enumerate(kind_of.tolist(), start=1):
        step = (forward[place - 1] @ moves[kind]) * seen[place]
        forward[place] = step / step.sum()
    for place in range(len(seen) - 2, -1, -1):
        step = moves[kind_of[place]] @ (backward[place + 1] * seen[place + 1])
        backward[place] = step / step.sum()
    smooth = forward * backward
    joined: Floats = smooth / smooth.sum(axis=1, keepdims=True)
    return joined


RULE = TemporalRule(
    title="Viterbi",
    about="the likeliest sequence of states, given the rates at which labels change in the "
    "validation clips; it sees the future",
    causal=False,
    grid={},
    default={},
    read=_read,
    learns=True,
)
