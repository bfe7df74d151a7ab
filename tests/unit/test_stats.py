"""Paired tests, families, verdicts, folds and agreement against statsmodels, scipy, scikit-learn,
published examples and brute force.
"""

from itertools import product

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import StratifiedGroupKFold
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from faceoff.statistics import agreement, paired_tests
from faceoff.statistics.folds import stratified_group_folds

NAN = float("nan")


def pairs(b, c, n):
    """Two correctness vectors with b samples that only the first gets right and c that only the
    second does.
    """
    kind = np.repeat([0, 1, 2], [b, c, n - b - c])
    return kind != 1, kind != 0


# ---------------------------------------------------------------- independent samples


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 7), (6, 16), (16, 6), (5, 5), (60, 20), (0, 9)])
def test_mcnemar_against_statsmodels_and_the_binomial(b, c):
    result = paired_tests.mcnemar(*pairs(b, c, 100))
    assert (result.b, result.c) == (b, c)
    assert result.exact == pytest.approx(statsmodels_mcnemar([[50, b], [c, 10]], exact=True).pvalue)
    x = np.arange(b + c + 1)
    weight = scipy.stats.binom(b + c, 0.5).pmf(x)
    farther, equal = np.abs(2 * x - b - c) > abs(b - c), np.abs(2 * x - b - c) == abs(b - c)
    if (
        b + c
    ):  # half the probability of what is as extreme as observed, plus that of what is more so
        assert result.mid_p == pytest.approx(weight[farther].sum() + weight[equal].sum() / 2)
    else:
        assert result.mid_p == 1.0


def test_mcnemar_published_examples():
    # Fagerland, Lydersen & Laake 2017, chapter 8: Cavo et al. 2012 and Bentur et al. 2009
    cavo, bentur = paired_tests.mcnemar(*pairs(6, 16, 161)), paired_tests.mcnemar(*pairs(1, 7, 21))
    assert (round(cavo.exact, 6), round(cavo.mid_p, 6)) == (0.052479, 0.034690)
    assert bentur.mid_p == pytest.approx(10 / 256)


# ---------------------------------------------------------------- clusters


@pytest.mark.parametrize("groups", [6, 9])
def test_sign_flip_against_enumeration_and_scipy(groups):
    random = np.random.default_rng(groups)
    clusters = np.repeat(np.arange(groups), 7)
    differences = random.choice([-1, 0, 1], 7 * groups, p=[0.15, 0.5, 0.35])
    sums = np.array([differences[clusters == g].sum() for g in range(groups)])
    flips = [
        abs(sum(s * v for s, v in zip(signs, sums, strict=True)))
        for signs in product((1, -1), repeat=groups)
    ]
    expected = np.mean([total >= abs(sums.sum()) for total in flips])
    result = paired_tests.sign_flip(differences, clusters, seed=0)
    assert result.enumerated
    assert result.groups == groups
    assert result.statistic == sums.sum()
    assert result.p == pytest.approx(expected)
    other = scipy.stats.permutation_test(
        (sums,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert result.p == pytest.approx(other.pvalue)


def test_sign_flip_random_patterns_approach_enumeration():
    random = np.random.default_rng(2)
    sums = random.integers(-3, 6, 17)
    enumerated = np.zeros(1)
    for value in sums:
        enumerated = np.concatenate([enumerated + value, enumerated - value])
    exact = (np.abs(enumerated) >= abs(sums.sum())).mean()
    result = paired_tests.sign_flip(sums, np.arange(17), seed=1)
    assert not result.enumerated
    assert result.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))
    assert result == paired_tests.sign_flip(sums, np.arange(17), seed=1)
    assert result.p != paired_tests.sign_flip(sums, np.arange(17), seed=2).p


def test_sign_flip_random_p_is_never_zero():
    result = paired_tests.sign_flip(np.ones(200), np.arange(200), seed=0, replicates=99)
    assert result.p == 1 / 100


def test_sign_flip_edges():
    few = paired_tests.sign_flip(np.ones(50), np.arange(50) % 5, seed=0)
    assert few.p is None
    assert few.reason.startswith("too few clusters")
    assert paired_tests.sign_flip(np.zeros(12), np.arange(12) % 6, seed=0).p == 1.0
    assert paired_tests.sign_flip(np.ones(6), np.arange(6), seed=0).p == 2 / 64
    # fractions that add up to the same in another order only but for rounding
    assert (
        paired_tests.sign_flip(np.array([0.1, 0.2, 0.3, -0.6, 0.1, 0.1]), np.arange(6), seed=0).p
        == paired_tests.sign_flip(np.array([1, 2, 3, -6, 1, 1]), np.arange(6), seed=0).p
    )


