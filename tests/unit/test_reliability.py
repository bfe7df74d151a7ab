"""Calibration: by hand, against scikit-learn, and on posteriors whose temperature is known."""

import numpy as np
import pytest

from faceoff.scoring import calibration, metrics
from faceoff.scoring.task import share_interval
from faceoff.statistics.intervals import wilson
from faceoff.statistics.temperature import TEMPERATURES, fit_temperature, temper

NAN = float("nan")
PARTS = ("reliability", "resolution", "uncertainty", "within_bin_variance", "within_bin_covariance")


def posteriors(
    n: int = 3000, k: int = 4, sharpness: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(truth, posterior) where sharpness 1 is calibrated: the truth is drawn from the posterior
    before it is sharpened.
    """
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(k, 0.7), n)
    truth = (random.random(n)[:, None] > honest.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    return truth, temper(honest, 1 / sharpness)


def total(parts: dict[str, float]) -> float:
    return (
        parts["reliability"]
        - parts["resolution"]
        + parts["uncertainty"]
        + parts["within_bin_variance"]
        - parts["within_bin_covariance"]
    )


def test_brier_parts_of_two_forecasts_by_hand() -> None:
    """Rain at 0.8 three times (twice right) and at 0.2 once (it rained): two classes, so every term
    counts twice. One forecast per bin: no within terms.
    """
    rain = np.array([0.8, 0.8, 0.8, 0.2])
    truth = np.array([0, 0, 1, 0])
    parts = calibration.brier_parts(truth, np.stack([rain, 1 - rain], axis=1), count=10)
    assert parts["reliability"] == pytest.approx(2 * (3 * (0.8 - 2 / 3) ** 2 + (0.2 - 1) ** 2) / 4)
    assert parts["resolution"] == pytest.approx(
        2 * (3 * (2 / 3 - 3 / 4) ** 2 + (1 - 3 / 4) ** 2) / 4
    )
    assert parts["uncertainty"] == pytest.approx(2 * 3 / 4 * 1 / 4)
    assert parts["within_bin_variance"] == pytest.approx(0, abs=1e-15)
    assert parts["within_bin_covariance"] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("count", [1, 2, 15])
@pytest.mark.parametrize("k", [2, 5])
def test_brier_parts_sum_to_the_brier_score(count: int, k: int) -> None:
    truth, posterior = posteriors(500, k, sharpness=2.0)
    posterior[::7] = NAN
    assert total(calibration.brier_parts(truth, posterior, count=count)) == pytest.approx(
        metrics.brier(truth, posterior), rel=1e-12
    )


def test_within_bin_terms_are_needed() -> None:
    truth, posterior = posteriors(2000, 3)
    parts = calibration.brier_parts(truth, posterior, count=3)
    assert abs(parts["within_bin_variance"] - parts["within_bin_covariance"]) > 0.01


@pytest.mark.parametrize(("mode", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_bins_against_scikit_learn(mode: str, strategy: str) -> None:
    from sklearn.calibration import calibration_curve

    truth, posterior = posteriors(2000, sharpness=1.5)
    found = calibration.bins(truth, posterior, share_interval, count=10, mode=mode)
    correct = posterior.argmax(axis=1) == truth
    accuracy, confidence = calibration_curve(
        correct, posterior.max(axis=1), n_bins=10, strategy=strategy
    )
    # Quantiles that lie between two samples may fall on either side of them.
    tolerance = 1e-12 if mode == "width" else 0.02
    assert found["accuracy"] == pytest.approx(list(accuracy), abs=tolerance)
    assert found["confidence"] == pytest.approx(list(confidence), abs=tolerance)


@pytest.mark.parametrize("mode", ["width", "mass"])
def test_bins_make_the_ece_and_hold_every_covered_sample(mode: str) -> None:
    truth, posterior = posteriors(777, sharpness=2.0)
    posterior[5:50] = NAN
    found = calibration.bins(truth, posterior, share_interval, mode=mode)
    n = np.array(found["n"])
    gap = np.abs(np.array(found["accuracy"]) - found["confidence"])
    assert n.sum() == 777 - 45
    assert (n * gap).sum() / n.sum() == pytest.approx(
        metrics.expected_calibration_error(truth, posterior, mode=mode)
    )
    assert all(
        low < confidence <= high
        for low, confidence, high in zip(
            found["low"], found["confidence"], found["high"], strict=True
        )
    )


def test_intervals_of_bins_are_wilsons_or_over_clusters() -> None:
    truth, posterior = posteriors(400)
    plain = calibration.bins(truth, posterior, share_interval, count=2)
    for n, accuracy, low, high in zip(
        plain["n"], plain["accuracy"], plain["accuracy_low"], plain["accuracy_high"], strict=True
    ):
        expected = wilson(round(n * accuracy), n)
        assert (low, high) == (expected.low, expected.high)
    clustered = calibration.bins(truth, posterior, share_interval, np.arange(400) // 40, count=2)
    assert clustered["accuracy"] == plain["accuracy"]
    assert clustered["accuracy_low"] != plain["accuracy_low"]


def test_cross_fitting_finds_the_temperature_and_mends_the_ece() -> None:
    truth, posterior = posteriors(4000, sharpness=2.5)
    found = calibration.cross_fit(truth, posterior, np.arange(4000) % 5)
    assert len(found.temperatures) == 5
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    assert metrics.expected_calibration_error(
        truth, found.posterior
    ) < 0.3 * metrics.expected_calibration_error(truth, posterior)
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(4000))
    assert (found.posterior.argmax(axis=1) == posterior.argmax(axis=1)).all(), (
        "scaling changes no decision"
    )


def test_a_fold_is_not_tempered_by_itself() -> None:
    truth, posterior = posteriors(1000, sharpness=2.0)
    folds = np.arange(1000) % 2
    first = calibration.cross_fit(truth, posterior, folds)
    lied = np.where(folds == 0, (truth + 1) % 4, truth)
    second = calibration.cross_fit(lied, posterior, folds)
    assert second.temperatures[0] == first.temperatures[0]
    assert second.temperatures[1] != first.temperatures[1]


def test_held_out_samples_teach_one_temperature() -> None:
    held_truth, held = posteriors(3000, sharpness=3.0, seed=1)
    _, posterior = posteriors(10, seed=2)
    found = calibration.fit_elsewhere(posterior, held_truth, held)
    assert found.temperatures == (fit_temperature(held, held_truth),)
    assert found.posterior == pytest.approx(temper(posterior, found.temperature))


def test_a_class_that_is_never_given_anything_stays_at_zero() -> None:
    truth, posterior = posteriors(400, sharpness=4.0)
    posterior[:, 2] = 0
    posterior /= posterior.sum(axis=1, keepdims=True)
    posterior[3] = NAN
    found = calibration.cross_fit(truth, posterior, np.arange(400) % 4)
    assert np.isnan(found.posterior[3]).all()
    covered = np.delete(found.posterior, 3, axis=0)
    assert (covered[:, 2] == 0).all()
    assert covered.sum(axis=1) == pytest.approx(np.ones(399))


def test_nothing_covered_is_undefined() -> None:
    truth, posterior = np.array([0, 1]), np.full((2, 3), NAN)
    found = calibration.describe(truth, posterior, share_interval, seed=1)
    assert np.isnan(
        [
            found["log_loss"],
            found["brier"],
            found["ece"],
            found["ece_mass"],
            *found["brier_parts"].values(),
        ]
    ).all()
    assert found["bins"]["width"]["n"] == found["bins"]["mass"]["n"] == []
    assert np.isnan(calibration.cross_fit(truth, posterior, np.array([0, 1])).posterior).all()


def test_one_sample_one_class_and_certainty() -> None:
    for truth, posterior in (
        (np.array([0]), np.array([[0.7, 0.3]])),
        (np.zeros(20, int), np.tile([0.6, 0.4], (20, 1))),
        (np.arange(20) % 2, np.eye(2)[np.arange(20) % 2]),
    ):
        found = calibration.describe(truth, posterior, share_interval, seed=1)
        assert total(found["brier_parts"]) == pytest.approx(found["brier"], abs=1e-12)
        assert sum(found["bins"]["width"]["n"]) == len(truth)
        if len(truth) > 1:
            tempered = calibration.cross_fit(truth, posterior, np.arange(20) % 2)
            assert TEMPERATURES[0] <= tempered.temperature <= TEMPERATURES[1]
            assert np.isfinite(tempered.posterior).all()


def test_unbelievable_folds_are_refused() -> None:
    truth, posterior = posteriors(10)
    with pytest.raises(ValueError, match="folds"):
        calibration.cross_fit(truth, posterior, np.zeros(10, int))


def test_true_confidences_have_the_ece_of_their_noise() -> None:
    """Data drawn from the posterior itself: their ECE is one more draw of the noise (§34)."""
    random = np.random.default_rng(34)
    posterior = random.dirichlet(np.full(7, 0.3), 664)
    mean, upper = calibration.ece_noise(posterior, seed=1)
    errors = []
    for _ in range(200):
        truth = (random.random((664, 1)) > posterior.cumsum(axis=1)).sum(axis=1).clip(0, 6)
        errors.append(metrics.expected_calibration_error(truth, posterior))
    assert mean == pytest.approx(np.mean(errors), rel=0.05)
    assert np.mean(np.array(errors) <= upper) == pytest.approx(0.95, abs=0.04)
    assert 0.032 <= mean <= 0.050
    assert 0.044 <= upper <= 0.072


def test_noise_vanishes_with_certainty_and_with_many_samples() -> None:
    assert calibration.ece_noise(np.eye(3), seed=0) == (0.0, 0.0)
    posterior = np.tile([0.6, 0.4], (40_000, 1))
    assert calibration.ece_noise(posterior, seed=0)[1] < 0.006
    uncovered = np.vstack([posterior[:100], np.full((50, 2), np.nan)])
    assert calibration.ece_noise(uncovered, 3) == calibration.ece_noise(posterior[:100], 3)
    assert np.isnan(calibration.ece_noise(np.full((4, 2), np.nan), seed=0)).all()
