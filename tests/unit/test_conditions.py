"""Conditions of a face by hand, and the trust in a member against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from faceoff.fusion import face_conditions

FACE = {"x": 10.0, "y": 10.0, "w": 64.0, "h": 16.0, "score": 0.9, "landmarks": [0.0, 0.0, 10.0, 0.0, 7.0, 5.0, 2.0, 9.0, 8.0, 9.0]}


def test_a_face_by_hand() -> None:
    found = dict(zip(face_conditions.NAMES, face_conditions.of_face(FACE, 64, 64), strict=True))
    assert found == {"size": 5.0, "share": -1.0, "score": 0.9, "roll": 0.0, "yaw": pytest.approx(0.2)}


def test_roll_does_not_change_yaw() -> None:
    turned = np.reshape(FACE["landmarks"], (5, 2)) @ np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    found = face_conditions.of_face({**FACE, "landmarks": turned.ravel().tolist()}, 64, 64)
    assert found[3:] == pytest.approx([0.4, 0.2])


def test_what_a_detector_does_not_give_is_nan() -> None:
    assert np.isnan(face_conditions.of_face(None, 64, 64)).all()
    assert np.isnan(face_conditions.of_face({**FACE, "score": None, "landmarks": None}, 64, 64)).tolist() == [False, False, True, True, True]
    eyes_on_one_point = [3.0, 3.0, 3.0, 3.0, *FACE["landmarks"][4:]]
    assert np.isnan(face_conditions.of_face({**FACE, "w": 0.0, "landmarks": eyes_on_one_point}, 64, 64)).tolist() == [True, True, False, True, True]


def test_trust_against_scikit_learn() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2)) * [3.0, 0.1] + [5.0, 1.0]
    right = random.random(400) < 1 / (1 + np.exp(-(x[:, 0] - 5) / 2))
    trust = face_conditions.fit_trust(right, x)
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    judge = LogisticRegression(C=1.0, tol=1e-10).fit(np.vstack([standard, np.zeros((2, 2))]), np.append(right, [True, False]))
    np.testing.assert_allclose(trust(x), judge.predict_proba(standard)[:, 1], atol=1e-5)


def test_trust_without_evidence_and_with_nothing_but_hits() -> None:
    empty = face_conditions.fit_trust(np.zeros(0, bool), np.zeros((0, 5)))
    assert empty(np.zeros((2, 5))) == pytest.approx([0.5, 0.5])
    always = face_conditions.fit_trust(np.ones(30, bool), np.full((30, 5), np.nan))
    assert always(np.full((1, 5), np.nan)) == pytest.approx([31 / 32])
    with pytest.raises(ValueError, match="expected \\(n,\\) and \\(n, conditions\\)"):
        face_conditions.fit_trust(np.ones(3, bool), np.ones((2, 5)))
