"""Fusion of several members' posteriors into one. Pure functions, as protocol §4 fixes them.

Conventions
    posteriors  (members, n, k) float64; a row of NaN is a member without a prediction for that sample (it abstains), a column of NaN a class that
                the member does not have (§21). Nothing else may be NaN, negative or infinite
    fused       (n, k) float64, rows sum to one, argmax is the decision; a row of NaN where every member abstains (no_face); a class that no present
                member has gets 0
    truth       (n,) int class index, 0 … k-1
    folds       (n,) int ≥ 0
    ties        go to the earlier class; voting rules compare within EPSILON, so that the order of members cannot break a tie by rounding

A *hard* rule returns votes or ranks, not probabilities: no log loss, Brier or ECE. Where its scores tie, the winner's is raised by EPSILON before
normalising, so that argmax(fused) is the decision everywhere downstream. A *trained* rule is fitted on labelled posteriors and returns a function.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from faceoff import conditions as faces
from faceoff.folds import check_folds

EPSILON = 1e-9
CLIP = 1e-7  # of probabilities in a fitted NLL, as in the log loss
STACKING_FLOOR = 1e-6
STACKING_C = 0.1
TEMPERATURES = (0.05, 20.0)
_BLOCK = 2048  # samples sorted at a time: what fits into a processor's cache is sorted in half the time

Combine = Callable[[np.ndarray], np.ndarray]  # posteriors (members, n, k) -> fused (n, k)
Fit = Callable[..., Combine]  # posteriors, truth -> Combine; of a rule by face also conditions, and its Combine takes them too


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

    def learn(self, posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
        """What a trained rule makes of these samples: (posteriors, conditions) -> fused. Only rules `by_face` look at conditions."""
        if self.by_face:
            return self.fit(posteriors, truth, conditions)
        combine = self.fit(posteriors, truth)
        return lambda test, _: combine(test)


# ---------------------------------------------------------------- untrained rules


def soft_mean(posteriors: np.ndarray) -> np.ndarray:
    """Mean of each class over the present members that have it, then renormalised (§21). Returns fused (n, k)."""
    return _soft_mean(_members(posteriors))


def soft_median(posteriors: np.ndarray) -> np.ndarray:
    """Median of each class over the present members that have it, then renormalised. Rows whose medians are all 0 take the soft mean."""
    posteriors = _members(posteriors)
    members, n, k = posteriors.shape
    middle = np.empty((n, k))
    for start in range(0, n, _BLOCK):
        block = np.ascontiguousarray(posteriors[:, start : start + _BLOCK].reshape(members, -1).T)
        count = members - np.isnan(block).sum(axis=1, keepdims=True)
        block.sort(axis=1)  # NaN last
        low, high = (np.take_along_axis(block, index, axis=1) for index in (np.maximum(count - 1, 0) // 2, count // 2))
        middle[start : start + _BLOCK] = np.where(count > 0, (low + high) / 2, 0.0).reshape(-1, k)
    empty = middle.sum(axis=1) <= EPSILON
    middle[empty] = _mean(posteriors[:, empty])
    return _normalise(middle, _anyone(posteriors))


def soft_max(posteriors: np.ndarray) -> np.ndarray:
    """Maximum of each class over the present members that have it, then renormalised."""
    posteriors = _members(posteriors)
    return _normalise(np.fmax.reduce(posteriors, axis=0, initial=0.0), _anyone(posteriors))


def product(posteriors: np.ndarray) -> np.ndarray:
    """Renormalised exp Σ log max(p, ε).

    For a class that only some of the M present members have, Σ is M times the mean log over those: absence neither helps nor hurts the class, and
    where all have it the protocol's formula is unchanged.
    """
    posteriors = _members(posteriors)
    return _normalise_logs(_log_sum(posteriors), _anyone(posteriors))


def majority(posteriors: np.ndarray) -> np.ndarray:
    """Share of votes; each present member votes for its argmax. Ties by higher mean posterior, then canonical order. Hard."""
    posteriors = _members(posteriors)
    k = posteriors.shape[2]
    choice = _votes(posteriors)
    counts = np.zeros((posteriors.shape[1], k))
    for cast in choice:
        present = np.flatnonzero(cast >= 0)
        counts[present, cast[present]] += 1
    return _decide(_normalise(counts, _anyone(posteriors)), _soft_mean(posteriors))


def borda(posteriors: np.ndarray) -> np.ndarray:
    """Borda count: mean rank of each class (1 = best) over the present members that have it; the lowest wins, ties by mean posterior. Hard.

    Within a member ties rank the earlier class first. The score is k + 1 − mean rank, normalised per row; a class that nobody has scores 0.
    """
    posteriors = _members(posteriors)
    k = posteriors.shape[2]
    mean_rank = _mean_rank(posteriors)
    score = np.where(mean_rank > 0, k + 1 - mean_rank, 0.0)
    return _decide(_normalise(score, _anyone(posteriors)), _soft_mean(posteriors))


def votes(posteriors: np.ndarray) -> np.ndarray:
    """(members, n) int: each member's argmax over the classes it has, ties to the earlier, -1 where it abstains."""
    return _votes(_members(posteriors))


