"""Bootstrap intervals against scipy and simulations, for single samples, kinds of samples and
clusters; the simulations of docs/statistics.md, in small.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score

from faceoff.scoring import metrics
from faceoff.statistics import agreement, bootstrap

_SPEC = importlib.util.spec_from_file_location(
    "simulations", Path(__file__).parents[2] / "benchmarks" / "simulations.py"
)
simulations = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(simulations)


def ratio(totals: np.ndarray) -> np.ndarray:
    return totals[:, 0] / totals[:, 1]


@pytest.mark.parametrize("units", [25, 80])
def test_bca_against_scipy(units: int) -> None:
    random = np.random.default_rng(units)
    cells = np.stack([random.gamma(2.0, size=units), random.gamma(5.0, size=units)], axis=1)
    ours = bootstrap.bca(ratio, cells, seed=1, replicates=20_000)
    judge = scipy.stats.bootstrap(
        (cells[:, 0], cells[:, 1]),
        lambda x, y, axis: x.sum(axis=axis) / y.sum(axis=axis),
        n_resamples=20_000,
        paired=True,
        vectorized=True,
        method="BCa",
        random_state=np.random.default_rng(2),
    ).confidence_interval
    assert (ours.low, ours.high) == (
        pytest.approx(judge.low, rel=0.015),
        pytest.approx(judge.high, rel=0.015),
    )
    assert ours == bootstrap.bca(ratio, cells, seed=1, replicates=20_000)
    assert ours != bootstrap.bca(ratio, cells, seed=3, replicates=20_000)


def test_bca_of_kinds_equals_that_of_single_samples() -> None:
    kinds, multiplicity = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([30, 20])
    short = bootstrap.bca(ratio, kinds, multiplicity, seed=1, replicates=20_000)
    long = bootstrap.bca(ratio, np.repeat(kinds, multiplicity, axis=0), seed=1, replicates=20_000)
    assert (short.estimate, short.low, short.high) == (
        0.6,
        pytest.approx(long.low, abs=0.021),
        pytest.approx(long.high, abs=0.021),
    )


def test_bca_where_there_is_nothing_to_resample() -> None:
    assert np.isnan(bootstrap.bca(ratio, np.ones((1, 2)), seed=0).low)
    always = bootstrap.bca(ratio, np.ones((9, 2)), seed=0)
    assert always.estimate == 1.0
    assert np.isnan([always.low, always.high]).all(), "units that are all alike"
    few = np.stack([np.arange(1.0, 6.0), np.ones(5)], axis=1)
    assert np.isnan(bootstrap.bca(ratio, few, seed=0).low), "five units"
    assert bootstrap.bca(ratio, np.concatenate([few, few[:1]]), seed=0).low < 16 / 6
    with np.errstate(divide="ignore", invalid="ignore"):
        undefined = bootstrap.bca(ratio, np.array([[1.0, 0.0]] * 6 + [[0.0, 1.0]]), seed=0)
    assert np.isnan(undefined.low), "one unit left out and the ratio is infinite"
    with pytest.raises(ValueError, match="multiplicity: shape"):
        bootstrap.bca(ratio, np.ones((2, 2)), np.ones(3, int), seed=0)


def test_kappa_interval_by_sample_and_by_cluster() -> None:
    random = np.random.default_rng(4)
    a = random.integers(0, 3, 30)
    b = np.where(random.random(30) < 0.6, a, random.integers(0, 3, 30))
    single = agreement.kappa_interval(a, b, seed=1)
    assert single.estimate == pytest.approx(cohen_kappa_score(a, b))
    copies, clusters = np.repeat(np.arange(30), 10), np.repeat(np.arange(30), 10)
    copied = agreement.kappa_interval(a[copies], b[copies], seed=1)
    whole = agreement.kappa_interval(a[copies], b[copies], clusters, seed=1)
    assert whole.high - whole.low == pytest.approx(single.high - single.low, rel=0.15)
    assert copied.high - copied.low < 0.5 * (whole.high - whole.low)
    assert np.isnan(agreement.kappa_interval(a[:0], b[:0], seed=1).estimate)


def test_bootstrap_standard_error_is_the_jackknife():
    values = np.random.default_rng(0).normal(size=30)
    units = np.stack([values, np.ones(30)], axis=1)
    (mean,), (error,) = bootstrap._studentised(
        lambda totals: totals[:, 0] / totals[:, 1], units, np.ones((1, 30), int)
    )
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(
        scipy.stats.sem(values)
    )  # for a mean the jackknife is the usual standard error


def test_bootstrap_t_of_a_normal_mean_is_close_to_students_t():
    values = np.random.default_rng(4).normal(size=60)
    units = np.stack([values, np.ones(60)], axis=1)
    interval = bootstrap.bootstrap_t(lambda totals: totals[:, 0] / totals[:, 1], units, seed=0)
    low, high = scipy.stats.t.interval(0.95, 59, values.mean(), scipy.stats.sem(values))
    np.testing.assert_allclose((interval.low, interval.high), (low, high), atol=0.1 * (high - low))


def test_kinds_with_multiplicity_equal_single_samples():
    random = np.random.default_rng(5)
    truth, predicted = random.integers(0, 3, 80), random.integers(-1, 3, 80)
    pooled = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of, truth, predicted, 3, seed=0, replicates=4000
    )
    singles = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of, truth, predicted, 3, np.arange(80), seed=0, replicates=4000
    )
    assert (
        pooled.estimate == singles.estimate == pytest.approx(metrics.macro_f1(truth, predicted, 3))
    )
    np.testing.assert_allclose((pooled.low, pooled.high), (singles.low, singles.high), atol=0.02)


@pytest.mark.parametrize(("clustered", "groups"), [(False, 120), (True, 20)])
def test_bootstrap_t_covers(clustered, groups):
    """UAR of a classifier whose recalls are known, with cluster effects or without: 95 % ± 4.4
    points (2.9 s.e. of 200 runs).
    """
    random = np.random.default_rng(7)
    hits = 0
    for run in range(200):
        clusters = np.repeat(np.arange(groups), 6 if clustered else 1)
        truth = np.arange(len(clusters)) % 2
        shift = random.uniform(-0.25, 0.25, groups)[clusters] if clustered else 0.0
        right = random.random(len(truth)) < np.where(truth == 0, 0.7, 0.6) + shift
        interval = bootstrap.bootstrap_t_confusion(
            metrics.balanced_accuracy_of,
            truth,
            np.where(right, truth, 1 - truth),
            2,
            clusters if clustered else None,
            seed=run,
            replicates=400,
        )
        hits += interval.low <= 0.65 <= interval.high
    assert 0.906 <= hits / 200 <= 0.994


def ccc_of_sums(sums):
    """Lin's concordance of totals n, Σx, Σy, Σx², Σy², Σxy."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    return (
        2
        * (xy / n - x * y / n**2)
        / (xx / n - (x / n) ** 2 + yy / n - (y / n) ** 2 + (x / n - y / n) ** 2)
    )


