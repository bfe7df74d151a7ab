"""Average what several members say, class by class over the members that have the class.

Arrays follow the conventions of `posteriors.py`.
"""

from collections.abc import Iterable

import numpy as np

from faceoff.fusion.posteriors import anyone_present, check_members, normalise
from faceoff.statistics.arrays import Floats, Ints


def soft_mean(posteriors: Floats) -> Floats:
    """Return the mean of each class over the present members that have it, renormalised.

    Protocol §21. Takes (members, n, k), returns fused (n, k).
    """
    posteriors = check_members(posteriors)
    return normalise(mean_of_present(posteriors), anyone_present(posteriors))


def mean_of_present(posteriors: Floats) -> Floats:
    """Return the mean (n, k) over the members that are not NaN, 0 where all are."""
    total, count = sum_of_present(posteriors)
    mean: Floats = total / np.maximum(count, 1)
    return mean


def sum_of_present(members: Iterable[Floats]) -> tuple[Floats, Ints]:
    """Return the sum over the members that are not NaN, and their number, in the members' shape.

    Members are taken one by one, so that memory stays flat.
    """
    total: Floats | float = 0.0
    count: Ints | int = 0
    for member in members:
        there = ~np.isnan(member)
        total += np.where(there, member, 0.0)
        count += there.astype(np.int64)
    return np.asarray(total, dtype=np.float64), np.asarray(count, dtype=np.int64)