# ---------------------------------------------------------------- calibration


def fit_temperature(posterior: np.ndarray, truth: np.ndarray) -> float:
    """The scalar T in 0.05 … 20 that minimises the NLL of p_T ∝ p^(1/T) (Guo 2017), p from below at ε.

    posterior: (n, k) of one member. Only covered samples whose true class the member has count; without any, T = 1.
    """
    posterior = _members(np.asarray(posterior)[None])[0]
    truth = _labels(truth, posterior.shape[0], posterior.shape[1])
    own_truth = posterior[np.arange(len(truth)), truth]
    usable = ~np.isnan(own_truth)
    if not usable.any():
        return 1.0
    has = ~np.isnan(posterior[usable]).all(axis=0)
    logs = np.log(np.maximum(posterior[usable][:, has], EPSILON))
    own = np.log(np.maximum(own_truth[usable], EPSILON))
    # With s = 1/T the NLL is convex: its derivative is the mean of E_s[log p] − log p[truth], rising by Var_s[log p]. Newton's steps, halving where one leaves
    # the bracket; scipy's minimisers would double the start-up of a scoring job.
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    scale = 1.0
    for _ in range(100):
        powers = np.exp((logs - logs.max(axis=1, keepdims=True)) * scale)
        share = powers / powers.sum(axis=1, keepdims=True)
        expected = (share * logs).sum(axis=1)
        slope, bend = float((expected - own).mean()), float((share * (logs - expected[:, None]) ** 2).sum(axis=1).mean())
        if slope == 0:
            break
        low, high = (low, scale) if slope > 0 else (scale, high)
        step = scale - slope / bend if bend > 0 else np.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - scale) <= 1e-12 * scale:
            break
        scale = following
    return float(1 / scale)


