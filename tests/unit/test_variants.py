"""Protocol §26 on hand-made predictions: each condition alone keeps a variant out."""

import numpy as np
import pytest

from faceoff.scoring.variants import equivalence

TRUTH = np.repeat([0, 1], [4000, 1000])


def test_a_faithful_variant_passes():
    original = TRUTH.copy()
    variant = original.copy()
    variant[:3] = 1
    found = equivalence(TRUTH, original, variant, seed=0)
    assert found.faults == ()
    assert found.agreement == pytest.approx(1 - 3 / 5000)
    assert found.difference == pytest.approx(-3 / 5000)
    assert found.recall_lost == pytest.approx(3 / 4000)


def test_one_class_that_suffers_is_enough():
    variant = TRUTH.copy()
    variant[4000:4025] = 0  # 2.5 points of the small class, half a point of all
    (fault, *more) = equivalence(TRUTH, TRUTH, variant, seed=0).faults
    assert "2.50 points of recall" in [fault, *more][-1]


@pytest.mark.parametrize(("lost", "faults"), [(1, 0), (2, 1)])
def test_just_two_points_are_allowed(lost: int, faults: int) -> None:
    """45 of 50 and then 44: 0.9 − 0.88 is above 0.02 as floating-point numbers go."""
    truth = np.repeat([0, 1], [9000, 50])
    original = truth.copy()
    original[9000:9005] = 0
    variant = original.copy()
    variant[9005 : 9005 + lost] = 0
    found = equivalence(truth, original, variant, seed=0)
    assert len(found.faults) == faults
    assert found.recall_lost == pytest.approx(lost / 50)


def test_equal_accuracy_by_other_answers_is_no_variant():
    original, variant = TRUTH.copy(), TRUTH.copy()
    original[:40], variant[40:80] = 1, 1
    (fault,) = equivalence(TRUTH, original, variant, seed=0).faults
    assert fault.startswith("predictions agree on 98.40%")


def test_few_samples_prove_nothing():
    """The interval of a hundred samples is wider than half a point, even without a difference."""
    few = TRUTH[:100]
    (fault,) = equivalence(few, few, few, seed=0).faults
    assert "points, ±0.5 is allowed" in fault


def test_a_face_that_only_one_finds_is_no_agreement():
    variant = TRUTH.copy()
    variant[:100] = -1
    assert equivalence(TRUTH, TRUTH, variant, seed=0).agreement == pytest.approx(0.98)
    nothing = np.full(5000, -1)
    assert equivalence(TRUTH, nothing, nothing, seed=0).agreement == 1.0


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="not empty"):
        equivalence(np.array([]), np.array([]), np.array([]), seed=0)
