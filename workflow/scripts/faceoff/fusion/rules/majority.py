"""Fuse by majority vote."""

import numpy as np

from faceoff.fusion.means import mean_of_present
from faceoff.fusion.posteriors import anyone_present, check_members, normalise
from faceoff.fusion.rule import Rule
from faceoff.fusion.votes import break_ties, votes_of_checked
from faceoff.statistics.arrays import Floats


def majority(posteriors: Floats) -> Floats:
    """Return the share of votes; each present member votes for its argmax.

    Ties go to the higher mean posterior, then to the earlier class. Takes (members, n, k), returns
    fused (n, k).
    """
    posteriors = check_members(posteriors)
    counts = np.zeros(posteriors.shape[1:])
    for cast in votes_of_checked(posteriors):
        present = np.flatnonzero(cast >= 0)
        counts[present, cast[present]] += 1
    anyone = anyone_present(posteriors)
    mean = normalise(mean_of_present(posteriors), anyone)
    return break_ties(normalise(counts, anyone), mean)


RULE = Rule(
    title="majority vote",
    about="each member votes for its most probable class; ties go to the higher mean posterior",
    hard=True,
    combine=majority,
)
