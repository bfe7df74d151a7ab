"""Intervals and tests against statsmodels, scipy, scikit-learn, published examples and brute force."""

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
from statsmodels.stats.proportion import proportion_confint

from faceoff import agreement, intervals, metrics, resampling, stats
from faceoff.folds import stratified_group_folds

NAN = float("nan")


def pairs(b, c, n):
    """Two correctness vectors with b samples that only the first gets right and c that only the second does."""
    kind = np.repeat([0, 1, 2], [b, c, n - b - c])
    return kind != 1, kind != 0


# ---------------------------------------------------------------- independent samples


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 7), (2764, 3153), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_against_statsmodels(successes, n, level):
    interval = intervals.wilson(successes, n, level)
    np.testing.assert_allclose((interval.low, interval.high), proportion_confint(successes, n, 1 - level, method="wilson"), atol=1e-12)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_wilson_edges():
    assert np.isnan(intervals.wilson(0, 0).estimate)
    assert np.isnan(intervals.wilson(0, 0).low)
    assert intervals.wilson(0, 5).low == 0.0
    assert intervals.wilson(5, 5).high == 1.0
    with pytest.raises(ValueError, match="6 of 5"):
        intervals.wilson(6, 5)
    with pytest.raises(ValueError, match="level: 95"):
        intervals.wilson(1, 5, level=95)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 7), (6, 16), (16, 6), (5, 5), (60, 20), (0, 9)])
def test_mcnemar_against_statsmodels_and_the_binomial(b, c):
    result = stats.mcnemar(*pairs(b, c, 100))
    assert (result.b, result.c) == (b, c)
    assert result.exact == pytest.approx(statsmodels_mcnemar([[50, b], [c, 10]], exact=True).pvalue)
    x = np.arange(b + c + 1)
    weight = scipy.stats.binom(b + c, 0.5).pmf(x)
    farther, equal = np.abs(2 * x - b - c) > abs(b - c), np.abs(2 * x - b - c) == abs(b - c)
    if b + c:  # half the probability of what is as extreme as observed, plus that of what is more so
        assert result.mid_p == pytest.approx(weight[farther].sum() + weight[equal].sum() / 2)
    else:
        assert result.mid_p == 1.0


def test_mcnemar_published_examples():
    # Fagerland, Lydersen & Laake 2017, chapter 8: Cavo et al. 2012 and Bentur et al. 2009
    cavo, bentur = stats.mcnemar(*pairs(6, 16, 161)), stats.mcnemar(*pairs(1, 7, 21))
    assert (round(cavo.exact, 6), round(cavo.mid_p, 6)) == (0.052479, 0.034690)
    assert bentur.mid_p == pytest.approx(10 / 256)


@pytest.mark.parametrize(
    ("b", "c", "n", "level", "low", "high"),
    [
        (6, 16, 161, 0.95, -0.1240, -0.0054),  # R contingencytables, Cavo et al. 2012
        (20, 60, 1000, 0.95, -0.0584, -0.0231),  # R PropCIs scoreci.mp, whose difference is (c − b)/n, mirrored
        (25, 28, 618, 0.90, -0.0247, 0.0148),  # the same
    ],
)
def test_tango_published_examples(b, c, n, level, low, high):
    interval = intervals.tango_interval(b, c, n, level)
    assert interval.estimate == (b - c) / n
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def tango_accepts(b, c, n, d, z=1.959963984540054):
    """Whether the score test accepts the difference d; the nuisance maximum is found by search over the likelihood, not by Tango's formula."""
    low, high = max(0.0, -d), (1 - d) / 2
    q = np.linspace(low, high, 10001)[1:-1]  # probability of "only B"; that of "only A" is q + d
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = scipy.special.xlogy(b, q + d) + scipy.special.xlogy(c, q) + scipy.special.xlogy(n - b - c, 1 - 2 * q - d)
    best = q[np.argmax(likelihood)]
    return abs(b - c - n * d) <= z * np.sqrt(n * (2 * best + d * (1 - d)))