def temper(posterior: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """p_T ∝ max(p, ε)^(1/T) over the classes that are there; NaN stays NaN. `temperature` broadcasts against (..., 1, 1) of the posterior."""
    logs = np.log(np.maximum(posterior, EPSILON)) / temperature
    top = np.fmax.reduce(logs, axis=-1, keepdims=True)
    powers = np.exp(logs - top)
    return powers / np.nansum(np.where(np.isnan(top), 1.0, powers), axis=-1, keepdims=True)


def _temperatures(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.array([fit_temperature(posterior, truth) for posterior in posteriors])[:, None, None]


# ---------------------------------------------------------------- trained rules


def fit_temperature_mean(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Soft mean of members that were each calibrated by their own temperature."""
    temperatures = _temperatures(*_training(posteriors, truth))
    return lambda test: soft_mean(temper(_same_members(test, len(temperatures)), temperatures))


def fit_weighted(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Weighted soft mean: `weights` of the calibrated members, over the present ones that have the class, then renormalised."""
    posteriors, truth = _training(posteriors, truth)
    temperatures = _temperatures(posteriors, truth)
    weights = _mixture_weights(temper(posteriors, temperatures), truth)

    def combine(test: np.ndarray) -> np.ndarray:
        test = _same_members(test, len(weights))
        return _normalise(_weighted_mean(temper(test, temperatures), weights), _anyone(test))

    return combine


def fit_weights(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(members,) weights of `fit_weighted`, ≥ 0, sum 1: softmax-parametrised, minimising the NLL of the mixture of calibrated members."""
    posteriors, truth = _training(posteriors, truth)
    return _mixture_weights(temper(posteriors, _temperatures(posteriors, truth)), truth)


def fit_stacking(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Multinomial logistic regression, C = 0.1, on log(p_T + 1e-6) of every member and class it has.

    An absent member's features are those of the soft mean of the present calibrated members. Classes without truth in training get 0.
    Raises ValueError when the training data hold fewer than two classes or no covered sample.
    """
    from sklearn.linear_model import LogisticRegression  # 0.8 s to import, and only this rule needs it

    posteriors, truth = _training(posteriors, truth)
    k = posteriors.shape[2]
    temperatures = _temperatures(posteriors, truth)
    has = ~np.isnan(posteriors).all(axis=1)
    covered = _anyone(posteriors)
    if len(np.unique(truth[covered])) < 2:
        raise ValueError("truth: stacking needs covered training samples of two classes or more")
    model = LogisticRegression(C=STACKING_C, max_iter=1000)
    model.fit(_stacking_features(posteriors[:, covered], temperatures, has), truth[covered])

    def combine(test: np.ndarray) -> np.ndarray:
        test = _same_members(test, len(temperatures))
        anyone = _anyone(test)
        fused = np.where(anyone[:, None], np.zeros((test.shape[1], k)), np.nan)
        if anyone.any():
            fused[np.ix_(anyone, model.classes_)] = model.predict_proba(_stacking_features(test[:, anyone], temperatures, has))
        return fused

    return combine


def fit_class_weighted(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Mean weighted by each member's accuracy per class: weights (members, k) are its recall of the class, (hits + 1) / (n + 2), over the samples it covers."""
    posteriors, truth = _training(posteriors, truth)
    members, _, k = posteriors.shape
    choice = votes(posteriors)
    trust = np.zeros((members, k))
    for m in range(members):
        present = choice[m] >= 0
        seen = np.bincount(truth[present], minlength=k)
        hits = np.bincount(truth[present & (choice[m] == truth)], minlength=k)
        trust[m] = (hits + 1) / (seen + 2)

    def combine(test: np.ndarray) -> np.ndarray:
        test = _same_members(test, members)
        there = ~np.isnan(test)
        weight = np.einsum("mc,mnc->nc", trust, there)
        total = np.einsum("mc,mnc->nc", trust, np.nan_to_num(test))
        return _normalise(total / np.where(weight > 0, weight, 1.0), _anyone(test))

    return combine


def top(rule: Rule, count: int) -> Rule:
    """The rule over the `count` members that are most accurate on the training samples, where abstaining is wrong; ties to the earlier member."""

    def fit(posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None) -> Combine:
        posteriors, truth = _training(posteriors, truth)
        accuracy = (votes(posteriors) == truth).mean(axis=1) if len(truth) else np.zeros(len(posteriors))
        chosen = np.sort(np.argsort(-accuracy, kind="stable")[:count])
        of_chosen = None if conditions is None else conditions[chosen]
        combine = rule.learn(posteriors[chosen], truth, of_chosen) if rule.trained else lambda test, _: rule.combine(test)
        return lambda test, met=None: combine(_same_members(test, len(posteriors))[chosen], None if met is None else met[chosen])

    return Rule(hard=rule.hard, fit=fit, by_face=rule.by_face)


def fit_naive_bayes(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Naive Bayes on votes (Kuncheva 2004): P(t | votes) ∝ (n_t + 1) Π (count[t, vote] + 1) / Σ, over the present members.

    A class that a member lacks is judged by how that member votes on it.
    """
    posteriors, truth = _training(posteriors, truth)
    members, _, k = posteriors.shape
    choice = votes(posteriors)
    has = ~np.isnan(posteriors).all(axis=1)
    log_prior = np.log(np.bincount(truth, minlength=k) + 1.0)
    log_likelihood = np.zeros((members, k, k))
    for m in range(members):
        present = choice[m] >= 0
        counts = np.bincount(truth[present] * k + choice[m, present], minlength=k * k).reshape(k, k) + 1.0
        log_likelihood[m] = np.log(counts / np.maximum(counts[:, has[m]].sum(axis=1, keepdims=True), 1.0))

    def combine(test: np.ndarray) -> np.ndarray:
        test = _same_members(test, members)
        cast = votes(test)
        logs = np.tile(log_prior, (test.shape[1], 1))
        for m in range(members):
            present = cast[m] >= 0
            logs[present] += log_likelihood[m][:, cast[m, present]].T
        return _normalise_logs(logs, _anyone(test))

    return combine


def fit_dempster_shafer(posteriors: np.ndarray, truth: np.ndarray) -> Combine:
    """Dempster–Shafer with accuracy discounting: singleton masses acc · p_T, Θ = 1 − acc, Dempster's normalised rule, p = m + Θ/K.

    acc is the member's accuracy over the training samples it covers (ε … 1 − ε; without any, ε: it knows nothing). A class that a member lacks gets
    only its Θ, as the theory has it. With singletons and Θ alone, m(c) + Θ is the product of the members' m(c) + Θ.
    """
    posteriors, truth = _training(posteriors, truth)
    temperatures = _temperatures(posteriors, truth)
    choice = votes(posteriors)
    covered = (choice >= 0).sum(axis=1)
    trust = np.clip((choice == truth).sum(axis=1) / np.maximum(covered, 1), EPSILON, 1 - EPSILON)[:, None]

    def combine(test: np.ndarray) -> np.ndarray:
        test = _same_members(test, len(trust))
        present = ~np.isnan(test).all(axis=2)
        believed = np.where(present[:, :, None], np.nan_to_num(temper(test, temperatures)) * trust[:, :, None] + (1 - trust)[:, :, None], 1.0)
        log_joint = np.log(believed).sum(axis=0)
        log_theta = np.where(present, np.log(1 - trust), 0.0).sum(axis=0)[:, None]
        top = log_joint.max(axis=1, keepdims=True)
        theta = np.exp(log_theta - top)
        return _normalise(np.exp(log_joint - top) - theta + theta / test.shape[2], _anyone(test))

    return combine


def fit_switcher(posteriors: np.ndarray, truth: np.ndarray, conditions: np.ndarray | None = None) -> Combine:
    """For each sample the one present member that is most trusted with such a face (`conditions.fit_trust`), calibrated; ties to the earlier member.

    conditions: (members, n, c) of each member's own face, NaN where not known. Without any, it is the member most often right where it has a face.
    """
    posteriors, truth = _training(posteriors, truth)
    members, n, _ = posteriors.shape
    met = _conditions(conditions, members, n)
    temperatures = _temperatures(posteriors, truth)
    choice = votes(posteriors)
    trust = [faces.fit_trust((cast == truth)[cast >= 0], own[cast >= 0]) for cast, own in zip(choice, met, strict=True)]

    def combine(test: np.ndarray, conditions: np.ndarray | None = None) -> np.ndarray:
        test = _same_members(test, members)
        met = _conditions(conditions, members, test.shape[1])
        trusted = np.stack([judge(own) for judge, own in zip(trust, met, strict=True)])
        trusted[np.isnan(test).all(axis=2)] = -1.0
        chosen = (trusted >= trusted.max(axis=0) - EPSILON).argmax(axis=0)
        calibrated = temper(test, temperatures)[chosen, np.arange(test.shape[1])]
        return _normalise(np.nan_to_num(calibrated), _anyone(test))

    return combine


RULES: dict[str, Rule] = {
    "majority": Rule(hard=True, combine=majority),
    "soft_mean": Rule(hard=False, combine=soft_mean),
    "soft_median": Rule(hard=False, combine=soft_median),
    "soft_max": Rule(hard=False, combine=soft_max),
    "product": Rule(hard=False, combine=product),
    "borda": Rule(hard=True, combine=borda),
    "temperature": Rule(hard=False, fit=fit_temperature_mean),
    "weighted": Rule(hard=False, fit=fit_weighted),
    "class_weighted": Rule(hard=False, fit=fit_class_weighted),
    "stacking": Rule(hard=False, fit=fit_stacking),
    "naive_bayes": Rule(hard=False, fit=fit_naive_bayes),
    "dempster_shafer": Rule(hard=False, fit=fit_dempster_shafer),
    "switcher": Rule(hard=False, fit=fit_switcher, by_face=True),
}


def cross_fit(rule: Rule, posteriors: np.ndarray, truth: np.ndarray, folds: np.ndarray, conditions: np.ndarray | None = None) -> np.ndarray:
    """Fused (n, k) where each fold is fused by the rule fitted on the other folds (§20); an untrained rule is applied as it is."""
    posteriors, truth = _training(posteriors, truth)
    if not rule.trained:
        return rule.combine(posteriors)
    folds = check_folds(folds, len(truth))
    fused = np.full(posteriors.shape[1:], np.nan)
    for fold in np.unique(folds):
        here = folds == fold
        met, elsewhere = (None, None) if conditions is None else (conditions[:, here], conditions[:, ~here])
        fused[here] = rule.learn(posteriors[:, ~here], truth[~here], elsewhere)(posteriors[:, here], met)
    return fused


# ---------------------------------------------------------------- inside


def _soft_mean(posteriors: np.ndarray) -> np.ndarray:
    return _normalise(_mean(posteriors), _anyone(posteriors))


def _votes(posteriors: np.ndarray) -> np.ndarray:
    choice = np.empty(posteriors.shape[:2], dtype=np.int64)
    for m, member in enumerate(posteriors):
        columns = np.ascontiguousarray(member.T)  # class by class over whole columns: faster than the argmax of short rows
        best, winner = np.full(len(member), -1.0), np.full(len(member), -1, np.int64)
        for c, column in enumerate(columns):
            winner[column > best] = c  # NaN is never ahead
            best = np.fmax(best, column)
        choice[m] = winner
    return choice


def _sum(members: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the members that are not NaN, and their number, each (n, k). Takes members (n, k) one by one, so that memory stays flat."""
    total, count = 0.0, 0
    for member in members:
        there = ~np.isnan(member)
        total += np.where(there, member, 0.0)
        count += there.astype(np.int64)
    return total, count


def _mean(posteriors: np.ndarray) -> np.ndarray:
    """Mean over the members that are not NaN, 0 where all are: (members, n, k) -> (n, k)."""
    total, count = _sum(posteriors)
    return total / np.maximum(count, 1)


def _log_sum(posteriors: np.ndarray) -> np.ndarray:
    """Number of present members times the mean log max(p, ε) over those that have the class; −inf where none has it."""
    total, having = _sum(np.log(np.maximum(member, EPSILON)) for member in posteriors)
    present, _ = _sum(np.where(np.isnan(member).all(axis=1), np.nan, 1.0) for member in posteriors)
    return np.where(having > 0, total * (present[:, None] / np.maximum(having, 1)), -np.inf)


def _mean_rank(posteriors: np.ndarray) -> np.ndarray:
    """(n, k) mean over members of each class's rank within its row, 1 = most probable, ties to the earlier class; 0 where no member has the class."""
    total, having = np.zeros(posteriors.shape[:0:-1], np.int32), np.zeros(posteriors.shape[:0:-1], np.int32)
    for member in posteriors:
        columns = np.ascontiguousarray(member.T)  # whole columns are compared pair by pair: faster than sorting short rows
        there = ~np.isnan(columns)
        ranks = there.astype(np.int16)
        for first, second in combinations(range(len(columns)), 2):
            ahead = columns[first] >= columns[second]
            ranks[second] += ahead
            ranks[first] += ~ahead & there[first] & there[second]
        total += ranks
        having += there
    return (total / np.maximum(having, 1)).T


def _decide(score: np.ndarray, mean_posterior: np.ndarray) -> np.ndarray:
    """Break ties at the top of `score` by mean posterior, then canonical order: the winner's score grows by EPSILON and the row is renormalised."""
    rows = np.flatnonzero(~np.isnan(score[:, 0]))
    score, mean_posterior = score.copy(), mean_posterior[rows]
    tied = score[rows] >= score[rows].max(axis=1, keepdims=True) - EPSILON
    candidate = np.where(tied, mean_posterior, -1.0)
    winner = (candidate >= candidate.max(axis=1, keepdims=True) - EPSILON).argmax(axis=1)
    contested = tied.sum(axis=1) > 1
    rows, winner = rows[contested], winner[contested]
    score[rows, winner] = score[rows].max(axis=1) + EPSILON
    score[rows] /= score[rows].sum(axis=1, keepdims=True)
    return score


def _normalise(scores: np.ndarray, anyone: np.ndarray) -> np.ndarray:
    """Rows to sum one; uniform where all scores vanish; NaN where nobody is present."""
    total = scores.sum(axis=1, keepdims=True)
    some = total > 0
    fused = np.where(some, scores / np.where(some, total, 1.0), 1 / scores.shape[1])
    fused[~anyone] = np.nan
    return fused


def _normalise_logs(logs: np.ndarray, anyone: np.ndarray) -> np.ndarray:
    logs = np.where(anyone[:, None], logs, 0.0)
    return _normalise(np.exp(logs - logs.max(axis=1, keepdims=True)), anyone)


def _weighted_mean(posteriors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the members that are not NaN, 0 where all are."""
    there = ~np.isnan(posteriors)
    weight = np.tensordot(weights, there, axes=1)
    total = np.tensordot(weights, np.where(there, posteriors, 0.0), axes=1)
    return total / np.where(weight > 0, weight, 1.0)


def _mixture_weights(posteriors: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights minimising the NLL of the renormalised weighted mean, by L-BFGS from equal weights with the exact gradient."""
    usable = ~np.isnan(posteriors[:, np.arange(len(truth)), truth]).all(axis=0)
    posteriors, truth = posteriors[:, usable], truth[usable]
    there = (~np.isnan(posteriors)).astype(np.float64)
    filled = np.nan_to_num(posteriors)
    rows = np.arange(len(truth))

    def nll(logits: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        having = np.tensordot(weights, there, axes=1)
        having = np.where(having > 0, having, 1.0)
        mixture = np.tensordot(weights, filled, axes=1) / having
        own, total = np.maximum(mixture[rows, truth], CLIP), mixture.sum(axis=1)
        # d mixture_c / d w_m = there (p_mc - mixture_c) / having_c, weighted by d NLL / d mixture_c
        outer = np.tile((1 / total)[:, None], (1, mixture.shape[1]))
        outer[rows, truth] -= 1 / own
        outer /= having * len(truth)
        gradient = np.tensordot(filled, outer, axes=2) - np.tensordot(there, outer * mixture, axes=2)
        return float(np.log(total / own).mean()), weights * (gradient - weights @ gradient)

    if len(truth) == 0:
        return np.full(len(posteriors), 1 / len(posteriors))
    from scipy.optimize import minimize

    logits = minimize(nll, np.zeros(len(posteriors)), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def _stacking_features(posteriors: np.ndarray, temperatures: np.ndarray, has: np.ndarray) -> np.ndarray:
    calibrated = temper(posteriors, temperatures)
    filled = np.where(np.isnan(calibrated).all(axis=2, keepdims=True), soft_mean(calibrated)[None], calibrated)
    return np.concatenate([np.log(np.nan_to_num(member[:, own]) + STACKING_FLOOR) for member, own in zip(filled, has, strict=True)], axis=1)


def _anyone(posteriors: np.ndarray) -> np.ndarray:
    """(n,) bool: samples for which some member is present."""
    anyone = np.zeros(posteriors.shape[1], bool)
    for member in posteriors:
        anyone |= ~_absent(_missing(member), posteriors.shape[2])
    return anyone


def _missing(member: np.ndarray) -> np.ndarray:
    """(n, bytes) uint8: the classes that are NaN in each row, as bits: whole rows are compared at once."""
    return np.packbits(np.isnan(member), axis=1)


def _absent(missing: np.ndarray, classes: int) -> np.ndarray:
    """(n,) bool: rows without any class."""
    full = np.packbits(np.ones(classes, bool))
    return np.logical_and.reduce([missing[:, byte] == value for byte, value in enumerate(full)])


def _members(posteriors: np.ndarray) -> np.ndarray:
    posteriors = np.asarray(posteriors, dtype=np.float64)
    if posteriors.ndim != 3 or posteriors.shape[0] == 0 or posteriors.shape[2] == 0:
        raise ValueError(f"posteriors: shape {posteriors.shape} given, expected (members, n, k) with at least one member and one class")
    for m, member in enumerate(posteriors):
        missing = _missing(member)
        lacking = missing[~_absent(missing, posteriors.shape[2])]
        if len(lacking) and (lacking != lacking[0]).any():
            raise ValueError(f"posteriors: member {m} is NaN in part of a row; expected whole rows (abstains) and whole columns (class it lacks)")
        if member.size and (np.fmin.reduce(member, axis=None) < 0 or np.fmax.reduce(member, axis=None) == np.inf):
            raise ValueError(f"posteriors: member {m} holds negative or infinite values, expected probabilities")
    return posteriors


def _conditions(conditions: np.ndarray | None, members: int, n: int) -> np.ndarray:
    if conditions is None:
        return np.full((members, n, len(faces.NAMES)), np.nan)
    if conditions.ndim != 3 or conditions.shape[:2] != (members, n):
        raise ValueError(f"conditions: shape {conditions.shape} given, expected ({members}, {n}, conditions)")
    return conditions


def _same_members(posteriors: np.ndarray, members: int) -> np.ndarray:
    posteriors = _members(posteriors)
    if len(posteriors) != members:
        raise ValueError(f"posteriors: {len(posteriors)} members given, expected {members} as in training")
    return posteriors


def _training(posteriors: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    posteriors = _members(posteriors)
    return posteriors, _labels(truth, *posteriors.shape[1:])


def _labels(truth: np.ndarray, n: int, k: int) -> np.ndarray:
    truth = np.asarray(truth)
    if truth.shape != (n,):
        raise ValueError(f"truth: shape {truth.shape} given, expected ({n},)")
    if n and (not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= k):
        raise ValueError(f"truth: {truth.dtype} from {truth.min()} to {truth.max()} given, expected class indices 0 to {k - 1}")
    return truth.astype(np.int64)
