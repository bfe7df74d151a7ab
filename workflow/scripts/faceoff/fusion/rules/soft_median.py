"""Fuse by the median of the members' posteriors."""

import numpy as np

from faceoff.fusion.means import mean_of_present
from faceoff.fusion.posteriors import EPSILON, anyone_present, check_members, normalise
from faceoff.fusion.rule import Rule
from faceoff.statistics.arrays import Floats

_BLOCK = 2048  # samples sorted at a time: what fits into a processor's cache sorts twice as fast


def soft_median(posteriors: Floats) -> Floats:
    """Return the median of each class over the present members that have it, renormalised.

    Rows whose medians are all 0 take the soft mean. Takes (members, n, k), returns fused (n, k).
    """
    posteriors = check_members(posteriors)
    members, n, k = posteriors.shape
    middle = np.empty((n, k))
    for start in range(0, n, _BLOCK):
        block = np.ascontiguousarray(posteriors[:, start : start + _BLOCK].reshape(members, -1).T)
        count = members - np.isnan(block).sum(axis=1, keepdims=True)
        block.sort(axis=1)  # NaN last
        low, high = (
            np.take_along_axis(block, index, axis=1)
            for index in (np.maximum(count - 1, 0) // 2, count // 2)
        )
        middle[start : start + _BLOCK] = np.where(count > 0, (low + high) / 2, 0.0).reshape(-1, k)
    empty = middle.sum(axis=1) <= EPSILON
    middle[empty] = mean_of_present(posteriors[:, empty])
    return normalise(middle, anyone_present(posteriors))


RULE = Rule(
    title="soft median",
    about="median of each class over the members that have it",
    combine=soft_median,
)
