"""Fusion rules that learn nothing, worked by hand: ties, members that abstain, classes that members
lack.
"""

from itertools import product as every

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posterior_fixtures import NAN, RULES, noisy_members, one_sample

from faceoff.fusion.means import soft_mean
from faceoff.fusion.rules.borda import borda
from faceoff.fusion.rules.majority import majority
from faceoff.fusion.rules.product import product
from faceoff.fusion.rules.soft_max import soft_max
from faceoff.fusion.rules.soft_median import soft_median
from faceoff.fusion.votes import votes
from faceoff.scoring import metrics

GONE = [NAN, NAN, NAN]
UNTRAINED = sorted(name for name, rule in RULES.items() if not rule.learns)
SOFT = sorted(name for name, rule in RULES.items() if not rule.learns and not rule.hard)
A, B, C = [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]


def fused(rule, *members):
    return rule(one_sample(*members))[0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (soft_mean, [0.3, 1 / 3, 1.1 / 3]),
        (soft_median, [0.2 / 0.8, 0.3 / 0.8, 0.3 / 0.8]),
        (soft_max, [0.6 / 1.8, 0.5 / 1.8, 0.7 / 1.8]),
        (product, [0.012 / 0.063, 0.030 / 0.063, 0.021 / 0.063]),
        (
            borda,
            [(4 - 7 / 3) / 6, (4 - 5 / 3) / 6, (4 - 2) / 6],
        ),  # ranks of class 0: 1 3 3, class 1: 2 1 2, class 2: 3 2 1
    ],
)
def test_three_members(rule, expected):
    np.testing.assert_allclose(fused(rule, A, B, C), expected, rtol=1e-12)


def test_median_of_an_even_number_and_of_none():
    np.testing.assert_allclose(fused(soft_median, A, B), [0.4, 0.4, 0.2])
    # certain members that all differ: every median is 0, so the mean decides
    np.testing.assert_allclose(
        fused(soft_median, [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]),
        [0.4, 0.4, 0.2],
    )


def test_product_floors_at_epsilon():
    expected = np.array([1e-9 * 0.1, 0.4 * 0.6, 0.6 * 0.3])
    np.testing.assert_allclose(
        fused(product, [0, 0.4, 0.6], [0.1, 0.6, 0.3]),
        expected / expected.sum(),
        rtol=1e-12,
    )


def test_majority_counts_votes():
    np.testing.assert_allclose(fused(majority, A, B, [0.2, 0.7, 0.1]), [1 / 3, 2 / 3, 0])


def test_majority_tie_goes_to_the_higher_mean_posterior():
    # one vote each for 0 and 1; means 0.45 and 0.5
    winner = fused(majority, [0.6, 0.3, 0.1], [0.3, 0.7, 0.0])
    assert winner.argmax() == 1
    np.testing.assert_allclose(winner, [0.5, 0.5, 0], atol=1e-8)
    assert winner.sum() == pytest.approx(1, abs=1e-15)


def test_majority_tie_of_votes_and_means_goes_to_the_earlier_class():
    for order in every([[0.1, 0.2, 0.7], [0.1, 0.7, 0.2]], repeat=2):
        if order[0] != order[1]:
            assert fused(majority, *order).argmax() == 1
    # 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit: still a tie
    members = [[0.1, 0.3, 0.6], [0.2, 0.2, 0.6], [0.6, 0.1, 0.3], [0.3, 0.6, 0.1]]
    assert (
        len(
            {
                fused(majority, *[members[i] for i in order]).argmax()
                for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1])
            }
        )
        == 1
    )


def test_majority_against_integer_arithmetic():
    """Posteriors in tenths tie often, and exactly only in integers."""
    tenths = np.random.default_rng(0).multinomial(10, [1 / 3] * 3, (6, 3000))
    result = majority(tenths / 10)
    for i in range(3000):
        ballots = [row.tolist().index(row.max()) for row in tenths[:, i]]
        assert result[i].argmax() == max(
            range(3), key=lambda c: (ballots.count(c), tenths[:, i, c].sum(), -c)
        )