@pytest.mark.parametrize("score", ["macro_f1", "balanced_accuracy", "ccc"])
def test_with_many_units_the_linearised_error_is_the_jackknifes(score):
    random = np.random.default_rng(4)
    if score == "ccc":
        x = random.normal(0, 1, (1500, 4))
        y = 0.7 * x + random.normal(0, 1, x.shape)
        parts = (np.ones_like(x), x, y, x**2, y**2, x * y)
        units, statistic = np.stack([part.sum(axis=1) for part in parts], axis=1), ccc_of_sums
    else:
        truth = random.choice(4, 6000, p=[0.6, 0.25, 0.1, 0.05])
        answered = np.where(random.random(6000) < 0.5, truth, random.integers(-1, 4, 6000))
        cell = truth * 5 + np.where(answered == -1, 4, answered)
        units, _ = bootstrap.cell_counts(cell, 20, np.arange(6000) % 1500)
        of = getattr(metrics, f"{score}_of")

        def statistic(totals):
            return of(totals.reshape(-1, 4, 5))

    weights = random.multinomial(1500, np.full(1500, 1 / 1500), size=20)
    exact = bootstrap._studentised(statistic, units, weights)
    fast = bootstrap._linearised(statistic, units, weights)
    assert np.array_equal(exact[0], fast[0])
    assert fast[1] == pytest.approx(exact[1], rel=0.01)


