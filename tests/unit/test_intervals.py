"""Intervals of shares, means and differences against statsmodels, scipy, published examples, brute
force and simulations.
"""

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from faceoff.statistics import intervals


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 7), (2764, 3153), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_against_statsmodels(successes, n, level):
    interval = intervals.wilson(successes, n, level)
    np.testing.assert_allclose(
        (interval.low, interval.high),
        proportion_confint(successes, n, 1 - level, method="wilson"),
        atol=1e-12,
    )
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


@pytest.mark.parametrize(
    ("b", "c", "n", "level", "low", "high"),
    [
        (6, 16, 161, 0.95, -0.1240, -0.0054),  # R contingencytables, Cavo et al. 2012
        (
            20,
            60,
            1000,
            0.95,
            -0.0584,
            -0.0231,
        ),  # R PropCIs scoreci.mp, whose difference is (c − b)/n, mirrored
        (25, 28, 618, 0.90, -0.0247, 0.0148),  # the same
    ],
)
def test_tango_published_examples(b, c, n, level, low, high):
    interval = intervals.tango_interval(b, c, n, level)
    assert interval.estimate == (b - c) / n
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def tango_accepts(b, c, n, d, z=1.959963984540054):
    """Return whether the score test accepts the difference d; the nuisance maximum is searched over
    the likelihood, not by Tango's formula.
    """
    low, high = max(0.0, -d), (1 - d) / 2
    q = np.linspace(low, high, 10001)[1:-1]  # probability of "only B"; that of "only A" is q + d
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = (
            scipy.special.xlogy(b, q + d)
            + scipy.special.xlogy(c, q)
            + scipy.special.xlogy(n - b - c, 1 - 2 * q - d)
        )
    best = q[np.argmax(likelihood)]
    return abs(b - c - n * d) <= z * np.sqrt(n * (2 * best + d * (1 - d)))


@pytest.mark.parametrize(
    ("b", "c", "n"),
    [
        (0, 0, 10),
        (3, 0, 10),
        (0, 3, 10),
        (10, 0, 10),
        (0, 10, 10),
        (5, 5, 10),
        (2, 7, 30),
        (9, 1, 10),
        (1, 0, 2),
    ],
)
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


def test_mean_share_is_agresti_and_coulls_and_agresti_and_caffos():
    """Of one group by statsmodels, which adds z²/2 where Price and Bonett add 2; of two groups as a
    difference with the second turned round.
    """
    one, judge = (
        intervals.mean_share([45], [50]),
        proportion_confint(45, 50, method="agresti_coull"),
    )
    assert (one.estimate, one.low, one.high) == (
        0.9,
        pytest.approx(judge[0], abs=2e-3),
        pytest.approx(judge[1], abs=2e-3),
    )
    two = intervals.mean_share([40, 3], [50, 10])
    low, high = confint_proportions_2indep(
        40, 50, 7, 10, method="agresti-caffo"
    )  # p1 + p2 = p1 − (1 − p2) + 1
    np.testing.assert_allclose((two.low, two.high), ((1 + low) / 2, (1 + high) / 2), atol=1e-12)
    assert two.estimate == pytest.approx(0.55)


def test_mean_share_leaves_empty_groups_out_and_refuses_impossible_counts():
    assert intervals.mean_share([8, 0, 3], [10, 0, 5]) == intervals.mean_share([8, 3], [10, 5])
    assert np.isnan([*vars(intervals.mean_share([0, 0], [0, 0])).values()]).all()
    with pytest.raises(ValueError, match="of each group"):
        intervals.mean_share([3, 1], [2, 2])


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=9))
def test_mean_share_holds_its_estimate(counts):
    hits, size = [a for a, _ in counts], [a + b for a, b in counts]
    interval = intervals.mean_share(hits, size)
    assert (
        sum(size) == 0
        or 0 <= interval.low <= interval.estimate + 1e-12 <= interval.high + 2e-12 <= 1 + 2e-12
    )


@pytest.mark.parametrize(
    ("size", "recall"),
    [
        ([200, 200, 8, 8], [0.8, 0.8, 0.95, 0.95]),
        ([20, 20, 20], [0.97, 0.97, 0.97]),
        ([10] * 8, [0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1]),
    ],
)
def test_mean_share_covers_where_a_class_is_rare_and_nearly_always_right(size, recall):
    """The bootstrap-t has 71 and 54 % of the first two, as most of its resamples hold no error of a
    rare class.
    """
    random = np.random.default_rng(12)
    found = [intervals.mean_share(random.binomial(size, recall), size) for _ in range(2000)]
    assert 0.93 <= np.mean([one.low <= np.mean(recall) <= one.high for one in found]) <= 0.995


