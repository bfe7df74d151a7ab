"""Fusion rules that learn, against independent formulas."""

from itertools import product as every

import numpy as np
import pytest
from posterior_fixtures import NAN, RULES, gappy_members, noisy_members, one_sample
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from faceoff.fusion.rule import cross_fit, top
from faceoff.fusion.rules import log_linear
from faceoff.fusion.rules.class_weighted import fit_class_weighted
from faceoff.fusion.rules.dempster_shafer import fit_dempster_shafer
from faceoff.fusion.rules.naive_bayes import fit_naive_bayes
from faceoff.fusion.rules.stacking import fit_stacking
from faceoff.fusion.rules.switcher import fit_switcher
from faceoff.fusion.rules.weighted import fit_weighted, fit_weights
from faceoff.fusion.votes import votes
from faceoff.statistics.temperature import fit_temperature, temper


def test_switcher_follows_the_member_that_reads_such_faces():
    """One member reads small faces, one large ones; a third is mediocre everywhere. Size is the
    second of two conditions.
    """
    random = np.random.default_rng(3)
    n = 600
    truth, small = random.integers(0, 3, n), random.random(n) < 0.5
    sure = np.where(np.arange(3) == truth[:, None], 0.8, 0.1)
    noise = np.roll(sure, 1, axis=1)
    mediocre = np.where((random.random(n) < 0.6)[:, None], sure, noise)
    posteriors = np.stack(
        [np.where(small[:, None], sure, noise), np.where(small[:, None], noise, sure), mediocre]
    )
    conditions = np.stack([random.normal(size=n), np.where(small, 5.0, 8.0)], axis=1)[None].repeat(
        3, axis=0
    )
    folds = np.arange(n) % 5
    switched = cross_fit(RULES["switcher"], posteriors, truth, folds, conditions)
    assert (switched.argmax(axis=1) == truth).all()
    blind = cross_fit(RULES["switcher"], posteriors, truth, folds)
    assert (blind.argmax(axis=1) == truth).mean() < 0.75, (
        "without conditions it can but take the most accurate member"
    )
    absent = posteriors.copy()
    absent[0, small] = NAN
    without = cross_fit(RULES["switcher"], absent, truth, folds, conditions)
    np.testing.assert_array_equal(without[small].argmax(axis=1), mediocre[small].argmax(axis=1))


def searched(nll):
    """Return the two logits beside a first of 0 at which a loss is least, without its gradient."""
    options = {"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000}
    return minimize(nll, [0.0, 0.0], method="Nelder-Mead", options=options).x


def test_weights_against_a_derivative_free_search():
    posteriors, truth = noisy_members(scale=1.7)
    calibrated = np.stack([temper(p, fit_temperature(p, truth)) for p in posteriors])

    def nll(logits):
        weights = np.exp(np.r_[0.0, logits]) / np.exp(np.r_[0.0, logits]).sum()
        return -np.log(np.tensordot(weights, calibrated, 1)[np.arange(len(truth)), truth]).mean()

    found = searched(nll)
    expected = np.exp(np.r_[0.0, found]) / np.exp(np.r_[0.0, found]).sum()
    weights = fit_weights(posteriors, truth)
    np.testing.assert_allclose(weights, expected, atol=2e-3)
    assert weights[0] > weights[1] > weights[2]
    np.testing.assert_allclose(
        fit_weighted(posteriors, truth)(posteriors),
        np.tensordot(weights, calibrated, 1),
        atol=1e-12,
    )


def test_weights_with_gaps_against_a_search():
    posteriors, truth, _ = gappy_members()
    calibrated = np.stack([temper(p, fit_temperature(p, truth)) for p in posteriors])
    keep = np.arange(len(truth)) != 7

    def nll(logits):
        weights = np.exp(np.r_[0.0, logits])[:, None, None]
        there = ~np.isnan(calibrated)
        mixture = np.nansum(weights * calibrated, axis=0) / np.where(
            (weights * there).sum(axis=0) > 0, (weights * there).sum(axis=0), 1
        )
        mixture = mixture / np.where(keep, mixture.sum(axis=1), 1)[:, None]
        own = mixture[np.arange(len(truth)), truth]
        return -np.log(own[own > 0]).mean()

    found = searched(nll)
    expected = np.exp(np.r_[0.0, found]) / np.exp(np.r_[0.0, found]).sum()
    np.testing.assert_allclose(fit_weights(posteriors, truth), expected, atol=2e-3)


def test_log_linear_weights_against_a_search():
    posteriors, truth, _ = gappy_members()
    logs = np.log(np.maximum(posteriors, log_linear.LEAST))

    def fused(logits):
        weights = np.exp(np.r_[0.0, logits])[:, None, None] * ~np.isnan(logs)
        shared = weights / np.where(weights.sum(axis=0) > 0, weights.sum(axis=0), 1)
        mean = np.where((weights > 0).any(axis=0), np.nansum(shared * logs, axis=0), -np.inf)
        raised = np.exp(mean - np.maximum(mean.max(axis=1, keepdims=True), -99))
        return raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-300)

    def nll(logits):
        own = fused(logits)[np.arange(len(truth)), truth]
        return -np.log(own[own > 0]).mean()

    found = searched(nll)
    expected = np.exp(np.r_[0.0, found]) / np.exp(np.r_[0.0, found]).sum()
    np.testing.assert_allclose(log_linear.fit_weights(posteriors, truth), expected, atol=2e-3)
    covered = ~np.isnan(posteriors).all(axis=(0, 2))
    np.testing.assert_allclose(
        log_linear.fit_log_linear(posteriors, truth)(posteriors)[covered],
        fused(found)[covered],
        atol=1e-3,
    )