# ---------------------------------------------------------------- families and verdicts


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_against_statsmodels(p):
    np.testing.assert_allclose(
        paired_tests.holm(np.array(p)), multipletests(p, method="holm")[1], atol=1e-12
    )


def test_missing_tests_do_not_count_in_a_family():
    np.testing.assert_allclose(paired_tests.holm([0.01, None, 0.04]), [0.02, NAN, 0.04])
    assert len(paired_tests.holm([])) == 0
    with pytest.raises(ValueError, match="outside 0–1"):
        paired_tests.holm([1.2])


def test_verdicts_of_independent_samples():
    better = paired_tests.paired_verdict(*pairs(60, 20, 1000), seed=0)
    assert better.verdict == "better"
    assert better.test == "mid-p McNemar"
    assert better.difference == 0.04
    assert better.low > 0
    assert better.p < better.p_exact
    assert better.p_exact == pytest.approx(
        statsmodels_mcnemar([[0, 60], [20, 0]], exact=True).pvalue, rel=1e-12
    )
    assert paired_tests.paired_verdict(*pairs(20, 60, 1000), seed=0).verdict == "worse"
    assert paired_tests.paired_verdict(*pairs(20, 22, 1000), seed=0).verdict == "no difference"
    nothing = paired_tests.paired_verdict(*pairs(0, 0, 50), seed=0)
    assert (nothing.verdict, nothing.p, nothing.difference) == ("no difference", 1.0, 0.0)


def test_judge_needs_test_and_interval_to_agree():
    assert paired_tests.judge(0.01, 0.15, 0.1, 0.2) == "better"
    assert paired_tests.judge(0.01, -0.15, -0.2, -0.1) == "worse"
    assert paired_tests.judge(0.2, 0.05, -0.1, 0.2) == "no difference"
    assert paired_tests.judge(0.2, 0.15, 0.1, 0.2) == "inconclusive"
    assert paired_tests.judge(0.01, 0.05, -0.1, 0.2) == "inconclusive"
    assert paired_tests.judge(0.05, 0.05, -0.1, 0.2) == "no difference"
    assert paired_tests.judge(None, 0.15, 0.1, 0.2) == "too few clusters"
    assert paired_tests.judge(0.03, 0.15, 0.1, 0.2, level=0.99) == "inconclusive"
    assert paired_tests.judge(0.01, -0.05, 0.1, 0.2) == "inconclusive", (
        "the interval and the difference point to different sides"
    )
    assert paired_tests.judge(0.01, 0.0, -0.2, -0.1) == "inconclusive"


def test_a_real_disagreement_is_inconclusive():
    verdicts = {
        (b, c): paired_tests.paired_verdict(*pairs(b, c, 40), seed=0)
        for b in range(12)
        for c in range(12)
    }
    split = [v for v in verdicts.values() if (v.p < 0.05) != (v.low > 0 or v.high < 0)]
    assert split
    assert all(v.verdict == "inconclusive" for v in split)


def test_verdicts_of_clusters():
    clusters = np.repeat(np.arange(10), 20)
    correct_b = np.arange(200) % 4 == 0
    correct_a = correct_b | (np.arange(200) % 7 == 0)
    verdict = paired_tests.paired_verdict(correct_a, correct_b, clusters, seed=0)
    assert verdict.verdict == "better"
    assert verdict.test == "sign-flip over clusters"
    assert verdict.p == verdict.p_exact == 2 / 2**10
    assert verdict.low < verdict.difference < verdict.high
    many = paired_tests.paired_verdict(correct_a, correct_b, np.repeat(np.arange(50), 4), seed=0)
    assert many.p_exact is None
    assert many.p == 1 / 10_001
    few = paired_tests.paired_verdict(correct_a, correct_b, np.repeat(np.arange(5), 40), seed=0)
    assert few.verdict == "too few clusters"
    assert few.p is None
    assert few.low > 0


def test_no_verdict_against_the_difference():
    """Ten subjects of 1,000 samples on which A is 5 points worse, sixty of 10 on which it is 20
    points better: over all samples A is worse.
    """
    large, small = np.repeat([-1, 0], [50, 950]), np.repeat([1, 0], [2, 8])
    paired = np.concatenate([np.tile(large, 10), np.tile(small, 60)])
    clusters = np.concatenate([np.repeat(np.arange(10), 1000), np.repeat(np.arange(10, 70), 10)])
    verdict = paired_tests.paired_verdict(paired >= 0, paired <= 0, clusters, seed=0)
    assert verdict.difference == pytest.approx((-500 + 120) / 10_600)
    assert verdict.low < verdict.difference < verdict.high < 0
    assert verdict.verdict == "worse"


