"""Describe a fusion rule, and run one over folds or over the best members only.

Arrays follow the conventions of `posteriors.py`. Each rule has a module of its own in `rules/`;
`rule_list.py` finds them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceoff.fusion.posteriors import check_same_members, check_training
from faceoff.fusion.votes import votes
from faceoff.statistics.arrays import Floats, Ints
from faceoff.statistics.folds import check_folds

CLIP = 1e-7  # of probabilities in the log loss that breaks ties

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
        It returns the same bits in whatever order the members stand: they are sorted by what they
        say of the samples to learn from, so that neither sums nor ties follow order or names.

        Raises
        ------
        ValueError
            If shapes or values are not as `posteriors.py` says.
        """
        if self.combine is not None:
            plain = self.combine
            return lambda test, _: plain(test)
        posteriors, truth = check_training(posteriors, truth)
        ranked = _by_content(posteriors)
        learnt = self._fitted(posteriors[ranked], truth, _of_members(conditions, ranked))

        def in_order(test: Floats, met: Floats | None) -> Floats:
            test = check_same_members(test, len(ranked))[ranked]
            return learnt(test, _of_members(met, ranked))

        return in_order

    def weights_of(self, posteriors: Floats, truth: Ints) -> Floats | None:
        """Return the weights (members,) that `learn` gives the members; None without `weights`."""
        if self.weights is None:
            return None
        ranked = _by_content(posteriors)
        weights = np.empty(len(ranked))
        weights[ranked] = self.weights(posteriors[ranked], truth)
        return weights

    def _fitted(self, posteriors: Floats, truth: Ints, conditions: Floats | None) -> CombineByFace:
        if self.fit_by_face is not None:
            return self.fit_by_face(posteriors, truth, conditions)
        if self.fit is None:
            raise ValueError(f"rule {self.title!r} learns nothing")
        combine = self.fit(posteriors, truth)
        return lambda test, _: combine(test)


def _by_content(posteriors: Floats) -> Ints:
    """Return the members' indices, sorted by the bytes of their posteriors."""
    content = [np.nan_to_num(member, nan=-1.0).tobytes() for member in posteriors]
    return np.array(sorted(range(len(content)), key=content.__getitem__))


def _of_members(conditions: Floats | None, chosen: Ints) -> Floats | None:
    return None if conditions is None else conditions[chosen]


def top(rule: Rule, count: int, scored: Sequence[int] | None = None) -> Rule:
    """Return the rule over the members that are most accurate on the samples it learns from.

    Parameters
    ----------
    rule
        Any rule; one that learns nothing learns its members then.
    count
        How many members vote. An abstention is wrong. Ties go to the lower log loss; neither order
        nor names of members decide.
    scored
        The classes that scores are among; the others are masked before accuracies are compared,
        as in the scores. None: all.
    """

    def fit_by_face(
        posteriors: Floats, truth: Ints, conditions: Floats | None = None
    ) -> CombineByFace:
        posteriors, truth = check_training(posteriors, truth)
        chosen = np.sort(_by_accuracy(posteriors, truth, scored)[:count])
        combine = rule.learn(posteriors[chosen], truth, _of_members(conditions, chosen))

        def of_chosen(test: Floats, met: Floats | None = None) -> Floats:
            test = check_same_members(test, len(posteriors))[chosen]
            return combine(test, _of_members(met, chosen))

        return of_chosen

    def fit(posteriors: Floats, truth: Ints) -> Combine:
        combine = fit_by_face(posteriors, truth)
        return lambda test: combine(test, None)

    if rule.by_face:
        return replace(rule, fit_by_face=fit_by_face)
    return replace(rule, combine=None, fit=fit, weights=None)


def _by_accuracy(posteriors: Floats, truth: Ints, scored: Sequence[int] | None) -> Ints:
    """Return the members' indices, the most accurate first; ties by lower log loss (§19)."""
    if scored is not None:
        masked = np.setdiff1d(np.arange(posteriors.shape[2]), scored)
        posteriors = posteriors.copy()
        posteriors[:, :, masked] = np.where(np.isnan(posteriors[:, :, masked]), np.nan, 0.0)
    right = (votes(posteriors) == truth).sum(axis=1)
    own = np.nan_to_num(posteriors[:, np.arange(len(truth)), truth])  # a class it lacks: the worst
    inside = np.nan_to_num(posteriors).sum(axis=2)
    losses = -np.log(np.maximum(own / np.where(inside > 0, inside, 1.0), CLIP))
    covered = ~np.isnan(posteriors).all(axis=2)
    loss = (losses * covered).sum(axis=1) / np.maximum(covered.sum(axis=1), 1)
    ranked: Ints = np.lexsort([loss.round(12), -right])
    return ranked


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