def test_log_linear_of_equal_weights_is_a_geometric_mean():
    """A silent channel leaves the other alone; §55's floor keeps a zero from ruling."""
    channels = np.array([[[0.9, 0.1], [1.0, 0.0]], [[0.1, 0.9], [NAN, NAN]]])
    combine = log_linear.fit_log_linear(channels[:, :1].repeat(2, axis=1), np.array([0, 1]))
    np.testing.assert_allclose(combine(channels), [[0.5, 0.5], [1.0, 1e-9]], atol=1e-9)


def test_stacking_is_the_stated_regression():
    posteriors, truth = noisy_members()
    features = np.concatenate(
        [np.log(temper(p, fit_temperature(p, truth)) + 1e-6) for p in posteriors], axis=1
    )
    model = LogisticRegression(C=0.1, solver="newton-cg", tol=1e-10, max_iter=1000)
    expected = model.fit(features, truth).predict_proba(features)
    np.testing.assert_allclose(fit_stacking(posteriors, truth)(posteriors), expected, atol=1e-9)


def test_stacking_stands_at_the_minimum():
    """The gradient of the penalised loss is 0 there, which L-BFGS leaves at 1e-4."""
    posteriors, truth = noisy_members(seed=3, members=4, k=7, strength=(2, 1.5, 1, 0.5), scale=1.5)
    noise = 1e-9 * np.random.default_rng(1).normal(size=posteriors.shape)
    fused, moved = (
        fit_stacking(p, truth)(posteriors) for p in (posteriors, np.abs(posteriors + noise))
    )
    np.testing.assert_allclose(moved, fused, atol=1e-6)  # 3e-3 with the default tolerance
    for order in ([3, 2, 1, 0], [1, 3, 0, 2]):
        other = fit_stacking(posteriors[order], truth)(posteriors[order])
        np.testing.assert_allclose(other, fused, atol=1e-9)


def test_stacking_with_a_class_missing_in_training():
    posteriors, truth = noisy_members()
    keep = truth != 2
    result = fit_stacking(posteriors[:, keep], truth[keep])(posteriors)
    np.testing.assert_array_equal(result[:, 2], 0)
    np.testing.assert_allclose(result.sum(axis=1), 1)


def test_stacking_of_one_class_is_the_calibrated_mean():
    posteriors, truth = noisy_members()
    here = truth == 0
    calibrated = np.stack([temper(p, fit_temperature(p[here], truth[here])) for p in posteriors])
    np.testing.assert_allclose(
        fit_stacking(posteriors[:, here], truth[here])(posteriors),
        calibrated.mean(axis=0),
        atol=1e-12,
    )
    absent = np.full_like(posteriors, NAN)
    np.testing.assert_allclose(
        fit_stacking(absent, truth)(posteriors), posteriors.mean(axis=0), atol=1e-6
    )