def test_many_subjects_take_no_longer_and_give_the_same(monkeypatch):
    """Single samples as their own subjects are drawn by kind, as independent ones are."""
    random = np.random.default_rng(5)
    truth = random.integers(0, 3, 4000)
    answered = np.where(random.random(4000) < 0.6, truth, random.integers(0, 3, 4000))
    pairs = np.arange(4000) // 4

    def limits(clusters):
        found = bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, truth, answered, 3, clusters, seed=1, replicates=1500
        )
        return found.low, found.high

    assert limits(np.arange(4000)) == pytest.approx(limits(None), abs=0.003)
    assert limits(pairs) == limits(pairs)
    fast = limits(pairs)
    monkeypatch.setattr(bootstrap, "MANY_UNITS", 10**9)
    assert fast == pytest.approx(limits(pairs), abs=0.003)


def test_bootstrap_is_a_function_of_its_seed():
    truth, predicted = np.arange(60) % 3, np.arange(60) % 4 - 1
    runs = [
        bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, truth, predicted, 3, seed=seed, replicates=300
        )
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("groups", [2, 5, 6])
def test_no_bootstrap_below_six_clusters(groups):
    """Resampling few subjects finds the same few mixtures over and over: of two at 40 and 95 % the
    interval was a point.
    """
    clusters = np.repeat(np.arange(groups), 20)
    truth = np.arange(len(clusters)) % 4
    right = (
        np.random.default_rng(groups).random(len(clusters))
        < np.linspace(0.4, 0.95, groups)[clusters]
    )
    interval = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of,
        truth,
        np.where(right, truth, (truth + 1) % 4),
        4,
        clusters,
        seed=0,
        replicates=500,
    )
    assert 0 < interval.estimate < 1
    assert np.isnan([interval.low, interval.high]).tolist() == [groups < 6] * 2


def test_no_bootstrap_of_clusters_that_are_all_alike():
    """Seven subjects, each with the same confusions, whose errors are 0 but for rounding."""
    truth, predicted = np.tile([0, 0, 0, 1, 1, 2, 2], 7), np.tile([0, 0, 1, 1, 2, 2, -1], 7)
    interval = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of, truth, predicted, 3, np.repeat(np.arange(7), 7), seed=0, replicates=500
    )
    assert interval.estimate == pytest.approx(metrics.macro_f1(truth, predicted, 3))
    assert np.isnan([interval.low, interval.high]).all()


def test_bootstrap_edges():
    perfect = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of, np.arange(30) % 3, np.arange(30) % 3, 3, seed=0, replicates=100
    )
    assert perfect.estimate == 1
    assert np.isnan([perfect.low, perfect.high]).all(), (
        "thirty right answers do not make sure of the next"
    )
    one_cluster = bootstrap.bootstrap_t_confusion(
        metrics.macro_f1_of, np.arange(6) % 3, np.arange(6) % 3, 3, np.zeros(6), seed=0
    )
    assert one_cluster.estimate == 1
    assert np.isnan(one_cluster.low)
    assert np.isnan(
        bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, np.zeros(0, int), np.zeros(0, int), 3, seed=0
        ).estimate
    )
    with pytest.raises(ValueError, match="expected \\(n,\\) twice"):
        bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, np.zeros(4, int), np.zeros((2, 4), int), 2, seed=0
        )
    with pytest.raises(ValueError, match="expected classes 0 to 1"):
        bootstrap.bootstrap_t_confusion(
            metrics.macro_f1_of, np.array([2]), np.array([0]), 2, seed=0
        )
    with pytest.raises(ValueError, match="units"):
        bootstrap.bootstrap_t(lambda totals: totals[:, 0], np.zeros(3), seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("study", ["sizes", "families", "coverages", "powers", "ranks"])
def test_the_promises_of_the_statistics_page_are_kept(study: str) -> None:
    """Every rate lies in its band, give or take two Monte-Carlo standard errors; one in twenty may
    miss by chance.
    """
    rates = [rate for rate in getattr(simulations, study)(0.1, 7) if rate.band is not None]
    missed = [rate for rate in rates if not rate.kept]
    assert len(missed) <= len(rates) // 10, missed
    assert all(
        rate.band[0] - 3.5 * rate.error <= rate.rate <= rate.band[1] + 3.5 * rate.error
        for rate in rates
    ), missed


def test_a_broken_promise_is_seen() -> None:
    """An interval that covers 90 % of the time does not pass for one of 95 %."""
    assert not simulations.Rate("x", "", 0.90, 1000, (0.94, 0.96)).kept
    assert simulations.Rate("x", "", 0.93, 1000, (0.94, 0.96)).kept
    assert not simulations.Rate("x", "", 0.07, 4000, (0.0, 0.05)).kept
