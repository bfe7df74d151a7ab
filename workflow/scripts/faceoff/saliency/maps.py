"""Make maps to compare with, compare maps, and average them."""

from collections.abc import Iterable

import numpy as np

from faceoff.statistics.arrays import Floats

CONTROLS = ("random", "centre")  # maps that know nothing of the model


def random_map(size: tuple[int, int], seed: int) -> Floats:
    """Return a map (height, width) that knows nothing: every pixel a number of its own."""
    return np.random.default_rng(seed).random(size)


def centre_map(size: tuple[int, int]) -> Floats:
    """Return a map (height, width) that knows only where faces are: it falls from the middle."""
    rows, columns = ((np.arange(side) + 0.5) / side - 0.5 for side in size)
    return -np.hypot(rows[:, None], columns[None, :])


def rank_correlation(a: Floats, b: Floats) -> float | None:
    """Return Spearman's correlation of two maps' pixels, None where a map is constant.

    Adebayo et al. 2018, Sanity checks for saliency maps, compare maps of a network and of the same
    with random weights by it: a map that stays alike does not show what was learnt.
    """
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy import stats  # takes a second, and is needed here alone

    return float(stats.spearmanr(a, b, axis=None).statistic)


def normalised(heat: Floats) -> Floats:
    """Return a map whose values have mean 0 and mean square 1; a constant map becomes 0."""
    centred = heat - heat.mean()
    spread = float(np.sqrt((centred**2).mean()))
    return centred / spread if spread > 0 else np.zeros_like(centred)


def mean_map(maps: Iterable[Floats]) -> Floats:
    """Return the mean of maps of one size, each normalised, so that every face counts alike.

    Raises ValueError for no map, or maps of different sizes.
    """
    shown = [normalised(heat) for heat in maps]
    if not shown or len({heat.shape for heat in shown}) > 1:
        raise ValueError("a mean map needs maps of one size, one at least")
    return np.mean(shown, axis=0)
