"""Fusion of several members' posteriors into one: the rules by name, as protocol §4 fixes them. Pure functions, with the conventions of posteriors.py.

A *hard* rule returns votes or ranks, not probabilities: no log loss, Brier or ECE. A *trained* rule is fitted on labelled posteriors and returns a function.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceoff.fusion import untrained
from faceoff.fusion.posteriors import check_same_members, check_training
from faceoff.fusion.trained import (
    Combine,
    fit_class_weighted,
    fit_dempster_shafer,
    fit_naive_bayes,
    fit_stacking,
    fit_switcher,
    fit_temperature_mean,
    fit_weighted,
)
from faceoff.statistics.folds import check_folds

Fit = Callable[
    ..., Combine
]  # posteriors, truth -> Combine; of a rule by face also conditions, and its Combine takes them too


@dataclass(frozen=True)
class Rule:
    """A fusion rule: exactly one of `combine` (untrained) and `fit` (trained). `hard` rules yield votes or ranks, not probabilities.

    A rule `by_face` learns and decides by the conditions (members, n, c) of the members' faces (`conditions.of_face`).
    """

    hard: bool
    combine: Combine | None = None
    fit: Fit | None = None
    by_face: bool = False

    @property
    def trained(self) -> bool:
        return self.fit is not None

    def learn(
        self, posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None
    ) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
        """What a trained rule makes of these samples: (posteriors, conditions) -> fused. Only rules `by_face` look at conditions."""
        if self.by_face:
            return self.fit(posteriors, truth, conditions)
        combine = self.fit(posteriors, truth)
        return lambda test, _: combine(test)


RULES: dict[str, Rule] = {
    "majority": Rule(hard=True, combine=untrained.majority),
    "soft_mean": Rule(hard=False, combine=untrained.soft_mean),
    "soft_median": Rule(hard=False, combine=untrained.soft_median),
    "soft_max": Rule(hard=False, combine=untrained.soft_max),
    "product": Rule(hard=False, combine=untrained.product),
    "borda": Rule(hard=True, combine=untrained.borda),
    "temperature": Rule(hard=False, fit=fit_temperature_mean),
    "weighted": Rule(hard=False, fit=fit_weighted),
    "class_weighted": Rule(hard=False, fit=fit_class_weighted),
    "stacking": Rule(hard=False, fit=fit_stacking),
    "naive_bayes": Rule(hard=False, fit=fit_naive_bayes),
    "dempster_shafer": Rule(hard=False, fit=fit_dempster_shafer),
    "switcher": Rule(hard=False, fit=fit_switcher, by_face=True),
}


def top(rule: Rule, count: int) -> Rule:
    """The rule over the `count` members that are most accurate on the training samples, where abstaining is wrong; ties to the earlier member."""

    def fit(
        posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None
    ) -> Combine:
        posteriors, truth = check_training(posteriors, truth)
        accuracy = (
            (untrained.votes(posteriors) == truth).mean(axis=1)
            if len(truth)
            else np.zeros(len(posteriors))
        )
        chosen = np.sort(np.argsort(-accuracy, kind="stable")[:count])
        of_chosen = None if conditions is None else conditions[chosen]
        combine = (
            rule.learn(posteriors[chosen], truth, of_chosen)
            if rule.trained
            else lambda test, _: rule.combine(test)
        )
        return lambda test, met=None: combine(
            check_same_members(test, len(posteriors))[chosen], None if met is None else met[chosen]
        )

    return Rule(hard=rule.hard, fit=fit, by_face=rule.by_face)


def cross_fit(
    rule: Rule,
    posteriors: np.ndarray,
    truth: np.ndarray,
    folds: np.ndarray,
    conditions: np.ndarray | None = None,
) -> np.ndarray:
    """Fused (n, k) where each fold is fused by the rule fitted on the other folds (§20); an untrained rule is applied as it is."""
    posteriors, truth = check_training(posteriors, truth)
    if not rule.trained:
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