def test_naive_bayes_by_hand():
    # member 0 votes 0 0 1 1 on truths 0 0 0 1; member 1 votes 0 1 1 1
    truth = np.array([0, 0, 0, 1])
    posteriors = np.eye(2)[np.array([[0, 0, 1, 1], [0, 1, 1, 1]])]
    combine = fit_naive_bayes(posteriors, truth)
    # counts + 1, member 0: truth 0 [3, 2], truth 1 [1, 2]; member 1: truth 0 [2, 3], truth 1 [1,
    # 2]; prior + 1: 4, 2
    both = np.array([4 * 3 / 5 * 3 / 5, 2 * 1 / 3 * 2 / 3])
    np.testing.assert_allclose(combine(np.eye(2)[np.array([[0], [1]])])[0], both / both.sum())
    alone = np.array([4 * 2 / 5, 2 * 2 / 3])
    absent = np.array([[[0.0, 1.0]], [[NAN, NAN]]])
    np.testing.assert_allclose(combine(absent)[0], alone / alone.sum())


def test_naive_bayes_repairs_a_member_that_is_consistently_wrong():
    truth = np.arange(60) % 3
    posteriors = np.eye(3)[((truth + 1) % 3)[None]]
    np.testing.assert_array_equal(
        fit_naive_bayes(posteriors, truth)(posteriors).argmax(axis=1), truth
    )


def dempster(masses):
    """Dempster's rule over sets, the long way: masses are dicts frozenset -> mass."""
    total = masses[0]
    for mass in masses[1:]:
        joint = {}
        for (a, x), (b, y) in every(total.items(), mass.items()):
            joint[a & b] = joint.get(a & b, 0.0) + x * y
        conflict = joint.pop(frozenset(), 0.0)
        total = {s: v / (1 - conflict) for s, v in joint.items()}
    return total


def test_dempster_shafer_against_set_arithmetic():
    posteriors, truth, _ = gappy_members()
    result = fit_dempster_shafer(posteriors, truth)(posteriors)
    right = (votes(posteriors) == truth).sum(axis=1)
    trust = right / (~np.isnan(posteriors).all(axis=2)).sum(axis=1)
    frame = frozenset(range(4))
    temperatures = [fit_temperature(p, truth) for p in posteriors]
    for i in [*range(7), *range(8, 40)]:
        masses = []
        for m in range(3):
            if not np.isnan(posteriors[m, i]).all():
                p = np.nan_to_num(temper(posteriors[m, i], temperatures[m]))
                masses.append(
                    {frozenset([c]): trust[m] * p[c] for c in range(4)} | {frame: 1 - trust[m]}
                )
        joint = dempster(masses)
        np.testing.assert_allclose(
            result[i],
            [joint.get(frozenset([c]), 0) + joint[frame] / 4 for c in range(4)],
            rtol=1e-9,
        )


def test_dempster_shafer_survives_total_conflict():
    truth = np.array([0, 1, 0, 1])
    certain = np.eye(2)[np.stack([truth, truth])]
    result = fit_dempster_shafer(certain, truth)(one_sample([1.0, 0.0], [0.0, 1.0]))
    np.testing.assert_allclose(result, [[0.5, 0.5]])


def test_class_weighted_by_hand():
    """Member 0 finds class 0 in 2 of 2 and class 1 in 0 of 2 samples, member 1 the other way round:
    weights (2+1)/(2+2) and (0+1)/(2+2).
    """
    truth = np.array([0, 0, 1, 1])
    always_0, always_1 = np.tile([0.9, 0.1], (4, 1)), np.tile([0.2, 0.8], (4, 1))
    combine = fit_class_weighted(np.stack([always_0, always_1]), truth)
    scores = np.array([0.75 * 0.6 + 0.25 * 0.3, 0.25 * 0.4 + 0.75 * 0.7])
    np.testing.assert_allclose(
        combine(one_sample([0.6, 0.4], [0.3, 0.7]))[0], scores / scores.sum()
    )
    np.testing.assert_allclose(combine(one_sample([0.6, 0.4], [NAN, NAN]))[0], [0.6, 0.4])
    assert np.isnan(combine(one_sample([NAN, NAN], [NAN, NAN]))).all()


def test_class_weighted_trusts_specialists():
    """One member knows classes 0 and 1, the other 2 and 3; each guesses at the rest."""
    posteriors, truth = noisy_members(members=2, strength=(3.0, 3.0), n=2000)
    random = np.random.default_rng(1)
    for member, known in ((0, (0, 1)), (1, (2, 3))):
        blind = ~np.isin(truth, known)
        posteriors[member, blind] = random.dirichlet(np.ones(4), blind.sum())
    trained = cross_fit(RULES["class_weighted"], posteriors, truth, np.arange(2000) % 5)
    assert (trained.argmax(axis=1) == truth).mean() > (
        RULES["soft_mean"].combine(posteriors).argmax(axis=1) == truth
    ).mean() - 0.002


