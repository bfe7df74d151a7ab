"""A fitted calibration maps raw boxes onto true ones."""

import numpy as np
import pytest

from faceoff.faces import calibration, crops


def test_fit_inverts_a_known_convention():
    random = np.random.default_rng(3)
    raw = [tuple(box) for box in random.uniform(10, 90, (40, 4))]
    true = [crops.calibrate(box, {"dx": 0.05, "dy": -0.1, "sx": 0.9, "sy": 1.2}) for box in raw]
    assert calibration.fit(raw, true) == pytest.approx(
        {"dx": 0.05, "dy": -0.1, "sx": 0.9, "sy": 1.2}, abs=1e-3
    )


def test_fit_is_not_moved_by_a_few_wrong_matches():
    raw = [(10.0, 10.0, 40.0, 40.0)] * 20
    true = [(10.0, 10.0, 40.0, 40.0)] * 17 + [(0.0, 0.0, 200.0, 200.0)] * 3
    assert calibration.fit(raw, true) == {"dx": 0.0, "dy": 0.0, "sx": 1.0, "sy": 1.0}


def test_too_few_boxes_are_refused():
    with pytest.raises(ValueError, match="at least 10 matched boxes, got 3"):
        calibration.fit([(0, 0, 1, 1)] * 3, [(0, 0, 1, 1)] * 3)


def test_match_takes_the_best_overlap_and_no_stranger():
    true = (100.0, 100.0, 50.0, 60.0)
    assert calibration.match([(0, 0, 20, 20), (95, 95, 60, 60), (120, 120, 50, 50)], true) == (
        95,
        95,
        60,
        60,
    )
    assert calibration.match([(0, 0, 20, 20)], true) is None
    assert calibration.match([], true) is None
