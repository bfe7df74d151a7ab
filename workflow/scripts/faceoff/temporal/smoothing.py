"""Smooth posteriors over true time: exponentially, or over windows. Conventions: `rule.py`."""

from collections.abc import Callable, Iterator

import numpy as np

from faceoff.statistics.arrays import Floats, Ints
from faceoff.temporal.rule import Setting
from faceoff.temporal.stretches import EXACT_S

TAUS_S = (0.1, 0.2, 0.4, 0.8, 1.6)
WINDOWS_S = (0.2, 0.4, 0.8, 1.6)


def exponential(times: Floats, posteriors: Floats, tau_s: float) -> Floats:
    """Return p̃ = αp + (1 − α)p̃ with α = 1 − exp(−Δt/τ) and p̃₀ = p₀, (n, k)."""
    smooth = posteriors.copy()
    weights = 1 - np.exp(-np.diff(times) / tau_s)
    for place, weight in enumerate(weights.tolist(), start=1):
        smooth[place] = weight * posteriors[place] + (1 - weight) * smooth[place - 1]
    return smooth


def windows(times: Floats, window_s: float, *, centred: bool) -> Iterator[slice]:
    """Yield of each frame at t the frames in (t − W, t], or in [t − W/2, t + W/2]."""
    if centred:
        first = np.searchsorted(times, times - window_s / 2 - EXACT_S, side="left")
        last = np.searchsorted(times, times + window_s / 2 + EXACT_S, side="right")
    else:
        first = np.searchsorted(times, times - window_s + EXACT_S, side="right")
        last = np.arange(1, len(times) + 1)
        first = np.minimum(first, last - 1)
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        yield slice(begin, end)


def over_windows(
    join: Callable[[Floats], Floats], *, centred: bool = False
) -> Callable[[Floats, Floats, Setting], tuple[Ints, Floats]]:
    """Return the rule that joins the posteriors of each window.

    join: (m, k) posteriors -> (k,); the state is its greatest, ties by the window's mean, then in
    canonical order.
    """

    def read(times: Floats, posteriors: Floats, setting: Setting) -> tuple[Ints, Floats]:
        smooth = np.empty_like(posteriors)
        states = np.empty(len(times), np.int64)
        window_s = setting.constants["window_s"]
        for place, window in enumerate(windows(times, window_s, centred=centred)):
            smooth[place] = join(posteriors[window])
            tied = smooth[place] == smooth[place].max()
            means = np.where(tied, posteriors[window].mean(axis=0), -1.0)
            states[place] = means.argmax()
        return states, smooth

    return read


def mean(window: Floats) -> Floats:
    """Return the mean (k,)."""
    joined: Floats = window.mean(axis=0)
    return joined


def median(window: Floats) -> Floats:
    """Return the median of each class, renormalised; the mean where all medians are 0."""
    joined: Floats = np.median(window, axis=0)
    total = joined.sum()
    return joined / total if total > 0 else mean(window)


def vote_shares(window: Floats) -> Floats:
    """Return the share of frames that each class wins; ties within a frame go to the first."""
    return np.bincount(window.argmax(axis=1), minlength=window.shape[1]) / len(window)