def test_cluster_interval_against_scipy():
    """Of clusters of one size: Student's t on the cluster means, to the digit."""
    random = np.random.default_rng(0)
    clusters = np.repeat(list("gfedcba"), 9)
    values = random.random(63)
    means = [values[clusters == name].mean() for name in "abcdefg"]
    interval = intervals.cluster_interval(values, clusters)
    low, high = scipy.stats.t.interval(0.95, 6, np.mean(means), scipy.stats.sem(means))
    np.testing.assert_allclose(
        (interval.estimate, interval.low, interval.high), (np.mean(means), low, high), rtol=1e-13
    )
    effect = intervals.design_effect(values, clusters)
    assert effect == pytest.approx(
        (np.var(means, ddof=1) / 7) / (values.var(ddof=1) / 63), rel=1e-13
    )


def test_cluster_error_is_the_jackknife_of_the_mean_over_samples():
    """Each cluster left out once; where clusters are many and none is large, Taylor's linearisation
    says the same.
    """
    random = np.random.default_rng(3)
    size = random.integers(1, 40, 12)
    clusters = np.repeat(np.arange(12), size)
    values = random.random(len(clusters)) + 0.3 * random.random(12)[clusters]
    without = np.array([values[clusters != g].mean() for g in range(12)])
    error, groups = intervals.cluster_error(values, clusters)
    assert groups == 12
    assert error == pytest.approx(np.sqrt(11 / 12 * ((without - values.mean()) ** 2).sum()))
    size = random.integers(5, 15, 2000)
    clusters = np.repeat(np.arange(2000), size)
    values = random.random(len(clusters)) + random.random(2000)[clusters]
    residuals = np.bincount(clusters, weights=values - values.mean())
    assert intervals.cluster_error(values, clusters)[0] == pytest.approx(
        np.sqrt(2000 / 1999 * (residuals**2).sum()) / len(values), rel=2e-3
    )


def test_cluster_interval_is_about_the_accuracy():
    """One subject of 100 samples and five of 10: the mean of subject means, 31.7 %, is not the
    accuracy, 66.7 %.
    """
    values = np.concatenate(
        [np.repeat([1.0, 0.0], [90, 10]), np.tile(np.repeat([1.0, 0.0], [2, 8]), 5)]
    )
    interval = intervals.cluster_interval(
        values, np.repeat(np.arange(6), [100, 10, 10, 10, 10, 10]), bounds=(0.0, 1.0)
    )
    assert interval.estimate == values.mean() == pytest.approx(2 / 3)
    assert interval.low <= interval.estimate <= interval.high


@pytest.mark.parametrize(("groups", "least"), [(10, 0.89), (24, 0.91)])
def test_cluster_interval_covers_where_subjects_differ_much_in_size(groups, least):
    """Log-normal sizes: about 91 to 92 % of 95; the linearised error gives 87 and 89 %."""
    random = np.random.default_rng([groups, 8])
    hits = 0
    for _ in range(1500):
        size = np.maximum(1, np.exp(random.normal(2.5, 1, groups)).astype(int))
        clusters = np.repeat(np.arange(groups), size)
        interval = intervals.cluster_interval(
            random.random(len(clusters)) < random.beta(4.2, 1.8, groups)[clusters], clusters
        )
        hits += interval.low <= 0.7 <= interval.high
    assert least <= hits / 1500 <= 0.96


def test_cluster_interval_edges():
    alone = intervals.cluster_interval(np.array([0.0, 1.0]), np.array(["a", "a"]))
    assert alone.estimate == 0.5
    assert np.isnan(alone.low)
    assert np.isnan(alone.high)
    assert (
        intervals.cluster_interval(np.array([1.0, 1, 1, 0]), np.arange(4), bounds=(0, 1)).high
        == 1.0
    )
    with pytest.raises(ValueError, match="clusters"):
        intervals.cluster_interval(np.ones(3), np.arange(2))


def test_design_effect():
    # all samples of a cluster equal: m = 5 samples carry the information of one
    random = np.random.default_rng(1)
    clusters = np.repeat(np.arange(400), 5)
    assert intervals.design_effect(
        np.repeat(random.normal(size=400), 5), clusters
    ) == pytest.approx(5, rel=0.01)
    assert intervals.design_effect(random.normal(size=2000), clusters) == pytest.approx(1, abs=0.2)
    assert np.isnan(intervals.design_effect(np.ones(10), np.arange(10)))
