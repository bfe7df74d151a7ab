"""Accuracy by group: which groups count, that gaps are what they are, and that p is small only
where there is a difference.
"""

from itertools import permutations

import numpy as np
import pytest

from faceoff.scoring import subgroups
from faceoff.statistics.intervals import wilson


def _groups(**columns):
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def test_levels_intervals_and_gap():
    sex = ["f"] * 20 + ["m"] * 30
    correct = np.array([True] * 15 + [False] * 5 + [True] * 12 + [False] * 18)
    (found,) = subgroups.by_group(_groups(sex=sex), correct, None, seed=0)
    assert (found["name"], found["best"], found["worst"]) == ("sex", "f", "m")
    assert found["gap"] == pytest.approx(0.75 - 0.4)
    low, high = (getattr(wilson(15, 20), side) for side in ("low", "high"))
    assert found["levels"][0] == {
        "level": "f",
        "n": 20,
        "n_correct": 15,
        "accuracy": 0.75,
        "low": low,
        "high": high,
    }
    assert 0.001 < found["p"] < 0.05


def test_what_is_no_group_is_left_out():
    n = 40
    groups = _groups(
        constant=["a"] * n,
        rare=["a"] * 35 + ["b"] * 5,
        names=[str(place) for place in range(n)],
        AU04=["0", "1"] * 20,
        au45=["0", "1"] * 20,
        AU_43=["0", "1"] * 20,
        label_set=["a|b", "a"] * 20,
        outlier=["x", "y"] * 20,
        votes_unknown=["1", "2"] * 20,
        kept=["x", "y"] * 20,
    )
    assert [
        group["name"] for group in subgroups.by_group(groups, np.arange(n) % 3 == 0, None, seed=0)
    ] == ["kept"]


def test_a_group_that_names_the_people_is_left_out():
    """Four people in groups of two, once by name, once by sex, and with sex told of one alone in
    each level.
    """
    person = np.repeat(np.arange(4), 12)
    groups = _groups(
        actor=[f"actor {p}" for p in person],
        sex=["fm"[p % 2] for p in person],
        side=["lr"[place % 2] for place in range(48)],
    )
    correct = np.random.default_rng(0).random(48) < 0.3 + 0.2 * person
    assert [group["name"] for group in subgroups.by_group(groups, correct, person, seed=0)] == [
        "sex",
        "side",
    ]
    of_two = person < 2
    kept = [group for group, here in zip(groups, of_two, strict=True) if here]
    assert [
        group["name"] for group in subgroups.by_group(kept, correct[of_two], person[of_two], seed=0)
    ] == ["side"]


def test_samples_without_the_group_are_left_out_of_it():
    groups = [{"age": "old"}] * 10 + [{"age": "young"}] * 12 + [{}] * 30
    (found,) = subgroups.by_group(groups, np.arange(52) < 10, None, seed=0)
    assert [level["n"] for level in found["levels"]] == [10, 12]
    assert found["gap"] == 1.0


def test_p_is_that_of_all_divisions():
    """Eight samples, all divisions into 4 and 4 counted one by one."""
    code, correct = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    exact = np.mean(
        [
            abs(correct[list(order)][code == 0].mean() - correct[list(order)][code == 1].mean())
            >= 0.5 - 1e-9
            for order in permutations(range(8))
        ]
    )
    p = subgroups.shuffled_gap(code, correct, None, 2, np.random.default_rng(5), shuffles=20_000)
    assert p == pytest.approx(exact, abs=0.02)


def test_subjects_are_shuffled_whole_where_they_share_a_level():
    """Two of six subjects are right, both in one level: of the 20 ways to place two, six put them
    into one group of three.
    """
    subjects = np.repeat(np.arange(6), 10)
    code, correct = (subjects >= 3).astype(int), subjects < 2
    p = subgroups.shuffled_gap(
        code, correct, subjects, 2, np.random.default_rng(3), shuffles=10_000
    )
    assert p == pytest.approx(6 / 15, abs=0.02)
    assert (
        subgroups.shuffled_gap(code, correct, None, 2, np.random.default_rng(3)) < 0.001
    )  # samples alone would look certain


def test_within_subjects_only_their_own_samples_are_exchanged():
    """Every subject is right on level 0 and wrong on level 1: within each, one of the C(4, 2) = 6
    divisions.
    """
    subjects = np.repeat(np.arange(3), 4)
    code = np.tile([0, 0, 1, 1], 3)
    p = subgroups.shuffled_gap(
        code, code == 0, subjects, 2, np.random.default_rng(9), shuffles=20_000
    )
    assert p == pytest.approx(2 / 6**3, abs=0.004)  # all one way or all the other


def test_p_is_right_where_there_is_no_difference():
    rng = np.random.default_rng(21)
    groups = _groups(side=[str(place % 3) for place in range(150)])
    values = [
        subgroups.by_group(groups, rng.random(150) < 0.6, None, seed=4)[0]["p"] for _ in range(120)
    ]
    assert 0.4 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.05) <= 0.12
