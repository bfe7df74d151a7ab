"""The minimum detectable difference, against statsmodels, its definition and simulated tests."""

import numpy as np
import pytest
from scipy.special import ndtri
from statsmodels.stats.power import TTestPower

from faceoff.statistics import paired_tests, power


@pytest.mark.parametrize(("n", "discordance"), [(200, 0.3), (3153, 0.1), (1000, 0.02)])
def test_the_difference_solves_connors_sample_size(n: int, discordance: float) -> None:
    """Connor 1987: n = (z(1−α/2) √ψ + z(1−β) √(ψ − δ²))² / δ²."""
    delta = power.mcnemar_detectable(n, discordance)
    assert (
        ndtri(0.975) * np.sqrt(discordance) + ndtri(0.8) * np.sqrt(discordance - delta**2)
    ) ** 2 / delta**2 == pytest.approx(n)


def test_more_samples_and_less_discordance_show_smaller_differences() -> None:
    assert (
        power.mcnemar_detectable(4000, 0.1)
        < power.mcnemar_detectable(1000, 0.1)
        < power.mcnemar_detectable(1000, 0.2)
    )
    assert power.mcnemar_detectable(1000, 0.1, power=0.9) > power.mcnemar_detectable(1000, 0.1)


def test_a_difference_needs_as_many_discordant_samples() -> None:
    """Pipelines that never differ could still have shown a difference; with three samples the
    formula ends at all of them.
    """
    assert 0 < power.mcnemar_detectable(1000, 0.0) < power.mcnemar_detectable(100, 0.0) < 1
    assert power.mcnemar_detectable(3, 0.0) == 1.0


@pytest.mark.parametrize(
    ("groups", "alpha"), [(3, 0.05), (10, 0.05), (24, 0.05), (100, 0.05), (8, 0.01), (10, 0.0025)]
)
def test_clusters_against_statsmodels(groups: int, alpha: float) -> None:
    """The search meets noncentralities at which scipy's lower tail is NaN."""
    delta = power.cluster_detectable(groups, 0.1, alpha=alpha)
    assert delta == pytest.approx(
        0.1
        * TTestPower().solve_power(nobs=groups, alpha=alpha / 2, power=0.8, alternative="larger"),
        rel=1e-5,
    )


def test_it_is_detected_four_times_in_five() -> None:
    random = np.random.default_rng(3)
    n, discordance = 500, 0.2
    delta = power.mcnemar_detectable(n, discordance)
    only = [(discordance + delta) / 2, (discordance - delta) / 2]
    kinds = random.choice(3, size=(600, n), p=[*only, 1 - discordance])
    found = np.mean([paired_tests.mcnemar(kind != 1, kind != 0).mid_p < 0.05 for kind in kinds])
    assert found == pytest.approx(0.8, abs=0.05)


def test_of_two_pipelines() -> None:
    a, b = (
        np.array([1, 1, 0, 0, 1, 1, 1, 0] * 20, bool),
        np.array([1, 0, 0, 1, 1, 1, 1, 0] * 20, bool),
    )
    assert power.detectable_difference(a, b) == power.Detectable(
        power.mcnemar_detectable(160, 0.25)
    )
    clusters = np.arange(160) // 10
    means = (a.astype(float) - b).reshape(16, 10).mean(axis=1)
    level = 0.05 // 2**-15 * 2**-15  # the largest p below 5 % that 16 clusters give
    assert power.detectable_difference(a, b, clusters).difference == pytest.approx(
        power.cluster_detectable(16, means.std(ddof=1), alpha=level)
    )
    assert power.detectable_difference(a, b) == power.detectable_difference(b, a)


def test_as_one_of_a_family() -> None:
    """Holm's first step: ten tests at 0.5 % each, which only a larger difference passes."""
    a, b = (
        np.array([1, 1, 0, 0, 1, 1, 1, 0] * 20, bool),
        np.array([1, 0, 0, 1, 1, 1, 1, 0] * 20, bool),
    )
    assert power.detectable_difference(a, b, family=10).difference == power.mcnemar_detectable(
        160, 0.25, alpha=0.005
    )
    clusters = np.arange(160) // 5
    assert (
        power.detectable_difference(a, b, clusters, 10).difference
        > power.detectable_difference(a, b, clusters).difference
        > 0
    )


