"""Tell whether a mouth moves as in speech, from how far it is open over true time.

Speech opens and closes a mouth a few times a second; a smile or a yawn goes one way for longer. So
what counts is the way that the lips go there and back.
"""

import numpy as np

from faceoff.statistics.arrays import Bools, Floats
from faceoff.temporal.stretches import EXACT_S, stretches

# docs/signals.md says how window and least movement were chosen (benchmarks/talking.py).
WINDOW_S = 0.6  # around each frame
CELL_S = 0.06  # of the means that take out the noise of landmarks, alike at all frame rates
LEAST = 0.1  # mouth widths per second
SPARSE_S = 0.1  # frames that are further apart miss syllables
_BLOCK = 4096  # frames that are measured at once


def movement(times: Floats, openness: Floats, window_s: float = WINDOW_S) -> Floats:
    """Return how far the lips go there and back around each frame (n,), in mouth widths a second.

    It is (Σ|mᵢ₊₁ − mᵢ| − |m_last − m_first|) / T, where m are the means of the openness, drawn as
    a line from frame to frame, over cells of 0.06 s, T the length of these cells, together at most
    the window around the frame. A mouth that only opens, or only closes, gives 0.

    NaN where that is unknown: without a mouth, where less than half of the window lies in the
    frame's stretch (`stretches`: a longer gap than 0.5 s ends one), and where the frames in it are
    more than 0.1 s apart.

    Parameters
    ----------
    times
        (n,) seconds, rising.
    openness
        (n,) gap between the inner lips per width of the mouth, NaN where it is not seen.
    window_s
        Length of the window, of which whole cells count.
    """
    found = np.full(len(times), np.nan)
    for places in stretches(times, np.isfinite(openness), max(1, len(times))):
        if len(places) > 1:
            found[places] = _of_stretch(times[places], openness[places], window_s)
    return found


def talking(times: Floats, openness: Floats) -> Bools:
    """Return whether the mouth moves as in speech (n,): `movement` is at least `LEAST`.

    False where that is unknown, too; times, openness: as of `movement`.
    """
    return movement(times, openness) >= LEAST


def _of_stretch(times: Floats, openness: Floats, window_s: float) -> Floats:
    """Return the movement around each of two or more frames with a mouth, without a gap."""
    steps = np.diff(times)
    areas = np.append(0.0, np.cumsum(steps * (openness[1:] + openness[:-1]) / 2))

    def area(at: Floats) -> Floats:
        """Return the integral of the line from its start up to these times."""
        before = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
        on_line = np.interp(at, times, openness)
        found: Floats = areas[before] + (at - times[before]) * (openness[before] + on_line) / 2
        return found

    cells = round(window_s / CELL_S)
    offsets = CELL_S * (np.arange(cells + 1) - cells / 2)
    found = np.empty(len(times))
    for start in range(0, len(times), _BLOCK):
        edges = times[start : start + _BLOCK, None] + offsets
        means = np.diff(area(edges), axis=1) / CELL_S
        inside = (edges >= times[0] - EXACT_S) & (edges <= times[-1] + EXACT_S)
        whole = inside[:, 1:] & inside[:, :-1]
        found[start : start + _BLOCK] = _there_and_back(means, whole)
    found[_steps(times, window_s) > SPARSE_S + EXACT_S] = np.nan
    return found


def _there_and_back(means: Floats, whole: Bools) -> Floats:
    """Return the movement (n,) of means (n, cells) of which only whole cells count.

    These are next to each other. NaN where they are fewer than half.
    """
    both = whole[:, 1:] & whole[:, :-1]
    changes = np.where(both, np.diff(means, axis=1), 0.0)
    count = whole.sum(axis=1)
    there_and_back = np.abs(changes).sum(axis=1) - np.abs(changes.sum(axis=1))
    found = there_and_back / (np.maximum(count, 1) * CELL_S)
    return np.where(2 * count >= means.shape[1], found, np.nan)


def _steps(times: Floats, window_s: float) -> Floats:
    """Return the mean step in seconds (n,) between the frames around each frame, inf of one."""
    first = np.searchsorted(times, times - window_s / 2 - EXACT_S)
    last = np.searchsorted(times, times + window_s / 2 + EXACT_S, side="right") - 1
    spans = times[last] - times[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(last > first, spans / (last - first), np.inf)
