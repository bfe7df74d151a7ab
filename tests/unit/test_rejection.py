"""The reject option: by hand, against all orders, and against scikit-learn."""

from itertools import permutations

import numpy as np
import pytest

from faceoff.scoring import rejection

NAN = float("nan")
RIGHT = np.array([True, True, False, True])
SURE = np.array([0.9, 0.8, 0.7, 0.6])


def test_risks_and_areas_by_hand() -> None:
    assert rejection.risks(SURE, RIGHT) == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert rejection.aurc(SURE, RIGHT) == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert rejection.optimal_aurc(RIGHT) == pytest.approx(1 / 4 / 4)
    found = rejection.describe(SURE, RIGHT)
    assert found["e_aurc"] == pytest.approx(1 / 3 / 4)
    assert (found["n"], found["n_covered"]) == (4, 4)


def test_equal_confidences_are_the_mean_over_their_orders() -> None:
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.2])
    correct = np.array([False, True, False, True, True])
    orders = [[0, *middle, 4] for middle in permutations((1, 2, 3))]
    expected = np.mean([(~correct[order]).cumsum() / np.arange(1, 6) for order in orders], axis=0)
    assert rejection.risks(confidence, correct) == pytest.approx(expected)
    shuffled = np.array([3, 4, 0, 2, 1])
    assert rejection.risks(confidence[shuffled], correct[shuffled]) == pytest.approx(expected)


def test_optimal_area_is_the_least_of_all_orders() -> None:
    correct = np.array([True, False, True, False, True])
    areas = [
        rejection.aurc(np.linspace(1, 0, 5), correct[list(order)])
        for order in permutations(range(5))
    ]
    assert min(areas) == pytest.approx(rejection.optimal_aurc(correct))


def test_optimal_area_approaches_geifmans_formula() -> None:
    correct = np.arange(100_000) % 10 < 7
    risk = 0.3
    assert rejection.optimal_aurc(correct) == pytest.approx(
        risk + (1 - risk) * np.log(1 - risk), abs=1e-5
    )


def test_not_covered_is_rejected_first_and_wrong() -> None:
    confidence = np.array([NAN, 0.4, 0.9, NAN])
    correct = np.array([False, True, True, False])
    assert rejection.risks(confidence, correct) == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert rejection.threshold(confidence, 0.5).value == 0.4
    assert rejection.threshold(confidence, 0.8) == rejection.Threshold(None, None)
    with pytest.raises(ValueError, match="without a prediction"):
        rejection.risks(confidence, ~correct)


def test_random_confidence_has_the_error_rate_as_area() -> None:
    random = np.random.default_rng(3)
    correct = random.random(50_000) < 0.8
    assert rejection.aurc(random.random(50_000), correct) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("coverage", "value", "taken"), [(0.25, 0.9, 1), (0.26, 0.8, 2), (0.75, 0.7, 3), (1.0, 0.6, 4)]
)
def test_threshold(coverage: float, value: float, taken: int) -> None:
    found = rejection.threshold(SURE, coverage)
    assert found.value == value
    assert found.accepted.sum() == taken


def test_certainty_everywhere_accepts_everything() -> None:
    found = rejection.threshold(np.ones(4), 0.8)
    assert found.value == 1.0
    assert found.accepted.all()
    assert rejection.risks(np.ones(4), RIGHT) == pytest.approx([0.25] * 4)


def test_curve_ends_at_the_error_rate_and_is_short() -> None:
    random = np.random.default_rng(0)
    found = rejection.curve(random.random(12_345), random.random(12_345) < 0.6)
    assert len(found["coverage"]) == len(found["risk"]) == rejection.POINTS
    assert found["coverage"][-1] == 1.0
    assert rejection.curve(SURE, RIGHT) == {
        "coverage": [0.25, 0.5, 0.75, 1.0],
        "risk": pytest.approx([0, 0, 1 / 3, 1 / 4]),
    }


def test_no_samples_and_one() -> None:
    found = rejection.describe(np.empty(0), np.empty(0, bool))
    assert np.isnan([found["aurc"], found["aurc_optimal"], found["e_aurc"]]).all()
    assert found["curve"] == {"coverage": [], "risk": []}
    one = rejection.describe(np.array([0.5]), np.array([False]))
    assert (one["aurc"], one["e_aurc"]) == (1.0, 0.0)
    nobody = rejection.describe(np.full(3, NAN), np.zeros(3, bool))
    assert (nobody["aurc"], nobody["e_aurc"], nobody["n_covered"]) == (1.0, 0.0, 0)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(4,\) and \(3,\)"):
        rejection.risks(SURE, RIGHT[:3])


def test_auroc_against_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(5)
    inliers, outliers = random.normal(0.7, 0.2, 300).round(1), random.normal(0.5, 0.2, 80).round(1)
    found = rejection.auroc(inliers, outliers)
    assert found.estimate == pytest.approx(
        roc_auc_score(np.r_[np.ones(300), np.zeros(80)], np.r_[inliers, outliers])
    )
    assert found.low < found.estimate < found.high


def test_delong_interval_covers() -> None:
    """Two normals 1 apart: the area is Φ(1/√2)."""
    from scipy.stats import norm

    random = np.random.default_rng(6)
    truth = norm.cdf(1 / np.sqrt(2))
    hits = 0
    for _ in range(500):
        found = rejection.auroc(random.normal(1, 1, 60), random.normal(0, 1, 40))
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 500 <= 0.98


def test_auroc_without_a_side_or_prediction() -> None:
    assert np.isnan(rejection.auroc(np.array([0.5]), np.empty(0)).estimate)
    one = rejection.auroc(np.array([0.5]), np.array([NAN]))
    assert one.estimate == 1.0
    assert np.isnan(one.low)
    assert rejection.auroc(np.array([NAN, 0.2]), np.array([NAN, NAN])).estimate == pytest.approx(
        0.75
    )


def test_delong_by_subject_is_that_of_single_samples_where_each_is_its_own() -> None:
    random = np.random.default_rng(8)
    inliers, outliers = random.normal(1, 1, 200), random.normal(0, 1, 150)
    alone = rejection.auroc(inliers, outliers)
    own = rejection.auroc(inliers, outliers, (np.arange(200), 1000 + np.arange(150)))
    assert own.estimate == alone.estimate
    assert (own.low, own.high) == pytest.approx((alone.low, alone.high), abs=0.003)


def test_delong_by_subject_covers() -> None:
    """Twenty people of six pictures each, who differ in how sure a network is of them."""
    random = np.random.default_rng(9)
    hits, plain = 0, 0
    people = np.repeat(np.arange(20), 6)
    truth = rejection.auroc(
        random.normal(1, np.sqrt(2), 200_000), random.normal(0, np.sqrt(2), 200_000)
    ).estimate
    for _ in range(300):
        level = random.normal(0, 1, 40)
        inliers = 1 + level[people] + random.normal(0, 1, 120)
        outliers = level[20 + people] + random.normal(0, 1, 120)
        found = rejection.auroc(inliers, outliers, (people, 20 + people))
        hits += found.low <= truth <= found.high
        single = rejection.auroc(inliers, outliers)
        plain += single.low <= truth <= single.high
    assert 0.91 <= hits / 300 <= 0.99
    assert plain < hits, "samples alone look too certain"