@pytest.mark.parametrize(("b", "c", "n"), [(0, 0, 10), (3, 0, 10), (0, 3, 10), (10, 0, 10), (0, 10, 10), (5, 5, 10), (2, 7, 30), (9, 1, 10), (1, 0, 2)])
def test_tango_against_brute_force(b, c, n):
    interval = intervals.tango_interval(b, c, n)
    grid = np.linspace(-0.999, 0.999, 1000)
    accepted = grid[[tango_accepts(b, c, n, d) for d in grid]]
    assert interval.low == pytest.approx(accepted.min(), abs=2.5e-3)
    assert interval.high == pytest.approx(accepted.max(), abs=2.5e-3)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_tango_properties(b, c, rest):
    n = b + c + rest
    interval = intervals.tango_interval(b, c, n)
    if n == 0:
        assert np.isnan(interval.low)
        return
    assert -1 <= interval.low <= interval.estimate <= interval.high <= 1
    mirror = intervals.tango_interval(c, b, n)
    assert (mirror.low, mirror.high) == (-interval.high, -interval.low)
    narrower = intervals.tango_interval(b, c, n, 0.8)
    assert interval.low <= narrower.low
    assert narrower.high <= interval.high


def test_tango_refuses_impossible_counts():
    with pytest.raises(ValueError, match="6, 6, 10 given"):
        intervals.tango_interval(6, 6, 10)


# ---------------------------------------------------------------- clusters


def test_cluster_interval_against_scipy():
    random = np.random.default_rng(0)
    clusters = np.repeat(list("gfedcba"), 9)
    values = random.random(63)
    means = [values[clusters == name].mean() for name in "abcdefg"]
    interval = intervals.cluster_interval(values, clusters)
    low, high = scipy.stats.t.interval(0.95, 6, np.mean(means), scipy.stats.sem(means))
    np.testing.assert_allclose((interval.estimate, interval.low, interval.high), (np.mean(means), low, high))


def test_cluster_interval_edges():
    alone = intervals.cluster_interval(np.array([0.0, 1.0]), np.array(["a", "a"]))
    assert alone.estimate == 0.5
    assert np.isnan(alone.low)
    assert np.isnan(alone.high)
    assert intervals.cluster_interval(np.array([1.0, 1, 1, 0]), np.arange(4), bounds=(0, 1)).high == 1.0
    with pytest.raises(ValueError, match="clusters"):
        intervals.cluster_interval(np.ones(3), np.arange(2))


def test_design_effect():
    # all samples of a cluster equal: m = 5 samples carry the information of one
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(400), 5)
    assert intervals.design_effect(np.repeat(random.normal(size=400), 5), clusters) == pytest.approx(5, rel=0.01)
    assert intervals.design_effect(random.normal(size=2000), clusters) == pytest.approx(1, abs=0.2)
    assert np.isnan(intervals.design_effect(np.ones(10), np.arange(10)))