@pytest.mark.parametrize(
    ("groups", "family"), [(6, 1), (7, 1), (7, 2), (8, 5), (10, 5), (10, 20), (16, 20)]
)
def test_the_first_of_a_family_is_detected_four_times_in_five_by_few_clusters(
    groups: int, family: int
) -> None:
    """A t test at 5 % / family would promise 80 % here and keep from 58 to 76."""
    random = np.random.default_rng([groups, family])
    delta = power.sign_flip_detectable(groups, 1.0, alpha=0.05 / family)
    tests = [
        paired_tests.sign_flip(random.normal(delta, 1.0, groups), np.arange(groups), seed=0)
        for _ in range(1000)
    ]
    assert np.mean([test.p < 0.05 / family for test in tests]) == pytest.approx(0.79, abs=0.045)


def test_the_first_of_a_family_is_detected_four_times_in_five() -> None:
    random = np.random.default_rng(4)
    n, discordance, family = 500, 0.2, 10
    delta = power.mcnemar_detectable(n, discordance, alpha=0.05 / family)
    only = [(discordance + delta) / 2, (discordance - delta) / 2]
    kinds = random.choice(3, size=(600, n), p=[*only, 1 - discordance])
    first = [
        paired_tests.holm(
            [paired_tests.mcnemar(kind != 1, kind != 0).mid_p, *[1.0] * (family - 1)]
        )[0]
        < 0.05
        for kind in kinds
    ]
    assert np.mean(first) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("n", "clusters", "family", "reason"),
    [
        (0, None, 1, "no samples"),
        (
            4,
            None,
            1,
            "no result could be significant: p is 0.062 at least, and would have to be below 0.05",
        ),
        (60, np.arange(60) // 60, 1, "too few clusters: 1, and the test needs 6"),
        (60, np.arange(60) // 20, 1, "too few clusters: 3, and the test needs 6"),
        (
            60,
            np.arange(60) // 10,
            2,
            "no result could be significant: p is 0.031 at least, and would have to be below 0.05 "
            "/ 2, the first step of 2 tests",
        ),
        (60, np.arange(60) // 6, 1, "no spread: the two differ by as much in every cluster"),
    ],
)
def test_where_nothing_can_be_said(
    n: int, clusters: np.ndarray | None, family: int, reason: str
) -> None:
    a = np.arange(n) % 6 > 0
    b = np.arange(n) % 6 > 1
    assert power.detectable_difference(a, b, clusters, family) == power.Detectable(None, reason)


def test_six_clusters_can_show_something_alone() -> None:
    """All six on one side have p = 2 / 2⁶ = 3.1 %: enough for one test, and for it alone."""
    a, b = np.arange(60) % 7 > 0, np.arange(60) % 5 > 0
    found = power.detectable_difference(a, b, np.arange(60) // 10)
    assert found.reason == ""
    assert (
        paired_tests.least_p(6) == paired_tests.sign_flip(np.ones(6), np.arange(6), seed=0).p < 0.05
    )
    assert (
        paired_tests.least_p(20) == paired_tests.sign_flip(np.ones(20) * 5, np.arange(20), seed=0).p
    )


def test_refusals() -> None:
    with pytest.raises(ValueError, match="expected n ≥ 1 and a share"):
        power.mcnemar_detectable(0, 0.1)
    with pytest.raises(ValueError, match="at least two clusters"):
        power.cluster_detectable(1, 0.1)
    with pytest.raises(ValueError, match="0 < alpha < power < 1"):
        power.mcnemar_detectable(10, 0.1, power=0.01)
    with pytest.raises(ValueError, match="family: 0 given"):
        power.detectable_difference(np.zeros(3), np.zeros(3), family=0)
    with pytest.raises(ValueError, match=r"the smallest p of so many clusters is 0\.031"):
        power.sign_flip_detectable(6, 1.0, alpha=0.025)
    with pytest.raises(ValueError, match="expected \\(n,\\) twice"):
        power.detectable_difference(np.zeros((2, 3)), np.zeros((2, 3)))
