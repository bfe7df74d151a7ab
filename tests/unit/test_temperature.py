"""Temperature scaling: the scale of over-confident members found again, the log loss minimised,
gaps kept.
"""

import numpy as np
import pytest
from posterior_fixtures import NAN, noisy_members

from faceoff.scoring import metrics
from faceoff.statistics.temperature import fit_temperature, temper


def test_temperature_recovers_the_scale_of_overconfident_logits():
    posteriors, truth = noisy_members(members=1, n=20_000)
    sharp, _ = noisy_members(members=1, n=20_000, scale=2.5)
    plain = fit_temperature(posteriors[0], truth)
    assert fit_temperature(sharp[0], truth) == pytest.approx(2.5 * plain, rel=1e-4)


def test_temperature_minimises_the_log_loss():
    posteriors, truth = noisy_members(members=1, scale=2.0)
    found = fit_temperature(posteriors[0], truth)
    losses = {
        t: metrics.log_loss(truth, temper(posteriors[0], t))
        for t in np.geomspace(found / 2, found * 2, 101)
    }
    assert min(losses, key=losses.get) == pytest.approx(found, rel=0.01)
    assert metrics.log_loss(truth, temper(posteriors[0], found)) < metrics.log_loss(
        truth, posteriors[0]
    )


def test_temperature_ignores_absent_rows_and_lacking_classes():
    posteriors, truth = noisy_members(members=1)
    posterior, seen = posteriors[0], truth != 3
    lacking = posterior[:, :3] / posterior[:, :3].sum(axis=1, keepdims=True)
    expected = fit_temperature(lacking[seen], truth[seen])
    padded = np.column_stack([lacking, np.full(len(truth), NAN)])
    assert fit_temperature(padded, truth) == pytest.approx(expected, rel=1e-6)
    padded[50:] = NAN
    assert fit_temperature(padded, truth) == pytest.approx(
        fit_temperature(lacking[:50][seen[:50]], truth[:50][seen[:50]]), rel=1e-6
    )
    assert fit_temperature(np.full((5, 4), NAN), truth[:5]) == 1.0


def test_temper_keeps_what_is_missing():
    tempered = temper(np.array([[0.8, 0.2, NAN], [NAN, NAN, NAN]]), 2.0)
    np.testing.assert_allclose(tempered, [[2 / 3, 1 / 3, NAN], [NAN, NAN, NAN]])
    np.testing.assert_allclose(temper(np.array([[1.0, 0.0]]), 1.0), [[1.0, 0.0]], atol=2e-9)
