"""Align channels that speak at times of their own, and join them (protocol §55).

A channel is one view of the same scene: a face, a voice, a text. Conventions are those of
`rule.py`; all channels have the same k classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.statistics.arrays import Floats

LEAST = 1e-9  # of probabilities under the logarithm
_OVERLAPS = 4_000_000  # of times and statements that are held at once
SHIFTS_S = tuple(round(step / 10, 1) for step in range(-20, 21))


@dataclass(frozen=True)
class Channel:
    """What one channel says.

    starts, ends: (m,) seconds, starts rising: a statement holds in [start, end), and the later of
    two that overlap counts; posteriors: (m, k), NaN where it says that it sees nothing.
    """

    name: str
    starts: Floats
    ends: Floats
    posteriors: Floats

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
        block = max(1, _OVERLAPS // max(1, len(self.starts)))
        parts = [
            self._mean_over(times[first : first + block], span_s)
            for first in range(0, len(times), block)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.posteriors.shape[1]))

    def _mean_over(self, times: Floats, span_s: float) -> Floats:
        low, high = times - span_s / 2, times + span_s / 2
        shared = np.minimum(high[:, None], self.ends) - np.maximum(low[:, None], self.starts)
        spoken = ~np.isnan(self.posteriors).any(axis=1)
        weights = np.where(spoken, np.maximum(shared, 0.0), 0.0)
        total = weights.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            mean: Floats = weights @ np.nan_to_num(self.posteriors) / total
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
