"""The check of a member's class order: what is swapped is found, what is small or chance is not
called so.
"""

import numpy as np
import pytest

from faceoff.fusion.class_order import best_class_permutation


def one_hot(predicted, k):
    return np.where(predicted[:, None] < 0, np.nan, np.eye(k)[predicted])


def test_swapped_classes_are_found():
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 400)
    seen = np.where(random.random(400) < 0.8, truth, random.integers(0, 4, 400))
    seen[:20] = -1
    declared = np.where(seen < 0, -1, np.array([0, 2, 1, 3])[seen])  # columns 1 and 2 swapped
    wrong = best_class_permutation(truth, one_hot(declared, 4))
    assert wrong.permutation == (0, 2, 1, 3)
    assert wrong.suspicious
    assert wrong.p < 1e-3
    assert wrong.gain == pytest.approx((seen == truth).mean() - (declared == truth).mean())
    right = best_class_permutation(truth, one_hot(seen, 4))
    assert right.permutation == (0, 1, 2, 3)
    assert not right.suspicious
    assert right.gain == 0
    assert right.p == 1


def test_a_cycle_is_reported_in_the_direction_that_repairs_it():
    truth = np.arange(90) % 3
    cycle = best_class_permutation(truth, one_hot((truth + 1) % 3, 3))
    assert cycle.permutation == (2, 0, 1)  # column 0 fires for truth 2
    assert cycle.gain == 1.0
    assert cycle.suspicious


def test_class_order_needs_both_gain_and_significance():
    # 10 samples, swapped: a gain of 100 points but p = 2 · 2^-10 − 2^-10 = 0.00098 < 0.001; with 9
    # samples p = 0.00195
    truth = np.arange(10) % 2
    assert best_class_permutation(truth, one_hot(1 - truth, 2)).suspicious
    assert not best_class_permutation(truth[:9], one_hot(1 - truth[:9], 2)).suspicious
    # 10,000 samples, 4 points of gain: significant but small
    truth = np.zeros(10_000, int)
    predicted = np.r_[np.ones(5_200, int), np.zeros(4_800, int)]
    small = best_class_permutation(truth, one_hot(predicted, 2))
    assert small.gain == pytest.approx(0.04)
    assert small.p < 0.001
    assert not small.suspicious
