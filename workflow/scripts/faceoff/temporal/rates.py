"""Learn how often labels change, as rates per second, so that any frame rate can use them."""

from collections.abc import Iterable

import numpy as np

from faceoff.statistics.arrays import Floats, Ints

PRIOR = 0.5  # changes from every class to every other, which have not been seen (Jeffreys)
PRIOR_S = 1.0  # seconds in every class


def rates_of_change(clips: Iterable[tuple[Floats, Ints]], k: int) -> Floats:
    """Return the generator (k, k) of a Markov chain in continuous time: rows sum to 0.

    The rate from a to b is the number of changes over the seconds in a, each with a little of the
    prior added (Albert 1962, Annals of Mathematical Statistics 33).

    Parameters
    ----------
    clips
        Of each clip the times (n,) in seconds and the labels (n,), -1 where there is none.
    k
        Number of classes.
    """
    changes = np.full((k, k), PRIOR / max(k - 1, 1))
    seconds = np.full(k, PRIOR_S)
    for times, labels in clips:
        steps = np.diff(times)
        known = (labels[:-1] >= 0) & (labels[1:] >= 0)
        before, after = labels[:-1][known], labels[1:][known]
        np.add.at(seconds, before, steps[known])
        np.add.at(changes, (before, after), 1.0)
    np.fill_diagonal(changes, 0.0)
    rates: Floats = changes / seconds[:, None]
    np.fill_diagonal(rates, -rates.sum(axis=1))
    return rates
