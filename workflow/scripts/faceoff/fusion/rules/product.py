"""Fuse by the normalised product of the members' posteriors."""

import numpy as np

from faceoff.fusion.means import sum_of_present
from faceoff.fusion.posteriors import EPSILON, anyone_present, check_members, normalise_logs
from faceoff.fusion.rule import Rule
from faceoff.statistics.arrays import Floats


def product(posteriors: Floats) -> Floats:
    """Return exp Σ log max(p, ε), renormalised.

    For a class that only some of the M present members have, Σ is M times the mean log over those:
    absence neither helps nor hurts the class, and where all have it the formula is unchanged.
    Takes (members, n, k), returns fused (n, k).
    """
    posteriors = check_members(posteriors)
    return normalise_logs(_log_sum(posteriors), anyone_present(posteriors))


def _log_sum(posteriors: Floats) -> Floats:
    """Return (n, k): the number of present members times the mean log over those with the class.

    −inf where none has it.
    """
    total, having = sum_of_present(np.log(np.maximum(member, EPSILON)) for member in posteriors)
    present, _ = sum_of_present(
        np.where(np.isnan(member).all(axis=1), np.nan, 1.0) for member in posteriors
    )
    return np.where(having > 0, total * (present[:, None] / np.maximum(having, 1)), -np.inf)


RULE = Rule(
    title="product of posteriors",
    about="product of the members' posteriors, renormalised",
    combine=product,
)
