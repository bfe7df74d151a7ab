"""Align channels that speak at times of their own, and join them (protocol §55).

A channel is one view of the same scene: a face, a voice, a text. Conventions are those of
`rule.py`; all channels have the same k classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceoff.statistics.arrays import Bools, Floats

LEAST = 1e-9  # of probabilities under the logarithm
_OVERLAPS = 4_000_000  # of times and statements that are held at once
SHIFTS_S = tuple(round(step / 10, 1) for step in range(-20, 21))


@dataclass(frozen=True)
class Channel:
    """What one channel says.

    starts, ends: (m,) seconds, starts rising: a statement holds in [start, end), and none overlaps
    another (see `apart`); posteriors: (m, k), NaN where it says that it sees nothing.
    """

    name: str
    starts: Floats
    ends: Floats
    posteriors: Floats

    def apart(self) -> "Channel":
        """Return the same channel without overlaps: where statements overlap, their mean holds."""
        if (self.ends[:-1] <= self.starts[1:]).all() and (self.starts < self.ends).all():
            return self
        edges = np.unique(np.concatenate([self.starts, self.ends]))
        middles = (edges[:-1] + edges[1:]) / 2
        spans = self._mean(
            middles, lambda now: (self.starts <= now[:, None]) & (now[:, None] < self.ends)
        )
        return replace(self, starts=edges[:-1], ends=edges[1:], posteriors=spans)

    def at(self, times: Floats) -> Floats:
        """Return what holds at these times, (n, k); NaN where nothing does."""
        if not len(self.starts):
            return np.full((len(times), self.posteriors.shape[1]), np.nan)
        places = np.searchsorted(self.starts, times, side="right") - 1
        inside = (places >= 0) & (times < self.ends[np.maximum(places, 0)])
        found: Floats = np.where(inside[:, None], self.posteriors[places], np.nan)
        return found

    def over(self, times: Floats, span_s: float) -> Floats:
        """Return the mean over [t − span/2, t + span/2), weighted by the overlap; (n, k).

        Statements of no face or silence are left out; NaN where nothing else overlaps.
        """

        def shared(now: Floats) -> Floats:
            low, high = now - span_s / 2, now + span_s / 2
            return np.minimum(high[:, None], self.ends) - np.maximum(low[:, None], self.starts)

        return self._mean(times, shared)

    def _mean(self, times: Floats, weigh: Callable[[Floats], Floats | Bools]) -> Floats:
        """Return the mean of the statements at each time, (n, k); NaN where none has a weight.

        weigh: some of the times (b,) -> weight of each statement (b, m); below 0 counts as 0.
        """
        spoken = ~np.isnan(self.posteriors).any(axis=1)
        block = max(1, _OVERLAPS // max(1, len(self.starts)))
        mean = np.empty((len(times), self.posteriors.shape[1]))
        for first in range(0, len(times), block):
            part = slice(first, first + block)
            weights = np.where(spoken, np.maximum(weigh(times[part]), 0.0), 0.0)
            with np.errstate(invalid="ignore"):
                total = weights.sum(axis=1, keepdims=True)
                mean[part] = weights @ np.nan_to_num(self.posteriors) / total
        return mean


def vote(posteriors: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the weighted mean over the channels that say something, (n, k); else NaN."""
    return _joined([np.array(p) for p in posteriors], weights)


def product(posteriors: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return p ∝ ∏ p_i^λ_i over the channels that say something, weights λ summing to 1 (§55)."""
    logs = _joined([np.log(np.maximum(p, LEAST)) for p in posteriors], weights)
    # The greatest is taken off first, so that nothing underflows.
    top = np.max(logs, axis=1, keepdims=True) if logs.shape[1] else logs
    raised = np.exp(logs - top)
    joined: Floats = raised / raised.sum(axis=1, keepdims=True)
    return joined


JOINS = {"vote": vote, "product": product}


def _joined(values: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the weighted mean (n, k) over the channels whose row is there."""
    stacked = np.stack(values)
    there = ~np.isnan(stacked).any(axis=2)
    shares = there * np.asarray(weights, float)[:, None]
    total = shares.sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares = shares / total
    mean: Floats = (shares[:, :, None] * np.nan_to_num(stacked)).sum(axis=0)
    mean[total <= 0] = np.nan
    return mean


def synchrony(a: Channel, b: Channel, times: Floats) -> list[tuple[float, float | None]]:
    """Return the agreement of two channels where b is shifted by −2 … 2 s.

    The agreement is the mean of Σ_k p_a p_b over the times at which both speak, None where they
    never do. A shift above 0 asks b later, so a peak there says that b lags behind a.

    Parameters
    ----------
    a, b
        The channels.
    times
        (n,) seconds at which a is asked.
    """
    here = a.at(times)
    curve: list[tuple[float, float | None]] = []
    for shift in SHIFTS_S:
        agreement = (here * b.at(times + shift)).sum(axis=1)
        known = agreement[~np.isnan(agreement)]
        curve.append((shift, float(known.mean()) if len(known) else None))
    return curve