@pytest.mark.parametrize("groups", [6, 9])
def test_sign_flip_against_enumeration_and_scipy(groups):
    random = np.random.default_rng(groups)
    clusters = np.repeat(np.arange(groups), 7)
    differences = random.choice([-1, 0, 1], 7 * groups, p=[0.15, 0.5, 0.35])
    sums = np.array([differences[clusters == g].sum() for g in range(groups)])
    flips = [abs(sum(s * v for s, v in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=groups)]
    expected = np.mean([total >= abs(sums.sum()) for total in flips])
    result = stats.sign_flip(differences, clusters, seed=0)
    assert result.enumerated
    assert result.groups == groups
    assert result.statistic == sums.sum()
    assert result.p == pytest.approx(expected)
    other = scipy.stats.permutation_test((sums,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert result.p == pytest.approx(other.pvalue)


def test_sign_flip_random_patterns_approach_enumeration():
    random = np.random.default_rng(2)
    sums = random.integers(-3, 6, 17)
    enumerated = np.zeros(1)
    for value in sums:
        enumerated = np.concatenate([enumerated + value, enumerated - value])
    exact = (np.abs(enumerated) >= abs(sums.sum())).mean()
    result = stats.sign_flip(sums, np.arange(17), seed=1)
    assert not result.enumerated
    assert result.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))
    assert result == stats.sign_flip(sums, np.arange(17), seed=1)
    assert result.p != stats.sign_flip(sums, np.arange(17), seed=2).p


def test_sign_flip_random_p_is_never_zero():
    result = stats.sign_flip(np.ones(200), np.arange(200), seed=0, replicates=99)
    assert result.p == 1 / 100


def test_sign_flip_edges():
    few = stats.sign_flip(np.ones(50), np.arange(50) % 5, seed=0)
    assert few.p is None
    assert few.reason.startswith("too few clusters")
    assert stats.sign_flip(np.zeros(12), np.arange(12) % 6, seed=0).p == 1.0
    assert stats.sign_flip(np.ones(6), np.arange(6), seed=0).p == 2 / 64
    # fractions that add up to the same in another order only but for rounding
    assert (
        stats.sign_flip(np.array([0.1, 0.2, 0.3, -0.6, 0.1, 0.1]), np.arange(6), seed=0).p
        == stats.sign_flip(np.array([1, 2, 3, -6, 1, 1]), np.arange(6), seed=0).p
    )


# ---------------------------------------------------------------- bootstrap


def test_bootstrap_standard_error_is_the_jackknife():
    values = np.random.default_rng(0).normal(size=30)
    units = np.stack([values, np.ones(30)], axis=1)
    (mean,), (error,) = resampling._studentised(lambda totals: totals[:, 0] / totals[:, 1], units, np.ones((1, 30), int))
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(scipy.stats.sem(values))  # for a mean the jackknife is the usual standard error


def test_bootstrap_t_of_a_normal_mean_is_close_to_students_t():
    values = np.random.default_rng(4).normal(size=60)
    units = np.stack([values, np.ones(60)], axis=1)
    interval = resampling.bootstrap_t(lambda totals: totals[:, 0] / totals[:, 1], units, seed=0)
    low, high = scipy.stats.t.interval(0.95, 59, values.mean(), scipy.stats.sem(values))
    np.testing.assert_allclose((interval.low, interval.high), (low, high), atol=0.1 * (high - low))


def test_kinds_with_multiplicity_equal_single_samples():
    random = np.random.default_rng(5)
    truth, predicted = random.integers(0, 3, 80), random.integers(-1, 3, 80)
    pooled = resampling.bootstrap_t_confusion(metrics.macro_f1_of, truth, predicted, 3, seed=0, replicates=4000)
    singles = resampling.bootstrap_t_confusion(metrics.macro_f1_of, truth, predicted, 3, np.arange(80), seed=0, replicates=4000)
    assert pooled.estimate == singles.estimate == pytest.approx(metrics.macro_f1(truth, predicted, 3))
    np.testing.assert_allclose((pooled.low, pooled.high), (singles.low, singles.high), atol=0.02)


def test_bootstrap_t_paired_difference():
    random = np.random.default_rng(6)
    truth = random.integers(0, 3, 300)
    good = np.where(random.random(300) < 0.8, truth, 0)
    poor = np.where(random.random(300) < 0.5, truth, -1)
    both = resampling.bootstrap_t_confusion(metrics.balanced_accuracy_of, truth, np.stack([good, poor]), 3, seed=0, replicates=2000)
    assert both.estimate == pytest.approx(metrics.balanced_accuracy(truth, good, 3) - metrics.balanced_accuracy(truth, poor, 3))
    assert 0 < both.low < both.estimate < both.high
    swapped = resampling.bootstrap_t_confusion(metrics.balanced_accuracy_of, truth, np.stack([poor, good]), 3, seed=0, replicates=2000)
    np.testing.assert_allclose((swapped.low, swapped.high), (-both.high, -both.low), atol=0.02)
    same = resampling.bootstrap_t_confusion(metrics.macro_f1_of, truth, np.stack([good, good]), 3, seed=0, replicates=200)
    assert (same.low, same.estimate, same.high) == (0, 0, 0)


@pytest.mark.parametrize(("clustered", "groups"), [(False, 120), (True, 20)])
def test_bootstrap_t_covers(clustered, groups):
    """UAR of a classifier whose recalls are known, with cluster effects or without: 95 % ± 4.4 points (2.9 s.e. of 200 runs)."""
    random = np.random.default_rng(7)
    hits = 0
    for run in range(200):
        clusters = np.repeat(np.arange(groups), 6 if clustered else 1)
        truth = np.arange(len(clusters)) % 2
        shift = random.uniform(-0.25, 0.25, groups)[clusters] if clustered else 0.0
        right = random.random(len(truth)) < np.where(truth == 0, 0.7, 0.6) + shift
        interval = resampling.bootstrap_t_confusion(
            metrics.balanced_accuracy_of, truth, np.where(right, truth, 1 - truth), 2, clusters if clustered else None, seed=run, replicates=400
        )
        hits += interval.low <= 0.65 <= interval.high
    assert 0.906 <= hits / 200 <= 0.994


def test_bootstrap_is_a_function_of_its_seed():
    truth, predicted = np.arange(60) % 3, np.arange(60) % 4 - 1
    runs = [resampling.bootstrap_t_confusion(metrics.macro_f1_of, truth, predicted, 3, seed=seed, replicates=300) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_bootstrap_edges():
    perfect = resampling.bootstrap_t_confusion(metrics.macro_f1_of, np.arange(30) % 3, np.arange(30) % 3, 3, seed=0, replicates=100)
    assert (perfect.low, perfect.estimate, perfect.high) == (1, 1, 1)
    one_cluster = resampling.bootstrap_t_confusion(metrics.macro_f1_of, np.arange(6) % 3, np.arange(6) % 3, 3, np.zeros(6), seed=0)
    assert one_cluster.estimate == 1
    assert np.isnan(one_cluster.low)
    assert np.isnan(resampling.bootstrap_t_confusion(metrics.macro_f1_of, np.zeros(0, int), np.zeros(0, int), 3, seed=0).estimate)
    with pytest.raises(ValueError, match="expected classes 0 to 1"):
        resampling.bootstrap_t_confusion(metrics.macro_f1_of, np.array([2]), np.array([0]), 2, seed=0)
    with pytest.raises(ValueError, match="units"):
        resampling.bootstrap_t(lambda totals: totals[:, 0], np.zeros(3), seed=0)


# ---------------------------------------------------------------- families and verdicts


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_against_statsmodels(p):
    np.testing.assert_allclose(stats.holm(np.array(p)), multipletests(p, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(stats.benjamini_hochberg(np.array(p)), multipletests(p, method="fdr_bh")[1], atol=1e-12)


def test_missing_tests_do_not_count_in_a_family():
    np.testing.assert_allclose(stats.holm([0.01, None, 0.04]), [0.02, NAN, 0.04])
    np.testing.assert_allclose(stats.benjamini_hochberg([0.01, NAN, 0.04]), [0.02, NAN, 0.04])
    assert len(stats.holm([])) == 0
    with pytest.raises(ValueError, match="outside 0–1"):
        stats.holm([1.2])


def test_verdicts_of_independent_samples():
    better = stats.paired_verdict(*pairs(60, 20, 1000), seed=0)
    assert better.verdict == "better"
    assert better.test == "mid-p McNemar"
    assert better.difference == 0.04
    assert better.low > 0
    assert better.p < better.p_exact
    assert better.p_exact == pytest.approx(statsmodels_mcnemar([[0, 60], [20, 0]], exact=True).pvalue, rel=1e-12)
    assert stats.paired_verdict(*pairs(20, 60, 1000), seed=0).verdict == "worse"
    assert stats.paired_verdict(*pairs(20, 22, 1000), seed=0).verdict == "no difference"
    nothing = stats.paired_verdict(*pairs(0, 0, 50), seed=0)
    assert (nothing.verdict, nothing.p, nothing.difference) == ("no difference", 1.0, 0.0)


def test_judge_needs_test_and_interval_to_agree():
    assert stats.judge(0.01, 0.1, 0.2) == "better"
    assert stats.judge(0.01, -0.2, -0.1) == "worse"
    assert stats.judge(0.2, -0.1, 0.2) == "no difference"
    assert stats.judge(0.2, 0.1, 0.2) == "inconclusive"
    assert stats.judge(0.01, -0.1, 0.2) == "inconclusive"
    assert stats.judge(0.05, -0.1, 0.2) == "no difference"
    assert stats.judge(None, 0.1, 0.2) == "too few clusters"
    assert stats.judge(0.03, 0.1, 0.2, level=0.99) == "inconclusive"


def test_a_real_disagreement_is_inconclusive():
    verdicts = {(b, c): stats.paired_verdict(*pairs(b, c, 40), seed=0) for b in range(12) for c in range(12)}
    split = [v for v in verdicts.values() if (v.p < 0.05) != (v.low > 0 or v.high < 0)]
    assert split
    assert all(v.verdict == "inconclusive" for v in split)


def test_verdicts_of_clusters():
    clusters = np.repeat(np.arange(10), 20)
    correct_b = np.arange(200) % 4 == 0
    correct_a = correct_b | (np.arange(200) % 7 == 0)
    verdict = stats.paired_verdict(correct_a, correct_b, clusters, seed=0)
    assert verdict.verdict == "better"
    assert verdict.test == "sign-flip over clusters"
    assert verdict.p == verdict.p_exact == 2 / 2**10
    assert verdict.low < verdict.difference < verdict.high
    many = stats.paired_verdict(correct_a, correct_b, np.repeat(np.arange(50), 4), seed=0)
    assert many.p_exact is None
    assert many.p == 1 / 10_001
    few = stats.paired_verdict(correct_a, correct_b, np.repeat(np.arange(5), 40), seed=0)
    assert few.verdict == "too few clusters"
    assert few.p is None
    assert few.low > 0


def test_clones_within_clusters_do_not_make_a_verdict():
    """One cluster of 100 identical samples is one observation, however many rows it has."""
    correct_a = np.repeat([True, False, False, True, False, True, False, True], [100, 20, 20, 20, 20, 20, 20, 20])
    clusters = np.repeat(np.arange(8), [100, 20, 20, 20, 20, 20, 20, 20])
    assert stats.paired_verdict(correct_a, ~correct_a, seed=0).verdict == "better"
    assert stats.paired_verdict(correct_a, ~correct_a, clusters, seed=0).verdict == "no difference"


def test_verdict_refusals():
    with pytest.raises(ValueError, match="no samples"):
        stats.paired_verdict(np.zeros(0, bool), np.zeros(0, bool), seed=0)
    with pytest.raises(ValueError, match=r"correct_a, correct_b: shapes \(2,\) and \(3,\)"):
        stats.paired_verdict(np.zeros(2, bool), np.zeros(3, bool), seed=0)


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
        for fold, (_, test) in enumerate(StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)):
            folds[test] = fold
        theirs.append(unevenness(labels, folds))
    assert np.mean(ours) <= np.mean(theirs) * 1.05


def test_folds_depend_on_the_seed_and_refuse_too_few():
    labels, groups = np.arange(60) % 3, np.repeat(np.arange(20), 3)
    assert (stratified_group_folds(labels, groups, seed=1) != stratified_group_folds(labels, groups, seed=2)).any()
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
    assert agreement.cohens_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))
    assert agreement.cohens_kappa(a, a) == 1.0
    assert np.isnan(agreement.cohens_kappa(np.ones(4, int), np.ones(4, int)))


def test_pairwise_diversity_by_hand():
    a, b = np.array([1, 1, 1, 1, 0, 0, 0, 1], bool), np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    assert agreement.q_statistic(a, b) == (3 * 2 - 2 * 1) / (3 * 2 + 2 * 1)
    assert agreement.disagreement(a, b) == 3 / 8
    assert agreement.double_fault(a, b) == 2 / 8
    assert agreement.q_statistic(a, a) == 1.0
    assert agreement.q_statistic(a, ~a) == -1.0
    assert np.isnan(agreement.q_statistic(np.ones(3, bool), np.ones(3, bool)))
