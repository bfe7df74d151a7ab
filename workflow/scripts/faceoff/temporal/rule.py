"""Describe a rule over time, and read a clip by it (protocol §45).

Conventions
-----------
times
    (n,) seconds, not falling.
posteriors
    (n, k) probabilities; a row of NaN where no face was read.
states
    (n,) class index, -1 where there is no state.

Each rule has a module of its own in `rules/`; `rule_list.py` finds them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.temporal.stretches import EXACT_S, GAP_S, stretches


@dataclass(frozen=True)
class Setting:
    """What a rule is told.

    constants: by name; neutral: the index of the class neutral, None where there is none; rates:
    (k, k) changes per second from class to class, which a rule that learns needs.
    """

    constants: Mapping[str, float] = field(default_factory=dict)
    neutral: int | None = None
    rates: Floats | None = None


@dataclass(frozen=True)
class Steady:
    """What a rule makes of a clip. held: (n,) whether a state outlives a face that is away."""

    states: Ints
    posteriors: Floats
    held: Bools


# times and posteriors of frames with a face, without a longer gap -> states, posteriors
Read = Callable[[Floats, Floats, Setting], tuple[Ints, Floats]]


@dataclass(frozen=True, kw_only=True)
class TemporalRule:
    """A way to make a state per frame of a clip's posteriors.

    Attributes
    ----------
    title
        Its name in words: "exponential mean".
    about
        One sentence on what it does.
    causal
        Whether a state depends on no later frame.
    grid
        Constant -> the values from which validation clips choose. Times are in seconds.
    default
        Constant -> its value where no validation clips choose.
    read
        The rule, of a stretch of frames that all have a face.
    needs_neutral
        Whether it asks for the class neutral.
    learns
        Whether it needs the rates at which labels change.
    hard
        Whether its posteriors are shares of votes, so that log loss and ECE are undefined.
    """

    title: str
    about: str
    causal: bool
    grid: Mapping[str, tuple[float, ...]]
    default: Mapping[str, float]
    read: Read
    needs_neutral: bool = False
    learns: bool = False
    hard: bool = False

    def settings(self, fixed: Mapping[str, float]) -> Iterator[dict[str, float]]:
        """Yield every setting of the constants from which validation clips choose.

        fixed: constants that are given. Raises ValueError for one that the rule does not have.
        """
        if unknown := set(fixed) - set(self.grid):
            raise ValueError(
                f"{self.title}: no constant {', '.join(sorted(unknown))}; it has "
                f"{', '.join(self.grid) or 'none'}"
            )
        values = [(fixed[name],) if name in fixed else grid for name, grid in self.grid.items()]
        for chosen in product(*values):
            yield dict(zip(self.grid, chosen, strict=True))


def steady(rule: TemporalRule, times: Floats, posteriors: Floats, setting: Setting) -> Steady:
    """Read a clip by a rule.

    A face that is away keeps its state for `GAP_S` seconds at most; the rule begins anew behind a
    longer gap.

    Parameters
    ----------
    rule
        The rule.
    times
        (n,).
    posteriors
        (n, k).
    setting
        Its constants.

    Raises
    ------
    ValueError
        If the times fall, the shapes differ, or the rule lacks what it needs.
    """
    n, k = posteriors.shape
    if times.shape != (n,):
        raise ValueError(f"times: shape {times.shape} given, expected ({n},)")
    if n and not (np.diff(times) >= 0).all():
        raise ValueError("times: they fall; give a clip's frames in the order of their times")
    if rule.needs_neutral and setting.neutral is None:
        raise ValueError(f"the rule {rule.title} needs the class neutral")
    if rule.learns and setting.rates is None:
        raise ValueError(f"the rule {rule.title} needs labelled clips to learn from")
    there = ~np.isnan(posteriors).any(axis=1) if k else np.zeros(n, bool)
    states, smooth = np.full(n, -1, np.int64), np.full((n, k), np.nan)
    for places in stretches(times, there, max(n, 1)):
        states[places], smooth[places] = rule.read(times[places], posteriors[places], setting)
    held = np.zeros(n, bool)
    seen = np.maximum.accumulate(np.where(there, np.arange(n), -1))
    away = np.flatnonzero(~there & (seen >= 0))
    away = away[times[away] - times[seen[away]] <= GAP_S + EXACT_S]
    states[away], smooth[away], held[away] = states[seen[away]], smooth[seen[away]], True
    return Steady(states, smooth, held)
