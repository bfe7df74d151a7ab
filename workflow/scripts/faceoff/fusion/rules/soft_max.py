"""Fuse by the maximum of the members' posteriors."""

import numpy as np

from faceoff.fusion.posteriors import anyone_present, check_members, normalise
from faceoff.fusion.rule import Rule
from faceoff.statistics.arrays import Floats


def soft_max(posteriors: Floats) -> Floats:
    """Return the maximum of each class over the present members that have it, renormalised.

    Takes (members, n, k), returns fused (n, k).
    """
    posteriors = check_members(posteriors)
    return normalise(np.fmax.reduce(posteriors, axis=0, initial=0.0), anyone_present(posteriors))


RULE = Rule(
    title="soft maximum",
    about="maximum of each class over the members that have it",
    combine=soft_max,
)
