"""BCa intervals against scipy, for single samples, kinds of samples and clusters; the simulations that docs/statistics.md reports, in small."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from faceoff import agreement, resampling

_SPEC = importlib.util.spec_from_file_location("simulations", Path(__file__).parents[2] / "benchmarks" / "simulations.py")
simulations = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(simulations)


def ratio(totals: np.ndarray) -> np.ndarray:
    return totals[:, 0] / totals[:, 1]


@pytest.mark.parametrize("units", [25, 80])
def test_bca_against_scipy(units: int) -> None:
    random = np.random.default_rng(units)
    cells = np.stack([random.gamma(2.0, size=units), random.gamma(5.0, size=units)], axis=1)
    ours = resampling.bca(ratio, cells, seed=1, replicates=20_000)
    judge = scipy.stats.bootstrap(
        (cells[:, 0], cells[:, 1]), lambda x, y, axis: x.sum(axis=axis) / y.sum(axis=axis), n_resamples=20_000, paired=True, vectorized=True,
        method="BCa", random_state=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert (ours.low, ours.high) == (pytest.approx(judge.low, rel=0.015), pytest.approx(judge.high, rel=0.015))
    assert ours == resampling.bca(ratio, cells, seed=1, replicates=20_000)
    assert ours != resampling.bca(ratio, cells, seed=3, replicates=20_000)


def test_bca_of_kinds_equals_that_of_single_samples() -> None:
    kinds, multiplicity = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([30, 20])
    short = resampling.bca(ratio, kinds, multiplicity, seed=1, replicates=20_000)
    long = resampling.bca(ratio, np.repeat(kinds, multiplicity, axis=0), seed=1, replicates=20_000)
    assert (short.estimate, short.low, short.high) == (0.6, pytest.approx(long.low, abs=0.021), pytest.approx(long.high, abs=0.021))


def test_bca_where_there_is_nothing_to_resample() -> None:
    assert np.isnan(resampling.bca(ratio, np.ones((1, 2)), seed=0).low)
    always = resampling.bca(ratio, np.ones((9, 2)), seed=0)
    assert (always.low, always.high) == (1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        undefined = resampling.bca(ratio, np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]]), seed=0)
    assert np.isnan(undefined.low), "one unit left out and the ratio is infinite"
    with pytest.raises(ValueError, match="multiplicity: shape"):
        resampling.bca(ratio, np.ones((2, 2)), np.ones(3, int), seed=0)


def test_kappa_interval_by_sample_and_by_cluster() -> None:
    random = np.random.default_rng(4)
    a = random.integers(0, 3, 30)
    b = np.where(random.random(30) < 0.6, a, random.integers(0, 3, 30))
    single = agreement.kappa_interval(a, b, seed=1)
    assert single.estimate == pytest.approx(agreement.cohens_kappa(a, b))
    copies, clusters = np.repeat(np.arange(30), 10), np.repeat(np.arange(30), 10)
    copied = agreement.kappa_interval(a[copies], b[copies], seed=1)
    whole = agreement.kappa_interval(a[copies], b[copies], clusters, seed=1)
    assert whole.high - whole.low == pytest.approx(single.high - single.low, rel=0.15)
    assert copied.high - copied.low < 0.5 * (whole.high - whole.low)
    assert np.isnan(agreement.kappa_interval(a[:0], b[:0], seed=1).estimate)


@pytest.mark.slow
@pytest.mark.parametrize("study", ["sizes", "coverages", "powers", "ranks"])
def test_the_promises_of_the_statistics_page_are_kept(study: str) -> None:
    """Every rate lies in its band, give or take two Monte-Carlo standard errors; one in twenty may miss by chance."""
    rates = [rate for rate in getattr(simulations, study)(0.1, 7) if rate.band is not None]
    missed = [rate for rate in rates if not rate.kept]
    assert len(missed) <= len(rates) // 10, missed
    assert all(rate.band[0] - 3.5 * rate.error <= rate.rate <= rate.band[1] + 3.5 * rate.error for rate in rates), missed


def test_a_broken_promise_is_seen() -> None:
    """An interval that covers 90 % of the time does not pass for one of 95 %."""
    assert not simulations.Rate("x", "", 0.90, 1000, (0.94, 0.96)).kept
    assert simulations.Rate("x", "", 0.93, 1000, (0.94, 0.96)).kept
    assert not simulations.Rate("x", "", 0.07, 4000, (0.0, 0.05)).kept
