"""Fusion rules worked by hand: ties, members that abstain, classes that members lack; trained rules against independent formulas."""

from itertools import product as every

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from faceoff import fusion, members, metrics
from faceoff.fusion import RULES

NAN = float("nan")
GONE = [NAN, NAN, NAN]
UNTRAINED = sorted(name for name, rule in RULES.items() if not rule.trained)
TRAINED = sorted(name for name, rule in RULES.items() if rule.trained)
SOFT = sorted(name for name, rule in RULES.items() if not rule.trained and not rule.hard)


def one_sample(*members):
    """Members' rows for one sample -> (members, 1, k)."""
    return np.array(members, dtype=float)[:, None, :]


def fused(rule, *members):
    return rule(one_sample(*members))[0]


def noisy_members(seed=0, members=3, n=400, k=4, strength=(2.0, 1.5, 1.0), scale=1.0):
    """Posteriors of conditionally independent members of different strength; `scale` > 1 makes them over-confident."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, k, n)
    logits = random.normal(size=(members, n, k))
    logits[:, np.arange(n), truth] += np.array(strength)[:members, None]
    powers = np.exp(scale * logits)
    return powers / powers.sum(axis=2, keepdims=True), truth


# ---------------------------------------------------------------- untrained rules, by hand

A, B, C = [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (fusion.soft_mean, [0.3, 1 / 3, 1.1 / 3]),
        (fusion.soft_median, [0.2 / 0.8, 0.3 / 0.8, 0.3 / 0.8]),
        (fusion.soft_max, [0.6 / 1.8, 0.5 / 1.8, 0.7 / 1.8]),
        (fusion.product, [0.012 / 0.063, 0.030 / 0.063, 0.021 / 0.063]),
        (fusion.borda, [(4 - 7 / 3) / 6, (4 - 5 / 3) / 6, (4 - 2) / 6]),  # ranks of class 0: 1 3 3, class 1: 2 1 2, class 2: 3 2 1
    ],
)
def test_three_members(rule, expected):
    np.testing.assert_allclose(fused(rule, A, B, C), expected, rtol=1e-12)


def test_median_of_an_even_number_and_of_none():
    np.testing.assert_allclose(fused(fusion.soft_median, A, B), [0.4, 0.4, 0.2])
    # certain members that all differ: every median is 0, so the mean decides
    np.testing.assert_allclose(fused(fusion.soft_median, [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]), [0.4, 0.4, 0.2])


def test_product_floors_at_epsilon():
    expected = np.array([1e-9 * 0.1, 0.4 * 0.6, 0.6 * 0.3])
    np.testing.assert_allclose(fused(fusion.product, [0, 0.4, 0.6], [0.1, 0.6, 0.3]), expected / expected.sum(), rtol=1e-12)


def test_majority_counts_votes():
    np.testing.assert_allclose(fused(fusion.majority, A, B, [0.2, 0.7, 0.1]), [1 / 3, 2 / 3, 0])


def test_majority_tie_goes_to_the_higher_mean_posterior():
    # one vote each for 0 and 1; means 0.45 and 0.5
    winner = fused(fusion.majority, [0.6, 0.3, 0.1], [0.3, 0.7, 0.0])
    assert winner.argmax() == 1
    np.testing.assert_allclose(winner, [0.5, 0.5, 0], atol=1e-8)
    assert winner.sum() == pytest.approx(1, abs=1e-15)


def test_majority_tie_of_votes_and_means_goes_to_the_earlier_class():
    for order in every([[0.1, 0.2, 0.7], [0.1, 0.7, 0.2]], repeat=2):
        if order[0] != order[1]:
            assert fused(fusion.majority, *order).argmax() == 1
    # 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit: still a tie
    members = [[0.1, 0.3, 0.6], [0.2, 0.2, 0.6], [0.6, 0.1, 0.3], [0.3, 0.6, 0.1]]
    assert len({fused(fusion.majority, *[members[i] for i in order]).argmax() for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1])}) == 1


def test_majority_against_integer_arithmetic():
    """Posteriors in tenths tie often, and exactly only in integers."""
    tenths = np.random.default_rng(0).multinomial(10, [1 / 3] * 3, (6, 3000))
    result = fusion.majority(tenths / 10)
    for i in range(3000):
        ballots = [row.tolist().index(row.max()) for row in tenths[:, i]]
        assert result[i].argmax() == max(range(3), key=lambda c: (ballots.count(c), tenths[:, i, c].sum(), -c))


def test_majority_ignores_the_mean_of_a_class_without_the_most_votes():
    # class 2 has the highest mean but only one vote; 0 and 1 tie with two
    members = [[0.4, 0.25, 0.35], [0.4, 0.25, 0.35], [0.2, 0.41, 0.39], [0.2, 0.41, 0.39], [0, 0, 1.0]]
    assert fused(fusion.majority, *members).argmax() == 1


def test_member_ties_vote_for_the_earlier_class():
    np.testing.assert_array_equal(fusion.votes(one_sample([0.4, 0.4, 0.2], [0.2, 0.4, 0.4], GONE, [NAN, 0.5, 0.5]))[:, 0], [0, 1, -1, 1])


def test_borda_tie_goes_to_the_higher_mean_posterior():
    # ranks of class 0: 1, 2; class 1: 2, 1; class 2: 3, 3. Means 0.45 and 0.5
    winner = fused(fusion.borda, [0.6, 0.3, 0.1], [0.3, 0.7, 0.0])
    assert winner.argmax() == 1
    np.testing.assert_allclose(winner, [2.5 / 6, 2.5 / 6, 1 / 6], atol=1e-8)


def test_borda_can_differ_from_majority():
    members = [[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.1, 0.5, 0.4], [0.05, 0.5, 0.45], [0.4, 0.35, 0.25]]
    # class 0: 1 1 3 3 1 -> 1.8; class 1: 2 2 1 1 2 -> 1.6
    assert fused(fusion.majority, *members).argmax() == 0
    assert fused(fusion.borda, *members).argmax() == 1


# ---------------------------------------------------------------- absent members, missing classes


@pytest.mark.parametrize("name", UNTRAINED)
def test_absent_member_is_dropped_for_that_sample_only(name):
    posteriors = np.array([[A, A], [B, GONE], [C, C]])
    rule = RULES[name].combine
    np.testing.assert_array_equal(rule(posteriors)[1], fused(rule, A, C))
    np.testing.assert_array_equal(rule(posteriors)[0], fused(rule, A, B, C))


@pytest.mark.parametrize("name", UNTRAINED)
def test_nobody_present_is_no_face(name):
    posteriors = np.array([[A, GONE], [B, GONE]])
    result = RULES[name].combine(posteriors)
    np.testing.assert_array_equal(np.isnan(result), [[False] * 3, [True] * 3])
    assert metrics.argmax(result)[1] == metrics.NO_FACE


LACKS = [NAN, 0.6, 0.4]  # a member without class 0


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (fusion.soft_mean, [0.5, 0.45, 0.3]),  # class 0 only from the first
        (fusion.soft_median, [0.5, 0.45, 0.3]),
        (fusion.soft_max, [0.5, 0.6, 0.4]),
        (fusion.product, [0.5**2, 0.3 * 0.6, 0.2 * 0.4]),  # class 0: the one log counts for both
        (fusion.borda, [4 - 1, 4 - 1.5, 4 - 2.5]),
        (fusion.majority, [1, 1, 0]),
    ],
)
def test_class_that_a_member_lacks(rule, expected):
    result = fused(rule, [0.5, 0.3, 0.2], LACKS)
    np.testing.assert_allclose(result, np.array(expected) / np.sum(expected), atol=1e-8)
    assert result.argmax() == (1 if rule is fusion.soft_max else 0)


@pytest.mark.parametrize("name", UNTRAINED)
def test_class_that_no_present_member_has_gets_nothing(name):
    posteriors = np.array([[A, GONE], [LACKS, LACKS]])
    result = RULES[name].combine(posteriors)
    assert result[1, 0] == 0.0
    assert result[1].sum() == pytest.approx(1)
    assert result[1].argmax() == 1


@pytest.mark.parametrize("name", UNTRAINED)
@given(seed=st.integers(0, 10_000), members=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_properties_of_untrained_rules(name, seed, members):
    random = np.random.default_rng(seed)
    posteriors = random.dirichlet(np.ones(4), (members, 12))
    posteriors[random.random((members, 12)) < 0.3] = NAN
    if members > 1:
        posteriors[0, :, 2] = NAN
    rule = RULES[name].combine
    result = rule(posteriors)
    present = ~np.isnan(posteriors).all(axis=(0, 2))
    np.testing.assert_array_equal(~np.isnan(result).any(axis=1), present)
    np.testing.assert_allclose(result[present].sum(axis=1), 1)
    assert (result[present] >= 0).all()
    np.testing.assert_allclose(rule(posteriors[random.permutation(members)]), result, atol=1e-12)
    classes = random.permutation(4)
    # a tie at the top of a hard rule raises one of the tied by EPSILON, which one may depend on the order of classes
    np.testing.assert_allclose(rule(posteriors[:, :, classes]), result[:, classes], atol=1e-8 if RULES[name].hard else 1e-12)
    samples = random.permutation(12)
    np.testing.assert_array_equal(rule(posteriors[:, samples]), result[samples])


@pytest.mark.parametrize("name", SOFT)
def test_one_member_alone_is_itself(name):
    posteriors, _ = noisy_members(members=1)
    np.testing.assert_allclose(RULES[name].combine(posteriors), posteriors[0], atol=1e-12)


@pytest.mark.parametrize("name", UNTRAINED)
def test_one_member_alone_decides(name):
    posteriors, _ = noisy_members(members=1)
    np.testing.assert_array_equal(RULES[name].combine(posteriors).argmax(axis=1), posteriors[0].argmax(axis=1))


def test_borda_against_a_loop():
    random = np.random.default_rng(0)
    posteriors = random.integers(0, 4, (5, 50, 4)) + 0.5  # many ties
    posteriors /= posteriors.sum(axis=2, keepdims=True)
    result = fusion.borda(posteriors)
    for i in range(50):
        ranks = np.zeros((5, 4))
        for m in range(5):
            for place, c in enumerate(sorted(range(4), key=lambda c: (-posteriors[m, i, c], c))):
                ranks[m, c] = place + 1
        score = 5 - ranks.mean(axis=0)
        np.testing.assert_allclose(result[i], score / score.sum(), atol=1e-8)
        best = [c for c in range(4) if score[c] > score.max() - 1e-9]
        mean = posteriors[:, i].mean(axis=0)
        assert result[i].argmax() == min(best, key=lambda c: (-round(mean[c], 9), c))


# ---------------------------------------------------------------- calibration


def test_temperature_recovers_the_scale_of_overconfident_logits():
    posteriors, truth = noisy_members(members=1, n=20_000)
    sharp, _ = noisy_members(members=1, n=20_000, scale=2.5)
    plain = fusion.fit_temperature(posteriors[0], truth)
    assert fusion.fit_temperature(sharp[0], truth) == pytest.approx(2.5 * plain, rel=1e-4)


def test_temperature_minimises_the_log_loss():
    posteriors, truth = noisy_members(members=1, scale=2.0)
    found = fusion.fit_temperature(posteriors[0], truth)
    losses = {t: metrics.log_loss(truth, fusion.temper(posteriors[0], t)) for t in np.geomspace(found / 2, found * 2, 101)}
    assert min(losses, key=losses.get) == pytest.approx(found, rel=0.01)
    assert metrics.log_loss(truth, fusion.temper(posteriors[0], found)) < metrics.log_loss(truth, posteriors[0])


def test_temperature_ignores_absent_rows_and_lacking_classes():
    posteriors, truth = noisy_members(members=1)
    posterior, seen = posteriors[0], truth != 3
    lacking = posterior[:, :3] / posterior[:, :3].sum(axis=1, keepdims=True)
    expected = fusion.fit_temperature(lacking[seen], truth[seen])
    padded = np.column_stack([lacking, np.full(len(truth), NAN)])
    assert fusion.fit_temperature(padded, truth) == pytest.approx(expected, rel=1e-6)
    padded[50:] = NAN
    assert fusion.fit_temperature(padded, truth) == pytest.approx(fusion.fit_temperature(lacking[:50][seen[:50]], truth[:50][seen[:50]]), rel=1e-6)
    assert fusion.fit_temperature(np.full((5, 4), NAN), truth[:5]) == 1.0


def test_temper_keeps_what_is_missing():
    tempered = fusion.temper(np.array([[0.8, 0.2, NAN], GONE]), 2.0)
    np.testing.assert_allclose(tempered, [[2 / 3, 1 / 3, NAN], GONE])
    np.testing.assert_allclose(fusion.temper(np.array([[1.0, 0.0]]), 1.0), [[1.0, 0.0]], atol=2e-9)


# ---------------------------------------------------------------- trained rules


@pytest.fixture(scope="module")
def gappy():
    """Three members with absences, one of them without class 3, and a sample that nobody covers."""
    posteriors, truth = noisy_members(n=300)
    random = np.random.default_rng(1)
    posteriors[random.random((3, 300)) < 0.15] = NAN
    posteriors[1, :, 3] = NAN
    posteriors[1] /= np.nansum(posteriors[1], axis=1, keepdims=True)
    posteriors[:, 7] = NAN
    return posteriors, truth, np.arange(300) % 5


@pytest.mark.parametrize("name", TRAINED)
def test_trained_rules_beat_their_members_and_respect_absence(name, gappy):
    posteriors, truth, folds = gappy
    result = fusion.cross_fit(RULES[name], posteriors, truth, folds)
    present = ~np.isnan(posteriors).all(axis=(0, 2))
    assert not present[7]
    np.testing.assert_array_equal(~np.isnan(result).any(axis=1), present)
    np.testing.assert_allclose(result[present].sum(axis=1), 1)
    assert metrics.summary(truth, result)["accuracy"] > (fusion.votes(posteriors) == truth).mean(axis=1).max()


@pytest.mark.parametrize("name", TRAINED)
def test_cross_fitting_never_sees_its_own_fold(name, gappy):
    posteriors, truth, folds = gappy
    relabelled = np.where(folds == 2, (truth + 1) % 4, truth)
    first, second = (fusion.cross_fit(RULES[name], posteriors, labels, folds) for labels in (truth, relabelled))
    np.testing.assert_array_equal(first[folds == 2], second[folds == 2])
    assert not np.allclose(first[folds == 1], second[folds == 1], equal_nan=True)
    here = folds == 2
    direct = RULES[name].fit(posteriors[:, ~here], truth[~here])(posteriors[:, here])
    np.testing.assert_array_equal(first[here], direct)


@pytest.mark.parametrize("name", TRAINED)
def test_absent_everywhere_in_training(name, gappy):
    posteriors, truth, _ = gappy
    training = posteriors[:, :200].copy()
    training[2] = NAN
    result = RULES[name].fit(training, truth[:200])(posteriors[:, 200:])
    np.testing.assert_allclose(result.sum(axis=1), 1)


@pytest.mark.parametrize("name", sorted(RULES))
def test_order_of_members_and_of_classes_does_not_matter(name, gappy):
    posteriors, truth, folds = gappy
    result = fusion.cross_fit(RULES[name], posteriors, truth, folds)
    members_moved = fusion.cross_fit(RULES[name], posteriors[[2, 0, 1]], truth, folds)
    np.testing.assert_allclose(members_moved, result, atol=2e-4)
    order = np.array([2, 0, 3, 1])
    classes_moved = fusion.cross_fit(RULES[name], posteriors[:, :, order], np.argsort(order)[truth], folds)
    # Rules that count votes and ranks break ties by the order of classes, which is part of their definition.
    same = ~np.isnan(result).any(axis=1) & (np.sort(posteriors, axis=2)[:, :, :1] >= 0).all(axis=(0, 2)) if RULES[name].hard else slice(None)
    np.testing.assert_allclose(classes_moved[same], result[same][:, order], atol=2e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_a_fold_without_some_class_and_one_member_alone(name):
    """The class is in no training sample: every rule still gives distributions, and is right about the classes that it saw."""
    posteriors, truth = noisy_members(n=300)
    learn = truth != 3
    for voters in (posteriors, posteriors[:1]):
        result = RULES[name].fit(voters[:, learn], truth[learn])(voters)
        np.testing.assert_allclose(result.sum(axis=1), 1)
        assert (result[learn].argmax(axis=1) == truth[learn]).mean() > 0.5


def test_switcher_follows_the_member_that_reads_such_faces():
    """One member reads small faces, one large ones; a third is mediocre everywhere. Size is the second of two conditions."""
    random = np.random.default_rng(3)
    n = 600
    truth, small = random.integers(0, 3, n), random.random(n) < 0.5
    sure = np.where(np.arange(3) == truth[:, None], 0.8, 0.1)
    noise = np.roll(sure, 1, axis=1)
    mediocre = np.where((random.random(n) < 0.6)[:, None], sure, noise)
    posteriors = np.stack([np.where(small[:, None], sure, noise), np.where(small[:, None], noise, sure), mediocre])
    conditions = np.stack([random.normal(size=n), np.where(small, 5.0, 8.0)], axis=1)[None].repeat(3, axis=0)
    folds = np.arange(n) % 5
    switched = fusion.cross_fit(RULES["switcher"], posteriors, truth, folds, conditions)
    assert (switched.argmax(axis=1) == truth).all()
    blind = fusion.cross_fit(RULES["switcher"], posteriors, truth, folds)
    assert (blind.argmax(axis=1) == truth).mean() < 0.75, "without conditions it can but take the most accurate member"
    absent = posteriors.copy()
    absent[0, small] = NAN
    without = fusion.cross_fit(RULES["switcher"], absent, truth, folds, conditions)
    np.testing.assert_array_equal(without[small].argmax(axis=1), mediocre[small].argmax(axis=1))


def test_top_of_a_switcher_keeps_its_conditions():
    random = np.random.default_rng(5)
    posteriors, truth = noisy_members(n=200)
    conditions = random.normal(size=(3, 200, 5))
    folds = np.arange(200) % 4
    everyone = fusion.cross_fit(fusion.top(RULES["switcher"], 3), posteriors, truth, folds, conditions)
    np.testing.assert_array_equal(everyone, fusion.cross_fit(RULES["switcher"], posteriors, truth, folds, conditions))
    one = fusion.cross_fit(fusion.top(RULES["switcher"], 1), posteriors, truth, folds, conditions)
    np.testing.assert_array_equal(one.argmax(axis=1), posteriors[0].argmax(axis=1))


def test_untrained_rules_pass_through_cross_fit(gappy):
    posteriors, truth, folds = gappy
    np.testing.assert_array_equal(fusion.cross_fit(RULES["product"], posteriors, truth, folds), fusion.product(posteriors))


def test_weights_against_a_derivative_free_search():
    posteriors, truth = noisy_members(scale=1.7)
    calibrated = np.stack([fusion.temper(p, fusion.fit_temperature(p, truth)) for p in posteriors])

    def nll(logits):
        weights = np.exp(np.r_[0.0, logits]) / np.exp(np.r_[0.0, logits]).sum()
        return -np.log(np.tensordot(weights, calibrated, 1)[np.arange(len(truth)), truth]).mean()

    found = minimize(nll, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000}).x
    expected = np.exp(np.r_[0.0, found]) / np.exp(np.r_[0.0, found]).sum()
    weights = fusion.fit_weights(posteriors, truth)
    np.testing.assert_allclose(weights, expected, atol=2e-3)
    assert weights[0] > weights[1] > weights[2]
    np.testing.assert_allclose(fusion.fit_weighted(posteriors, truth)(posteriors), np.tensordot(weights, calibrated, 1), atol=1e-12)


def test_weights_with_gaps_against_a_search(gappy):
    posteriors, truth, _ = gappy
    calibrated = np.stack([fusion.temper(p, fusion.fit_temperature(p, truth)) for p in posteriors])
    keep = np.arange(len(truth)) != 7

    def nll(logits):
        weights = np.exp(np.r_[0.0, logits])[:, None, None]
        there = ~np.isnan(calibrated)
        mixture = np.nansum(weights * calibrated, axis=0) / np.where((weights * there).sum(axis=0) > 0, (weights * there).sum(axis=0), 1)
        mixture = mixture / np.where(keep, mixture.sum(axis=1), 1)[:, None]
        own = mixture[np.arange(len(truth)), truth]
        return -np.log(own[own > 0]).mean()

    found = minimize(nll, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 4000}).x
    expected = np.exp(np.r_[0.0, found]) / np.exp(np.r_[0.0, found]).sum()
    np.testing.assert_allclose(fusion.fit_weights(posteriors, truth), expected, atol=2e-3)


def test_stacking_is_the_stated_regression():
    posteriors, truth = noisy_members()
    features = np.concatenate([np.log(fusion.temper(p, fusion.fit_temperature(p, truth)) + 1e-6) for p in posteriors], axis=1)
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(features, truth).predict_proba(features)
    np.testing.assert_allclose(fusion.fit_stacking(posteriors, truth)(posteriors), expected, atol=1e-12)


def test_stacking_with_a_class_missing_in_training():
    posteriors, truth = noisy_members()
    keep = truth != 2
    result = fusion.fit_stacking(posteriors[:, keep], truth[keep])(posteriors)
    np.testing.assert_array_equal(result[:, 2], 0)
    np.testing.assert_allclose(result.sum(axis=1), 1)
    with pytest.raises(ValueError, match="two classes"):
        fusion.fit_stacking(posteriors[:, truth == 0], truth[truth == 0])


def test_naive_bayes_by_hand():
    # member 0 votes 0 0 1 1 on truths 0 0 0 1; member 1 votes 0 1 1 1
    truth = np.array([0, 0, 0, 1])
    posteriors = np.eye(2)[np.array([[0, 0, 1, 1], [0, 1, 1, 1]])]
    combine = fusion.fit_naive_bayes(posteriors, truth)
    # counts + 1, member 0: truth 0 [3, 2], truth 1 [1, 2]; member 1: truth 0 [2, 3], truth 1 [1, 2]; prior + 1: 4, 2
    both = np.array([4 * 3 / 5 * 3 / 5, 2 * 1 / 3 * 2 / 3])
    np.testing.assert_allclose(combine(np.eye(2)[np.array([[0], [1]])])[0], both / both.sum())
    alone = np.array([4 * 2 / 5, 2 * 2 / 3])
    absent = np.array([[[0.0, 1.0]], [[NAN, NAN]]])
    np.testing.assert_allclose(combine(absent)[0], alone / alone.sum())


def test_naive_bayes_repairs_a_member_that_is_consistently_wrong():
    truth = np.arange(60) % 3
    posteriors = np.eye(3)[((truth + 1) % 3)[None]]
    np.testing.assert_array_equal(fusion.fit_naive_bayes(posteriors, truth)(posteriors).argmax(axis=1), truth)


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


def test_dempster_shafer_against_set_arithmetic(gappy):
    posteriors, truth, _ = gappy
    result = fusion.fit_dempster_shafer(posteriors, truth)(posteriors)
    right = (fusion.votes(posteriors) == truth).sum(axis=1)
    trust = right / (~np.isnan(posteriors).all(axis=2)).sum(axis=1)
    frame = frozenset(range(4))
    temperatures = [fusion.fit_temperature(p, truth) for p in posteriors]
    for i in [*range(7), *range(8, 40)]:
        masses = []
        for m in range(3):
            if not np.isnan(posteriors[m, i]).all():
                p = np.nan_to_num(fusion.temper(posteriors[m, i], temperatures[m]))
                masses.append({frozenset([c]): trust[m] * p[c] for c in range(4)} | {frame: 1 - trust[m]})
        joint = dempster(masses)
        np.testing.assert_allclose(result[i], [joint.get(frozenset([c]), 0) + joint[frame] / 4 for c in range(4)], rtol=1e-9)


def test_dempster_shafer_survives_total_conflict():
    truth = np.array([0, 1, 0, 1])
    certain = np.eye(2)[np.stack([truth, truth])]
    result = fusion.fit_dempster_shafer(certain, truth)(one_sample([1.0, 0.0], [0.0, 1.0]))
    np.testing.assert_allclose(result, [[0.5, 0.5]])


def test_class_weighted_by_hand():
    """Member 0 finds class 0 in 2 of 2 and class 1 in 0 of 2 samples, member 1 the other way round: weights (2+1)/(2+2) and (0+1)/(2+2)."""
    truth = np.array([0, 0, 1, 1])
    always_0, always_1 = np.tile([0.9, 0.1], (4, 1)), np.tile([0.2, 0.8], (4, 1))
    combine = fusion.fit_class_weighted(np.stack([always_0, always_1]), truth)
    scores = np.array([0.75 * 0.6 + 0.25 * 0.3, 0.25 * 0.4 + 0.75 * 0.7])
    np.testing.assert_allclose(combine(one_sample([0.6, 0.4], [0.3, 0.7]))[0], scores / scores.sum())
    np.testing.assert_allclose(combine(one_sample([0.6, 0.4], [NAN, NAN]))[0], [0.6, 0.4])
    assert np.isnan(combine(one_sample([NAN, NAN], [NAN, NAN]))).all()


def test_class_weighted_trusts_specialists():
    """One member knows classes 0 and 1, the other 2 and 3; each guesses at the rest."""
    posteriors, truth = noisy_members(members=2, strength=(3.0, 3.0), n=2000)
    random = np.random.default_rng(1)
    for member, known in ((0, (0, 1)), (1, (2, 3))):
        blind = ~np.isin(truth, known)
        posteriors[member, blind] = random.dirichlet(np.ones(4), blind.sum())
    trained = fusion.cross_fit(RULES["class_weighted"], posteriors, truth, np.arange(2000) % 5)
    assert (trained.argmax(axis=1) == truth).mean() > (RULES["soft_mean"].combine(posteriors).argmax(axis=1) == truth).mean() - 0.002


def test_top_keeps_the_most_accurate():
    posteriors, truth = noisy_members(members=3, strength=(1.0, 2.5, 1.8), n=600)
    both = fusion.top(RULES["soft_mean"], 2)
    assert both.trained
    np.testing.assert_array_equal(both.fit(posteriors, truth)(posteriors), RULES["soft_mean"].combine(posteriors[[1, 2]]))
    learnt = fusion.top(RULES["weighted"], 2)
    np.testing.assert_array_equal(learnt.fit(posteriors, truth)(posteriors), fusion.fit_weighted(posteriors[[1, 2]], truth)(posteriors[[1, 2]]))
    np.testing.assert_array_equal(fusion.top(RULES["soft_mean"], 9).fit(posteriors, truth)(posteriors), RULES["soft_mean"].combine(posteriors))
    assert fusion.top(RULES["majority"], 1).hard
    with pytest.raises(ValueError, match="2 members given, expected 3"):
        both.fit(posteriors, truth)(posteriors[:2])


def test_a_trained_rule_refuses_other_members():
    posteriors, truth = noisy_members()
    with pytest.raises(ValueError, match="2 members given, expected 3"):
        fusion.fit_weighted(posteriors, truth)(posteriors[:2])


def test_registry_marks_hard_and_trained_rules():
    assert {name for name, rule in RULES.items() if rule.hard} == {"majority", "borda"}
    assert {*TRAINED} == {"temperature", "weighted", "class_weighted", "stacking", "naive_bayes", "dempster_shafer", "switcher"}
    assert {name for name, rule in RULES.items() if rule.by_face} == {"switcher"}
    assert all((rule.combine is None) == rule.trained for rule in RULES.values())


# ---------------------------------------------------------------- beside a fusion


def test_oracle():
    np.testing.assert_array_equal(members.oracle(np.array([0, 1, 2]), np.array([[0, 0, -1], [1, 1, -1]])), [True, True, False])
    with pytest.raises(ValueError, match="predicted"):
        members.oracle(np.array([0, 1]), np.array([[0, 1, 2]]))


def test_effective_members():
    random = np.random.default_rng(0)
    one = random.random((1, 4000)) < 0.7
    assert members.effective_members(np.repeat(one, 4, axis=0)) == pytest.approx(1)
    assert members.effective_members(random.random((4, 4000)) < 0.7) == pytest.approx(4, rel=0.01)
    several = np.concatenate([one, one, random.random((2, 4000)) < 0.6])
    assert members.effective_members(several) == pytest.approx(16 / (np.corrcoef(several) ** 2).sum())


def test_effective_members_of_constant_members():
    always, never, varied = np.ones(4, bool), np.zeros(4, bool), np.array([1, 0, 1, 0], bool)
    assert members.effective_members(np.stack([always, always, never])) == pytest.approx(9 / 5)
    assert members.effective_members(np.stack([always, varied])) == pytest.approx(2)


def test_clone_pairs():
    random = np.random.default_rng(0)
    base = random.integers(0, 4, 1000)
    clone, near = base.copy(), base.copy()
    clone[:8] = (clone[:8] + 1) % 4
    near[:10] = (near[:10] + 1) % 4
    clone[500:600] = -1
    pairs = members.clone_pairs(np.stack([base, near, clone, np.full(1000, -1)]))
    # exactly 99 % is not more than 99 %; samples that only one covers do not count
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2), (1, 2)]
    assert pairs[0].agreement == pytest.approx(892 / 900)
    assert members.clone_pairs(np.stack([base, near]), threshold=0.98)[0].agreement == pytest.approx(0.99)


def test_best_single_by_accuracy_then_loss_then_name():
    correct = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1]], bool)
    even = np.full((4, 4), 0.5)
    assert members.best_single_on(correct, even, ["c", "b", "d", "a"]) == 1  # three tie on both: name
    lower = even.copy()
    lower[2] = [0.4, NAN, NAN, 0.4]  # over covered samples
    assert members.best_single_on(correct, lower, ["c", "b", "d", "a"]) == 2
    lower[2] = NAN  # nothing to judge by loses the tie
    assert members.best_single_on(correct, lower, ["z", "y", "a", "b"]) == 1
    assert members.best_single_on(np.array([[1, 1], [1, 0]], bool), np.array([[9.0, 9], [0, 0]]), ["z", "a"]) == 0  # accuracy first


def test_best_single_is_chosen_on_the_other_folds():
    folds = np.repeat([0, 1, 2], 4)
    first = np.r_[np.ones(4, bool), np.zeros(8, bool)]  # right on fold 0 only
    second = np.r_[np.zeros(4, bool), np.array([1, 0, 0, 0, 1, 0, 0, 0], bool)]
    chosen = members.best_single(np.stack([first, second]), np.full((2, 12), 0.3), ["first", "second"], folds)
    assert chosen.choices == {0: 1, 1: 0, 2: 0}
    np.testing.assert_array_equal(chosen.member, np.repeat([1, 0, 0], 4))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fusion.soft_mean(np.ones((2, 3))), r"posteriors: shape \(2, 3\) given, expected \(members, n, k\)"),
        (lambda: fusion.soft_mean(np.ones((0, 2, 3))), "at least one member"),
        (lambda: fusion.product(np.array([[A, [0.5, NAN, 0.5]]])), "member 0 is NaN in part"),
        (lambda: fusion.majority(one_sample(A, [1.2, -0.2, 0])), "member 1 holds negative"),
        (lambda: fusion.soft_max(one_sample(A, [np.inf, 0, 0])), "infinite"),
        (lambda: fusion.fit_switcher(np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.ones((1, 3, 5))), r"conditions: shape \(1, 3, 5\) given, expected \(1, 2"),
        (lambda: fusion.fit_weighted(np.ones((1, 2, 3)) / 3, np.array([0])), r"truth: shape \(1,\) given, expected \(2,\)"),
        (lambda: fusion.fit_weighted(np.ones((1, 1, 3)) / 3, np.array([3])), "expected class indices 0 to 2"),
        (lambda: fusion.cross_fit(RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0, 0])), "at least two different folds"),
        (lambda: fusion.cross_fit(RULES["weighted"], np.ones((1, 2, 3)) / 3, np.array([0, 1]), np.array([0])), r"folds: shape \(1,\)"),
        (lambda: members.best_single_on(np.ones((2, 3)), np.ones((2, 2)), ["a", "b"]), "correct, log_loss, names"),
        (lambda: members.best_single_on(np.ones((2, 0)), np.ones((2, 0)), ["a", "b"]), "no samples"),
        (lambda: members.clone_pairs(np.ones(3)), r"predicted: shape \(3,\) given"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", UNTRAINED)
def test_no_samples(name):
    assert RULES[name].combine(np.zeros((2, 0, 3))).shape == (0, 3)
