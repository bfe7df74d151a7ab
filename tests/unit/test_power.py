"""The minimum detectable difference, against statsmodels, its own definition and simulated tests."""

import numpy as np
import pytest
from scipy.special import ndtri
from statsmodels.stats.power import TTestPower

from faceoff import power, stats


@pytest.mark.parametrize(("n", "discordance"), [(200, 0.3), (3153, 0.1), (1000, 0.02)])
def test_the_difference_solves_connors_sample_size(n: int, discordance: float) -> None:
    """Connor 1987: n = (z(1−α/2) √ψ + z(1−β) √(ψ − δ²))² / δ²."""
    delta = power.mcnemar_detectable(n, discordance)
    assert (ndtri(0.975) * np.sqrt(discordance) + ndtri(0.8) * np.sqrt(discordance - delta**2)) ** 2 / delta**2 == pytest.approx(n)


def test_more_samples_and_less_discordance_show_smaller_differences() -> None:
    assert power.mcnemar_detectable(4000, 0.1) < power.mcnemar_detectable(1000, 0.1) < power.mcnemar_detectable(1000, 0.2)
    assert power.mcnemar_detectable(1000, 0.1, power=0.9) > power.mcnemar_detectable(1000, 0.1)


def test_a_difference_needs_as_many_discordant_samples() -> None:
    """Pipelines that never differ could still have shown a difference; with three samples none can be shown."""
    assert 0 < power.mcnemar_detectable(1000, 0.0) < power.mcnemar_detectable(100, 0.0) < 1
    assert power.mcnemar_detectable(3, 0.0) == 1.0


@pytest.mark.parametrize("groups", [3, 10, 24, 100])
def test_clusters_against_statsmodels(groups: int) -> None:
    assert power.cluster_detectable(groups, 0.1) == pytest.approx(0.1 * TTestPower().solve_power(nobs=groups, alpha=0.05, power=0.8), rel=1e-5)


def test_it_is_detected_four_times_in_five() -> None:
    random = np.random.default_rng(3)
    n, discordance = 500, 0.2
    delta = power.mcnemar_detectable(n, discordance)
    only = [(discordance + delta) / 2, (discordance - delta) / 2]
    kinds = random.choice(3, size=(600, n), p=[*only, 1 - discordance])
    found = np.mean([stats.mcnemar(kind != 1, kind != 0).mid_p < 0.05 for kind in kinds])
    assert found == pytest.approx(0.8, abs=0.05)


def test_of_two_pipelines() -> None:
    a, b = np.array([1, 1, 0, 0, 1, 1, 1, 0] * 20, bool), np.array([1, 0, 0, 1, 1, 1, 1, 0] * 20, bool)
    assert power.detectable_difference(a, b) == power.mcnemar_detectable(160, 0.25)
    clusters = np.arange(160) // 10
    means = (a.astype(float) - b).reshape(16, 10).mean(axis=1)
    assert power.detectable_difference(a, b, clusters) == pytest.approx(power.cluster_detectable(16, means.std(ddof=1)))
    assert power.detectable_difference(a, b) == power.detectable_difference(b, a)
    assert np.isnan(power.detectable_difference(a, b, np.zeros(160)))
    assert np.isnan(power.detectable_difference(a[:0], b[:0]))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="expected n ≥ 1 and a share"):
        power.mcnemar_detectable(0, 0.1)
    with pytest.raises(ValueError, match="at least two clusters"):
        power.cluster_detectable(1, 0.1)
    with pytest.raises(ValueError, match="0 < alpha < power < 1"):
        power.mcnemar_detectable(10, 0.1, power=0.01)
    with pytest.raises(ValueError, match="expected \\(n,\\) twice"):
        power.detectable_difference(np.zeros((2, 3)), np.zeros((2, 3)))
