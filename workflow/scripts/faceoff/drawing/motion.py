"""Define the motions of a clip, as functions of time in seconds.

Expressions rise and fall, heads sway, people blink, speak and walk out of the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.drawing.expressions import INTENSITIES
from faceoff.drawing.seeds import within

SHOWN = (
    1.0  # an emotion counts as shown from this intensity on: A, FACS's "trace", on the 0-5 scale
)
_CLOSING_S, _CLOSED_S, _OPENING_S = 0.08, 0.04, 0.12  # a blink: the lid falls faster than it rises
_SYLLABLES_HZ = 4.0


def ease(t: float, start: float, end: float) -> float:
    """Return 0 before ``start``, 1 after ``end``, and half a cosine in between.

    Speed has no jump at either end.
    """
    return 0.5 - 0.5 * float(np.cos(np.pi * np.clip((t - start) / (end - start), 0, 1)))


def _thousandth(value: float) -> float:
    """Round to a thousandth, so that a cache takes visually equal moments for the same one."""
    return round(value, 3)


@dataclass(frozen=True)
class Act:
    """One emotion shown once.

    Its onset starts at ``onset_s``, its apex at ``apex_s``; its offset lasts from ``offset_s`` to
    ``end_s``.
    """

    emotion: str
    intensity: str  # onset, middle, apex: how strong it gets
    onset_s: float
    apex_s: float
    offset_s: float
    end_s: float
    peak: float = 1.0  # share of that intensity at the apex

    def share(self, t: float) -> float:
        """Return how much of the expression is shown, in [0, ``peak``]."""
        return _thousandth(
            self.peak * (ease(t, self.onset_s, self.apex_s) - ease(t, self.offset_s, self.end_s))
        )

    def label(self, t: float) -> str:
        """Return the emotion while its intensity is at least `SHOWN`, else neutral."""
        return self.emotion if self.share(t) * INTENSITIES[self.intensity] >= SHOWN else "neutral"


def act(emotion: str, intensity: str, span: tuple[float, float], rng: np.random.Generator) -> Act:
    """Return an act within ``span`` (s).

    It rises and falls in 15 to 25 % of it each, with a little rest before and after.
    """
    start, end = span
    length = end - start
    onset, fall = start + within(0.04, 0.10, rng) * length, end - within(0.04, 0.10, rng) * length
    times = (
        onset,
        onset + within(0.15, 0.25, rng) * length,
        fall - within(0.15, 0.25, rng) * length,
        fall,
    )
    return Act(emotion, intensity, *map(_thousandth, times))


@dataclass(frozen=True)
class Sway:
    """A slow wavering about 0 that stays within ``amplitude``.

    It is two sines whose periods have no common multiple within a clip.
    """

    amplitude: float
    period_s: float
    phase: float

    def at(self, t: float) -> float:
        turn = 2 * np.pi * t / self.period_s
        return self.amplitude * float(
            0.7 * np.sin(turn + self.phase) + 0.3 * np.sin(2.63 * turn + 2 * self.phase)
        )


def sway(amplitude: float, rng: np.random.Generator) -> Sway:
    """Return a wavering of 60 to 100 % of ``amplitude`` and a period of 2 to 4 s."""
    return Sway(within(0.6, 1, rng) * amplitude, within(2, 4, rng), within(0, 2 * np.pi, rng))


def blinks(duration_s: float, rng: np.random.Generator) -> tuple[float, ...]:
    """Return the times at which the lids begin to fall.

    The first is in the first 1.5 s; then one comes every 1.2 to 3 s.
    """
    times, t = [], within(0.1, 1.5, rng)
    while t < duration_s:
        times.append(_thousandth(t))
        t += within(1.2, 3.0, rng)
    return tuple(times)


def lid(t: float, times: Sequence[float]) -> float:
    """Return the intensity (0-5) of AU45, the blink."""
    closing = [
        ease(t, at, at + _CLOSING_S)
        - ease(t, at + _CLOSING_S + _CLOSED_S, at + _CLOSING_S + _CLOSED_S + _OPENING_S)
        for at in times
    ]
    return _thousandth(5 * max(closing, default=0.0))


def voiced(t: float, spans: Sequence[tuple[float, float]]) -> float:
    """Return how far a mouth speaks, in [0, 1]: it takes 0.1 s to begin and to end each span."""
    return max(ease(t, start, start + 0.1) - ease(t, end - 0.1, end) for start, end in spans)


def speech(t: float, spans: Sequence[tuple[float, float]], phase: float) -> float:
    """Return how far the mouth is open, in [0, 1], while somebody speaks during ``spans``.

    The syllables have uneven loudness.
    """
    loud = 0.65 + 0.35 * np.sin(2 * np.pi * 1.1 * t + phase)
    return _thousandth(
        float(voiced(t, spans) * loud * np.sin(np.pi * _SYLLABLES_HZ * t + phase) ** 2)
    )


_COARTICULATION_S = 0.07  # a mouth moves into a phoneme's shape this long before and after it


def articulation(t: float, phonemes: Sequence[tuple[float, float, float]]) -> float:
    """Return how far the mouth is open, in [0, 1], while it forms phonemes.

    phonemes: (begins, ends, how far it opens the mouth) of each, in seconds. They are smoothed by a
    raised cosine; between phonemes the mouth is closed.
    """

    def before(at: float) -> float:
        """Return which share of the cosine about ``t`` lies before a time."""
        x = min(max((at - t) / _COARTICULATION_S, -1.0), 1.0)
        return 0.5 * (1 + x + float(np.sin(np.pi * x)) / np.pi)

    near = (p for p in phonemes if p[0] < t + _COARTICULATION_S and p[1] > t - _COARTICULATION_S)
    return _thousandth(sum(far * (before(end) - before(start)) for start, end, far in near))


@dataclass(frozen=True)
class Absence:
    """A walk out of the picture and back.

    The person leaves from ``leaves_s``, is out from ``gone_s``, comes from ``comes_s`` and is back
    at ``back_s``.
    """

    leaves_s: float
    gone_s: float
    comes_s: float
    back_s: float

    def share(self, t: float) -> float:
        """Return 0 for a person in place, 1 for one out of the picture."""
        return ease(t, self.leaves_s, self.gone_s) - ease(t, self.comes_s, self.back_s)
