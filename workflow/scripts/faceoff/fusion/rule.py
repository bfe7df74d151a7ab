"""Describe a fusion rule, and run one over folds or over the best members only.

Arrays follow the conventions of `posteriors.py`. Each rule has a module of its own in `rules/`;
`rule_list.py` finds them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from faceoff.fusion.posteriors import check_same_members, check_training
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.folds import check_folds

# posteriors (members, n, k) -> fused (n, k)
Combine = Callable[[Floats], Floats]
# the same with the conditions (members, n, c) of the members' faces, None where not known
CombineByFace = Callable[[Floats, Floats | None], Floats]
# posteriors, truth (n,) of samples to learn from
Fit = Callable[[Floats, Ints], Combine]
FitByFace = Callable[[Floats, Ints, Floats | None], CombineByFace]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to join the posteriors of several members (protocol §20).

    Exactly one of `combine`, `fit` and `fit_by_face` is given.

    Attributes
    ----------
    title
        Its name in words: "majority vote".
    about
        One sentence on what it does.
    learnt
        What it learns from labelled samples, in words; empty if it learns nothing.
    hard
        Whether it gives votes or ranks instead of probabilities: log loss, Brier score and ECE are
        undefined then.
    combine
        Fuse, of a rule that learns nothing.
    fit
        Learn from labelled samples and return the function that fuses.
    fit_by_face
        The same for a rule that also looks at the conditions of each member's face
        (`face_conditions.of_face`).
    weights
        Return the weight of each member (members,) that the rule learns from labelled samples.
    """

    title: str
    about: str
    learnt: str = ""
    hard: bool = False
    combine: Combine | None = None
    fit: Fit | None = None
    fit_by_face: FitByFace | None = None
    weights: Callable[[Floats, Ints], Floats] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if the rule has no way to fuse, or more than one."""
        given = [way for way in (self.combine, self.fit, self.fit_by_face) if way is not None]
        if len(given) != 1:
            raise ValueError(
                f"rule {self.title!r}: {len(given)} of combine, fit and fit_by_face given, "
                "expected 1"
            )

    @property
    def learns(self) -> bool:
        """Return whether the rule needs labelled samples."""
        return self.combine is None

    @property
    def by_face(self) -> bool:
        """Return whether the rule looks at the conditions of the members' faces."""
        return self.fit_by_face is not None

    def learn(
        self, posteriors: Floats, truth: Ints, conditions: Floats | None = None
    ) -> CombineByFace:
        """Fit the rule, whatever its kind; one that learns nothing returns its `combine`.

        Parameters
        ----------
        posteriors
            (members, n, k) of the samples to learn from.
        truth
            (n,) class indices.
        conditions
            (members, n, c); only rules `by_face` look at them.

        Returns
        -------
        A function of (posteriors, conditions) of other samples that returns their fused (n, k).

        Raises
        ------
        ValueError
            If shapes or values are not as `posteriors.py` says.
        """
        if self.fit_by_face is not None:
            return self.fit_by_face(posteriors, truth, conditions)
        combine = self.combine or self._fit(posteriors, truth)

        def without_faces(test: Floats, _: Floats | None) -> Floats:
            return combine(test)

        return without_faces

    def _fit(self, posteriors: Floats, truth: Ints) -> Combine:
        if self.fit is None:
            raise ValueError(f"rule {self.title!r} learns nothing")
        return self.fit(posteriors, truth)


def top(rule: Rule, count: int) -> Rule:
    """Return the rule over the members that are most accurate on the samples it learns from.

    Parameters
    ----------
    rule
        Any rule; one that learns nothing learns its members then.
    count
        How many members vote. An abstention is wrong; ties go to the earlier member.
    """

    def fit_by_face(
        posteriors: Floats, truth: Ints, conditions: Floats | None = None
    ) -> CombineByFace:
        posteriors, truth = check_training(posteriors, truth)
        accuracy = (
            (votes(posteriors) == truth).mean(axis=1) if len(truth) else np.zeros(len(posteriors))
        )
        chosen = np.sort(np.argsort(-accuracy, kind="stable")[:count])
        combine = rule.learn(
            posteriors[chosen], truth, None if conditions is None else conditions[chosen]
        )

        def of_chosen(test: Floats, met: Floats | None = None) -> Floats:
            test = check_same_members(test, len(posteriors))[chosen]
            return combine(test, None if met is None else met[chosen])

        return of_chosen

    def fit(posteriors: Floats, truth: Ints) -> Combine:
        combine = fit_by_face(posteriors, truth)
        return lambda test: combine(test, None)

    if rule.by_face:
        return replace(rule, fit_by_face=fit_by_face)
    return replace(rule, combine=None, fit=fit, weights=None)


def cross_fit(
    rule: Rule,
    posteriors: Floats,
    truth: Ints,
    folds: Ints,
    conditions: Floats | None = None,
) -> Floats:
    """Fuse each fold by the rule fitted on the other folds (protocol §20).

    Parameters
    ----------
    rule
        A rule that learns nothing is applied as it is.
    posteriors
        (members, n, k).
    truth
        (n,) class indices.
    folds
        (n,) fold of each sample, from 0.
    conditions
        (members, n, c) of the members' faces, for rules `by_face`.

    Returns
    -------
    Fused (n, k).

    Raises
    ------
    ValueError
        If shapes or values are wrong, or there are fewer than two folds.
    """
    posteriors, truth = check_training(posteriors, truth)
    if rule.combine is not None:
        return rule.combine(posteriors)
    folds = check_folds(folds, len(truth))
    fused = np.full(posteriors.shape[1:], np.nan)
    for fold in np.unique(folds):
        here = folds == fold
        met, elsewhere = (
            (None, None) if conditions is None else (conditions[:, here], conditions[:, ~here])
        )
        fused[here] = rule.learn(posteriors[:, ~here], truth[~here], elsewhere)(
            posteriors[:, here], met
        )
    return fused
