"""Fuse by taking, for each sample, the member that is most trusted with such a face."""

import numpy as np

from faceoff.fusion.face_conditions import NAMES, fit_trust
from faceoff.fusion.posteriors import (
    EPSILON,
    anyone_present,
    check_same_members,
    check_training,
    normalise,
)
from faceoff.fusion.rule import CombineByFace, Rule
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.temperature import fit_temperatures, temper


def fit_switcher(
    posteriors: Floats, truth: Ints, conditions: Floats | None = None
) -> CombineByFace:
    """Learn how probably each member is right, given its face; the most trusted one decides.

    Its posterior is calibrated; ties go to the earlier member. Without conditions it is the member
    that is most often right where it has a face.

    Parameters
    ----------
    posteriors
        (members, n, k).
    truth
        (n,) class indices.
    conditions
        (members, n, c) of each member's own face (`face_conditions.of_face`), NaN where not known.
    """
    posteriors, truth = check_training(posteriors, truth)
    members, n, _ = posteriors.shape
    met = _conditions(conditions, members, n)
    temperatures = fit_temperatures(posteriors, truth)
    choice = votes(posteriors)
    trust = [
        fit_trust((cast == truth)[cast >= 0], own[cast >= 0])
        for cast, own in zip(choice, met, strict=True)
    ]

    def combine(test: Floats, conditions: Floats | None = None) -> Floats:
        test = check_same_members(test, members)
        met = _conditions(conditions, members, test.shape[1])
        trusted = np.stack([judge(own) for judge, own in zip(trust, met, strict=True)])
        trusted[np.isnan(test).all(axis=2)] = -1.0
        chosen = (trusted >= trusted.max(axis=0) - EPSILON).argmax(axis=0)
        calibrated = temper(test, temperatures)[chosen, np.arange(test.shape[1])]
        return normalise(np.nan_to_num(calibrated), anyone_present(test))

    return combine


def _conditions(conditions: Floats | None, members: int, n: int) -> Floats:
    """Return the conditions, NaN where there are none. Raises ValueError for another shape."""
    if conditions is None:
        return np.full((members, n, len(NAMES)), np.nan)
    if conditions.ndim != 3 or conditions.shape[:2] != (members, n):
        raise ValueError(
            f"conditions: shape {conditions.shape} given, expected ({members}, {n}, conditions)"
        )
    return conditions


RULE = Rule(
    title="switcher",
    about="the one member that is most often right on faces of such size, pose and score",
    learnt="temperatures, trust by face",
    fit_by_face=fit_switcher,
)
