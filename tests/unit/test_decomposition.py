"""Variance components against dense quadrature, a one-way likelihood, hand-made designs and
simulated truths.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from faceoff.statistics import variance_components

_SPEC = importlib.util.spec_from_file_location(
    "simulations", Path(__file__).parents[2] / "benchmarks" / "simulations.py"
)
simulations = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(simulations)


def variances(found: variance_components.Decomposition) -> dict[str, float]:
    return {component.name: component.variance for component in found.components}


@pytest.mark.parametrize(
    ("shared", "own"), [(0.0, 0.0), (1.0, 0.5), (4.0, 2.0), (20.0, 30.0), (300.0, 40.0)]
)
def test_probability_of_both_right_against_dense_quadrature(shared: float, own: float) -> None:
    grid = np.linspace(-8, 8, 1601)
    weight = np.exp(-(grid**2) / 2)
    weight /= weight.sum()
    logits = np.array([-1.0, 0.5, 3.0])
    given = np.array(
        [
            [
                (expit(logit + np.sqrt(shared) * z + np.sqrt(own) * grid) * weight).sum()
                for z in grid[::5]
            ]
            for logit in logits
        ]
    )
    coarse = weight[::5] / weight[::5].sum()
    np.testing.assert_allclose(
        variance_components._both(logits, shared, own), (given * coarse) @ given.T, atol=1e-4
    )


def test_logits_give_back_their_accuracies() -> None:
    accuracy = np.array([0.001, 0.3, 0.5, 0.9, 0.9995])
    for variance in (0.0, 2.0, 200.0):
        logits, slope = variance_components._logits(accuracy, variance)
        np.testing.assert_allclose(
            variance_components._mean_logistic(logits, variance), accuracy, atol=1e-9
        )
        ahead = variance_components._mean_logistic(logits + 1e-5, variance)
        np.testing.assert_allclose((ahead - accuracy) / 1e-5, slope, rtol=2e-3)


def test_sample_variance_is_that_of_the_full_likelihood_where_that_can_be_had() -> None:
    """Pipelines of one detector have only the sample in common: a random-intercept model, whose
    likelihood is one integral per sample.
    """
    correct, factors = simulations.simulate(
        {"model": 6}, {"sample": 1.5, "model": 0.3}, 1500, 0.5, np.random.default_rng(4)
    )
    found = variances(variance_components.decompose(correct, factors, seed=1))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()

    def loss(variance: float) -> float:
        logits, _ = variance_components._logits(correct.mean(axis=1), variance)
        right = expit(logits[:, None] + np.sqrt(variance) * nodes)
        logs = np.where(correct[:, :, None], np.log(right)[:, None], np.log1p(-right)[:, None]).sum(
            axis=0
        )
        return -np.log(np.exp(logs) @ weights).sum()

    best = minimize_scalar(loss, bounds=(0.01, 10), method="bounded").x
    assert found["sample"] == pytest.approx(best, rel=0.12)


def test_what_the_design_cannot_tell_is_left_out() -> None:
    random = np.random.default_rng(0)
    correct = random.random((4, 100)) < random.random(100)
    alone = variance_components.decompose(
        correct, {"detector": ["d"] * 4, "model": list("abcd")}, seed=1
    )
    assert set(variances(alone)) == {"model", "sample", "residual"}
    assert alone.left_out["detector"] == "all pipelines have the same"
    assert set(alone.left_out) == {"detector", "model × sample", "interaction"}
    twins = variance_components.decompose(
        correct, {"crop": list("aabb"), "model": list("ccdd")}, seed=1
    )
    assert set(twins.left_out) == {"model", "model × sample"}, (
        "a factor that changes together with another cannot be told from it"
    )
    assert [effect.factor for effect in twins.effects] == ["crop", "model"]
    assert all(
        effect.p is None and "no setting of the others" in effect.reason for effect in twins.effects
    )


def test_shares_add_up_and_the_order_of_pipelines_and_names_of_levels_do_not_matter() -> None:
    correct, factors = simulations.simulate(
        {"detector": 2, "model": 3},
        {"model": 0.5, "sample": 1.0, "model × sample": 0.5},
        200,
        0.5,
        np.random.default_rng(2),
    )
    found = variance_components.decompose(correct, factors, seed=1)
    assert sum(component.share for component in found.components) == pytest.approx(1)
    assert all(
        component.low <= component.variance <= component.high
        for component in found.components
        if component.name != "residual"
    )
    order = np.random.default_rng(6).permutation(6)
    renamed = {name: [f"z{levels[index]}" for index in order] for name, levels in factors.items()}
    again = variance_components.decompose(correct[order], renamed, seed=1)
    for name, value in variances(found).items():
        assert variances(again)[name] == pytest.approx(value, rel=1e-3, abs=1e-3)
    assert [effect.p for effect in again.effects] == pytest.approx(
        [effect.p for effect in found.effects], abs=0.02
    )
    assert str(found) == str(variance_components.decompose(correct, factors, seed=1)), (
        "a function of its arguments, bit for bit"
    )


def test_a_detector_that_does_not_matter_and_one_that_does() -> None:
    truth = {"model": 0.5, "sample": 1.5, "model × sample": 0.5}
    random = np.random.default_rng(7)
    idle, factors = simulations.simulate({"detector": 3, "model": 2}, truth, 300, 0.5, random)
    busy = idle & ~(
        (np.arange(6) // 2 == 2)[:, None] & (random.random((6, 300)) < 0.3)
    )  # the third detector loses faces
    p = {
        kind: {
            effect.factor: effect.p
            for effect in variance_components.decompose(c, factors, seed=1).effects
        }
        for kind, c in (("idle", idle), ("busy", busy))
    }
    assert p["idle"]["detector"] > 0.01
    assert p["busy"]["detector"] < 0.001


def test_clusters_widen_intervals() -> None:
    """Each of 40 subjects shown ten times the same: a hundred times as sure as subjects allow,
    unless they are drawn whole.
    """
    once, factors = simulations.simulate(
        {"detector": 2, "model": 3},
        {"sample": 2.0, "model": 0.3},
        40,
        0.5,
        np.random.default_rng(9),
    )
    correct, clusters = np.repeat(once, 10, axis=1), np.repeat(np.arange(40), 10)
    width = {}
    for kind, labels in (("alone", None), ("whole", clusters)):
        sample = next(
            c
            for c in variance_components.decompose(correct, factors, labels, seed=1).components
            if c.name == "sample"
        )
        width[kind] = np.sqrt(sample.high) - np.sqrt(sample.low)
    assert width["whole"] > 1.5 * width["alone"]


def test_refusals_and_pipelines_that_are_always_right() -> None:
    with pytest.raises(ValueError, match="at least two pipelines"):
        variance_components.decompose(np.ones((1, 100), bool), {"model": ["a"]}, seed=0)
    with pytest.raises(ValueError, match="3 levels of model given, expected 2"):
        variance_components.decompose(np.ones((2, 100), bool), {"model": ["a", "b", "c"]}, seed=0)
    correct = np.array([[True] * 100, [True] * 60 + [False] * 40, [False] * 100])
    found = variance_components.decompose(correct, {"model": ["a", "b", "c"]}, seed=0)
    assert np.isfinite(list(variances(found).values())).all()


@pytest.mark.parametrize(
    ("n", "clusters", "reason"),
    [
        (19, None, "too few samples: 19, and 20 are needed"),
        (60, np.zeros(60), "too few clusters: 1, and a decomposition needs 6"),
        (60, np.arange(60) // 12, "too few clusters: 5, and a decomposition needs 6"),
    ],
)
def test_too_little_to_decompose(n: int, clusters: np.ndarray | None, reason: str) -> None:
    """One subject had no error at all: every difference of its cells became an interaction."""
    correct = np.random.default_rng(0).random((6, n)) < 0.6
    factors = {"detector": list("aaabbb"), "model": list("xyzxyz")}
    assert variance_components.decompose(
        correct, factors, clusters, seed=0
    ) == variance_components.Decomposition((), (), {"all": reason})
    six = variance_components.decompose(np.tile(correct, 2), factors, np.arange(2 * n) % 6, seed=0)
    assert {component.name for component in six.components} >= {"detector", "model", "interaction"}


@pytest.mark.slow
def test_known_variances_are_found_again() -> None:
    """Means within three of their own standard errors of the truth, over eight draws; six intervals
    of eight hold it at least.
    """
    for row in simulations.recoveries(0.1, 31):
        assert row.draws == 8
        assert abs(row.mean - row.truth) < 3 * row.spread / np.sqrt(row.draws) + 0.03 * row.truth, (
            row
        )
        assert row.covered >= 0.75, row


@pytest.mark.parametrize(
    ("seed", "alike"), [(seed, alike) for seed in range(6) for alike in (False, True)]
)
def test_small_and_degenerate_designs_end_in_components_not_in_an_error(
    seed: int, alike: bool
) -> None:
    """Few samples, pipelines that answer the same, variances at zero: the search for an interval
    once ended on the wrong side of its minimum.
    """
    random = np.random.default_rng([20, 34, 46, *range(3)][seed])
    n, detectors, models = int(random.integers(20, 60)), 2, 3
    correct = random.random((detectors, models, n)) < random.random((detectors, models, 1))
    if alike:
        correct[:, 0] = correct[0, 0]
    factors = {
        "detector": [f"d{i}" for i in range(detectors) for _ in range(models)],
        "model": [f"m{j}" for _ in range(detectors) for j in range(models)],
    }
    found = variance_components.decompose(correct.reshape(-1, n), factors, seed=1)
    for part in found.components:
        assert part.variance >= 0
        assert np.isnan(part.low) or part.low <= part.variance <= part.high