def test_clones_within_clusters_do_not_make_a_verdict():
    """One cluster of 100 identical samples is one observation, however many rows it has."""
    correct_a = np.repeat(
        [True, False, False, True, False, True, False, True], [100, 20, 20, 20, 20, 20, 20, 20]
    )
    clusters = np.repeat(np.arange(8), [100, 20, 20, 20, 20, 20, 20, 20])
    assert paired_tests.paired_verdict(correct_a, ~correct_a, seed=0).verdict == "better"
    assert (
        paired_tests.paired_verdict(correct_a, ~correct_a, clusters, seed=0).verdict
        == "no difference"
    )


def test_verdict_refusals():
    with pytest.raises(ValueError, match="no samples"):
        paired_tests.paired_verdict(np.zeros(0, bool), np.zeros(0, bool), seed=0)
    with pytest.raises(ValueError, match=r"correct_a, correct_b: shapes \(2,\) and \(3,\)"):
        paired_tests.paired_verdict(np.zeros(2, bool), np.zeros(3, bool), seed=0)


# ---------------------------------------------------------------- folds


@given(seed=st.integers(0, 1000), n=st.integers(5, 200), k=st.integers(2, 5))
def test_folds_without_groups_are_even(seed, n, k):
    labels = np.random.default_rng(seed).integers(0, 4, n)
    folds = stratified_group_folds(labels, k=k, seed=seed)
    assert np.ptp(np.bincount(folds, minlength=k)) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(folds[labels == label], minlength=k)) <= 1
    np.testing.assert_array_equal(folds, stratified_group_folds(labels, k=k, seed=seed))


@given(seed=st.integers(0, 1000), groups=st.integers(5, 40))
def test_folds_never_split_a_group_nor_leave_a_fold_empty(seed, groups):
    random = np.random.default_rng(seed)
    group = np.r_[np.arange(groups), random.integers(0, groups, 200)]
    folds = stratified_group_folds(random.integers(0, 3, len(group)), group, seed=seed)
    assert all(len(np.unique(folds[group == g])) == 1 for g in range(groups))
    assert set(folds) == set(range(5))


def unevenness(labels, folds):
    table = np.stack([np.bincount(labels[folds == f], minlength=4) for f in range(5)])
    return np.abs(table / table.sum(axis=0) - 0.2).max()


def test_grouped_folds_are_as_even_as_scikit_learns():
    ours, theirs = [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        groups = random.integers(0, 40, 600)
        labels = np.where(random.random(600) < 0.5, groups % 4, random.integers(0, 4, 600))
        ours.append(unevenness(labels, stratified_group_folds(labels, groups, seed=seed)))
        folds = np.empty(600, int)
        for fold, (_, test) in enumerate(
            StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)
        ):
            folds[test] = fold
        theirs.append(unevenness(labels, folds))
    assert np.mean(ours) <= np.mean(theirs) * 1.05


def test_folds_depend_on_the_seed_and_refuse_too_few():
    labels, groups = np.arange(60) % 3, np.repeat(np.arange(20), 3)
    assert (
        stratified_group_folds(labels, groups, seed=1)
        != stratified_group_folds(labels, groups, seed=2)
    ).any()
    with pytest.raises(ValueError, match="groups: 3 different groups"):
        stratified_group_folds(labels, np.arange(60) % 3, seed=0)
    with pytest.raises(ValueError, match="labels: 3 samples"):
        stratified_group_folds(np.arange(3), seed=0)
    with pytest.raises(ValueError, match="k ≥ 2"):
        stratified_group_folds(labels, k=1, seed=0)


# ---------------------------------------------------------------- agreement


def test_kappa_against_scikit_learn():
    random = np.random.default_rng(0)
    a = random.integers(-1, 4, 300)
    b = np.where(random.random(300) < 0.5, a, random.integers(-1, 4, 300))
    assert agreement.kappa_interval(a, b, seed=0).estimate == pytest.approx(cohen_kappa_score(a, b))
    same = agreement.kappa_interval(a, a, seed=0)
    assert same.estimate == 1.0
    assert np.isnan([same.low, same.high]).all(), (
        "they never differ: nothing says how often they will"
    )
    assert np.isnan(agreement.kappa_interval(np.ones(9, int), np.ones(9, int), seed=0).estimate)


def test_pairwise_diversity_by_hand():
    a, b = np.array([1, 1, 1, 1, 0, 0, 0, 1], bool), np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    assert agreement.q_statistic(a, b) == (3 * 2 - 2 * 1) / (3 * 2 + 2 * 1)
    assert agreement.disagreement(a, b) == 3 / 8
    assert agreement.double_fault(a, b) == 2 / 8
    assert agreement.q_statistic(a, a) == 1.0
    assert agreement.q_statistic(a, ~a) == -1.0
    assert np.isnan(agreement.q_statistic(np.ones(3, bool), np.ones(3, bool)))