def test_majority_ignores_the_mean_of_a_class_without_the_most_votes():
    # class 2 has the highest mean but only one vote; 0 and 1 tie with two
    members = [
        [0.4, 0.25, 0.35],
        [0.4, 0.25, 0.35],
        [0.2, 0.41, 0.39],
        [0.2, 0.41, 0.39],
        [0, 0, 1.0],
    ]
    assert fused(majority, *members).argmax() == 1


def test_member_ties_vote_for_the_earlier_class():
    np.testing.assert_array_equal(
        votes(one_sample([0.4, 0.4, 0.2], [0.2, 0.4, 0.4], GONE, [NAN, 0.5, 0.5]))[:, 0],
        [0, 1, -1, 1],
    )


def test_borda_tie_goes_to_the_higher_mean_posterior():
    # ranks of class 0: 1, 2; class 1: 2, 1; class 2: 3, 3. Means 0.45 and 0.5
    winner = fused(borda, [0.6, 0.3, 0.1], [0.3, 0.7, 0.0])
    assert winner.argmax() == 1
    np.testing.assert_allclose(winner, [2.5 / 6, 2.5 / 6, 1 / 6], atol=1e-8)


def test_borda_can_differ_from_majority():
    members = [
        [0.5, 0.4, 0.1],
        [0.5, 0.4, 0.1],
        [0.1, 0.5, 0.4],
        [0.05, 0.5, 0.45],
        [0.4, 0.35, 0.25],
    ]
    # class 0: 1 1 3 3 1 -> 1.8; class 1: 2 2 1 1 2 -> 1.6
    assert fused(majority, *members).argmax() == 0
    assert fused(borda, *members).argmax() == 1


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
        (soft_mean, [0.5, 0.45, 0.3]),  # class 0 only from the first
        (soft_median, [0.5, 0.45, 0.3]),
        (soft_max, [0.5, 0.6, 0.4]),
        (product, [0.5**2, 0.3 * 0.6, 0.2 * 0.4]),  # class 0: the one log counts for both
        (borda, [4 - 1, 4 - 1.5, 4 - 2.5]),
        (majority, [1, 1, 0]),
    ],
)
def test_class_that_a_member_lacks(rule, expected):
    result = fused(rule, [0.5, 0.3, 0.2], LACKS)
    np.testing.assert_allclose(result, np.array(expected) / np.sum(expected), atol=1e-8)
    assert result.argmax() == (1 if rule is soft_max else 0)


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
    # a tie at the top of a hard rule raises one of the tied by EPSILON, which one may depend on the
    # order of classes
    np.testing.assert_allclose(
        rule(posteriors[:, :, classes]),
        result[:, classes],
        atol=1e-8 if RULES[name].hard else 1e-12,
    )
    samples = random.permutation(12)
    np.testing.assert_array_equal(rule(posteriors[:, samples]), result[samples])


@pytest.mark.parametrize("name", SOFT)
def test_one_member_alone_is_itself(name):
    posteriors, _ = noisy_members(members=1)
    np.testing.assert_allclose(RULES[name].combine(posteriors), posteriors[0], atol=1e-12)


@pytest.mark.parametrize("name", UNTRAINED)
def test_one_member_alone_decides(name):
    posteriors, _ = noisy_members(members=1)
    np.testing.assert_array_equal(
        RULES[name].combine(posteriors).argmax(axis=1), posteriors[0].argmax(axis=1)
    )


def test_borda_against_a_loop():
    random = np.random.default_rng(0)
    posteriors = random.integers(0, 4, (5, 50, 4)) + 0.5  # many ties
    posteriors /= posteriors.sum(axis=2, keepdims=True)
    result = borda(posteriors)
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: soft_mean(np.ones((2, 3))),
            r"posteriors: shape \(2, 3\) given, expected \(members, n, k\)",
        ),
        (lambda: soft_mean(np.ones((0, 2, 3))), "at least one member"),
        (lambda: product(np.array([[A, [0.5, NAN, 0.5]]])), "member 0 is NaN in part"),
        (lambda: majority(one_sample(A, [1.2, -0.2, 0])), "member 1 holds negative"),
        (lambda: soft_max(one_sample(A, [np.inf, 0, 0])), "infinite"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", UNTRAINED)
def test_no_samples(name):
    assert RULES[name].combine(np.zeros((2, 0, 3))).shape == (0, 3)