TRAINED = sorted(name for name, rule in RULES.items() if rule.learns)


def members_with_ties():
    """Seven members with gaps: two are hard voters of equal accuracy, two are one and the same."""
    posteriors, truth, folds = gappy_members()
    random = np.random.default_rng(9)
    right = np.stack([np.arange(len(truth)) % 2 == parity for parity in (0, 1)])
    said = np.where(right, truth, (truth + 1) % 4)
    hard = np.where(np.arange(4) == said[..., None], 0.7, 0.1)
    posteriors = np.concatenate([posteriors, hard, posteriors[:1], posteriors[:1] ** 0.5])
    posteriors[-1] /= np.nansum(posteriors[-1], axis=1, keepdims=True)
    conditions = random.normal(size=(len(posteriors), len(truth), 5))
    return posteriors, truth, folds, conditions


@pytest.mark.parametrize("count", [None, 1, 2, 4])
@pytest.mark.parametrize("rule", sorted(RULES))
def test_neither_order_nor_names_of_members_change_a_bit(rule, count):
    """Of a rule that learns; without anything learnt, sums in another order move the last digits.

    The rules know members by their place only, so that a name can matter through the order alone.
    """
    posteriors, truth, folds, conditions = members_with_ties()
    tested = RULES[rule] if count is None else top(RULES[rule], count)
    for given in (None, conditions):
        fused = cross_fit(tested, posteriors, truth, folds, given)
        for seed in range(4):
            order = np.random.default_rng(seed).permutation(len(posteriors))
            mixed = None if given is None else given[order]
            other = cross_fit(tested, posteriors[order], truth, folds, mixed)
            if tested.learns:
                np.testing.assert_array_equal(other, fused)
            else:
                np.testing.assert_allclose(other, fused, atol=1e-12)


@pytest.mark.parametrize("rule", [*TRAINED, *(f"top {rule}" for rule in TRAINED)])
def test_a_trained_rule_does_not_amplify_rounding(rule):
    """Noise of 1e-12, as between machines, moves no posterior by 1e-8."""
    posteriors, truth, folds = gappy_members()
    tested = top(RULES[rule[4:]], 2) if rule.startswith("top ") else RULES[rule]
    noise = 1e-12 * np.random.default_rng(2).normal(size=posteriors.shape)
    moved = cross_fit(tested, np.abs(posteriors + noise), truth, folds)
    np.testing.assert_allclose(moved, cross_fit(tested, posteriors, truth, folds), atol=1e-8)


def test_weights_follow_their_members():
    posteriors, truth, _ = gappy_members()
    weights = RULES["weighted"].weights_of(posteriors, truth)
    order = [2, 0, 1]
    np.testing.assert_array_equal(
        RULES["weighted"].weights_of(posteriors[order], truth), weights[order]
    )
    assert RULES["stacking"].weights_of(posteriors, truth) is None


def test_equally_accurate_members_are_chosen_by_log_loss():
    truth = np.arange(40) % 2
    sure = np.where(np.arange(2) == truth[:, None], 0.9, 0.1)
    shy = np.where(np.arange(2) == truth[:, None], 0.6, 0.4)
    for members in ([sure, shy], [shy, sure]):
        fused = cross_fit(top(RULES["soft_mean"], 1), np.stack(members), truth, np.arange(40) % 5)
        np.testing.assert_allclose(fused, sure)


def test_a_trained_rule_refuses_other_members():
    posteriors, truth = noisy_members()
    with pytest.raises(ValueError, match="2 members given, expected 3"):
        fit_weighted(posteriors, truth)(posteriors[:2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fit_switcher(np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.ones((1, 3, 5))),
            r"conditions: shape \(1, 3, 5\) given, expected \(1, 2",
        ),
        (
            lambda: fit_weighted(np.ones((1, 2, 3)) / 3, np.array([0])),
            r"truth: shape \(1,\) given, expected \(2,\)",
        ),
        (
            lambda: fit_weighted(np.ones((1, 1, 3)) / 3, np.array([3])),
            "expected class indices 0 to 2",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
