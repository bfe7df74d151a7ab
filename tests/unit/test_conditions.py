"""Conditions of a face by hand, and the trust in a member against a minimum that scipy finds."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from faceoff.fusion import face_conditions

FACE = {
    "x": 10.0,
    "y": 10.0,
    "w": 64.0,
    "h": 16.0,
    "score": 0.9,
    "landmarks": [0.0, 0.0, 10.0, 0.0, 7.0, 5.0, 2.0, 9.0, 8.0, 9.0],
}


def test_a_face_by_hand() -> None:
    found = dict(zip(face_conditions.NAMES, face_conditions.of_face(FACE, 64, 64), strict=True))
    assert found == {
        "size": 5.0,
        "share": -1.0,
        "score": 0.9,
        "roll": 0.0,
        "yaw": pytest.approx(0.2),
    }


def test_roll_does_not_change_yaw() -> None:
    turned = np.reshape(FACE["landmarks"], (5, 2)) @ np.array(
        [[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]]
    )
    found = face_conditions.of_face({**FACE, "landmarks": turned.ravel().tolist()}, 64, 64)
    assert found[3:] == pytest.approx([0.4, 0.2])


def test_what_a_detector_does_not_give_is_nan() -> None:
    assert np.isnan(face_conditions.of_face(None, 64, 64)).all()
    assert np.isnan(
        face_conditions.of_face({**FACE, "score": None, "landmarks": None}, 64, 64)
    ).tolist() == [False, False, True, True, True]
    eyes_on_one_point = [3.0, 3.0, 3.0, 3.0, *FACE["landmarks"][4:]]
    assert np.isnan(
        face_conditions.of_face({**FACE, "w": 0.0, "landmarks": eyes_on_one_point}, 64, 64)
    ).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("hits", ["by_condition", "all", "separable"])
def test_trust_is_the_minimum_of_the_penalised_loss(hits: str) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2)) * [3.0, 0.1] + [5.0, 1.0]
    chance = random.random(400) < expit((x[:, 0] - 5) / 2)
    right = {"by_condition": chance, "all": np.ones(400, bool), "separable": x[:, 0] > 5}[hits]
    standard = np.column_stack(
        [np.ones(402), np.vstack([(x - x.mean(axis=0)) / x.std(axis=0), np.zeros((2, 2))])]
    )
    truth, penalty = (
        np.append(right, [True, False]),
        face_conditions.RIDGE * np.diag([0.0, 1.0, 1.0]),
    )

    def loss(slopes: np.ndarray) -> float:
        return (
            -np.log(expit(np.where(truth, 1, -1) * (standard @ slopes))).sum()
            + slopes @ penalty @ slopes / 2
        )

    def gradient(slopes: np.ndarray) -> np.ndarray:
        return standard.T @ (expit(standard @ slopes) - truth) + penalty @ slopes

    def curvature(slopes: np.ndarray) -> np.ndarray:
        p = expit(standard @ slopes)
        return (standard * (p * (1 - p))[:, None]).T @ standard + penalty

    best = minimize(
        loss,
        np.zeros(3),
        jac=gradient,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    np.testing.assert_allclose(
        face_conditions.fit_trust(right, x)(x), expit(standard[:-2] @ best.x), atol=1e-9
    )
    assert face_conditions.fit_trust(right, x)(x[:0]).shape == (0,)


def test_trust_without_evidence_and_with_nothing_but_hits() -> None:
    empty = face_conditions.fit_trust(np.zeros(0, bool), np.zeros((0, 5)))
    assert empty(np.zeros((2, 5))) == pytest.approx([0.5, 0.5])
    always = face_conditions.fit_trust(np.ones(30, bool), np.full((30, 5), np.nan))
    assert always(np.full((1, 5), np.nan)) == pytest.approx([31 / 32])
    with pytest.raises(ValueError, match="expected \\(n,\\) and \\(n, conditions\\)"):
        face_conditions.fit_trust(np.ones(3, bool), np.ones((2, 5)))
