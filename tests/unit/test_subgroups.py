"""Accuracy by group: which groups count, that scores are standardised, gaps tested by subject."""

import numpy as np
import pytest
from scipy import stats

from faceoff.scoring import subgroups
from faceoff.scoring.families import Answers
from faceoff.scoring.subgroup_family import DividedSamples, subgroup_family
from faceoff.scoring.task import Task
from faceoff.statistics import level_tests
from faceoff.statistics.intervals import wilson

SPACE = ("anger", "fear")


def _groups(**columns):
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _found(groups, correct, truth=None, clusters=None, seed=0):
    truth = np.zeros(len(correct), int) if truth is None else truth
    return subgroups.by_group(groups, correct, truth, clusters, space=SPACE, seed=seed)


# ---------------------------------------------------------------- what a group is


def test_levels_intervals_and_gap():
    sex = ["f"] * 40 + ["m"] * 50
    correct = np.array([True] * 30 + [False] * 10 + [True] * 20 + [False] * 30)
    (found,) = _found(_groups(sex=sex), correct)
    assert (found["name"], found["best"], found["worst"]) == ("sex", "f", "m")
    assert found["gap"] == pytest.approx(0.75 - 0.4)
    first = found["levels"][0]
    assert (first["level"], first["n"], first["n_correct"], first["accuracy"]) == (
        "f",
        40,
        30,
        0.75,
    )
    assert (first["low"], first["high"]) == (wilson(30, 40).low, wilson(30, 40).high)
    expected = stats.ttest_ind(correct[:40], correct[40:], equal_var=False)
    assert found["p"] == pytest.approx(expected.pvalue)
    assert (found["low"], found["high"]) == pytest.approx(expected.confidence_interval(0.95))
    assert found["test"] == "Welch t over samples"


def test_what_is_no_group_is_left_out():
    n = 80
    groups = _groups(
        constant=["a"] * n,
        rare=["a"] * 55 + ["b"] * 25,
        names=[str(place) for place in range(n)],
        AU04=["0", "1"] * 40,
        au45=["0", "1"] * 40,
        AU_43=["0", "1"] * 40,
        label_set=["a|b", "a"] * 40,
        outlier=["x", "y"] * 40,
        votes_unknown=["1", "2"] * 40,
        kept=["x", "y"] * 40,
    )
    assert [group["name"] for group in _found(groups, np.arange(n) % 3 == 0)] == ["kept"]


def test_a_level_needs_six_subjects():
    """Seven women and five men: no group. Names of people are never one."""
    person = np.repeat(np.arange(12), 10)
    groups = _groups(
        sex=["fm"[int(p >= 7)] for p in person],
        half=["ab"[int(p >= 6)] for p in person],
        name=[f"actor {p}" for p in person],
    )
    correct = np.arange(120) % 3 > 0
    assert [group["name"] for group in _found(groups, correct, clusters=person)] == ["half"]


def test_samples_without_the_group_are_left_out_of_it():
    groups = [{"age": "old"}] * 30 + [{"age": "young"}] * 32 + [{}] * 30
    (found,) = _found(groups, np.arange(92) < 30)
    assert [level["n"] for level in found["levels"]] == [30, 32]
    assert found["gap"] == 1.0
    assert found["p"] is None, "nothing varies within a level"


# ---------------------------------------------------------------- standardised scores


def test_other_shares_of_classes_make_no_gap():
    """Anger is read at 90 %, fear at 30 % in both levels; the levels hold 4:1 and 1:4 of them."""
    truth = np.array([0] * 80 + [1] * 20 + [0] * 20 + [1] * 80)
    right = np.concatenate(
        [np.arange(n) < share * n for n, share in ((80, 0.9), (20, 0.3), (20, 0.9), (80, 0.3))]
    )
    (found,) = _found(_groups(side=["l"] * 100 + ["r"] * 100), right, truth)
    assert [level["accuracy"] for level in found["levels"]] == pytest.approx([0.78, 0.42])
    assert [level["standardised"] for level in found["levels"]] == pytest.approx([0.6, 0.6])
    assert found["gap"] == pytest.approx(0.0)
    assert found["standardised_over"] == ["anger", "fear"]


def test_classes_that_are_rare_in_a_level_do_not_count():
    truth = np.array([0] * 40 + [1] * 9 + [0] * 40 + [1] * 30)
    correct = truth == 0
    (found,) = _found(_groups(side=["l"] * 49 + ["r"] * 70), correct, truth)
    assert found["standardised_over"] == ["anger"]
    assert found["gap"] == 0.0


def test_without_a_common_class_it_is_the_plain_accuracy():
    truth = np.array([0] * 40 + [1] * 40)
    correct = np.arange(80) % 4 > 0
    (found,) = _found(_groups(side=["l"] * 40 + ["r"] * 40), correct, truth)
    assert found["standardised_over"] == []
    assert [level["standardised"] for level in found["levels"]] == [0.75, 0.75]


def test_of_balanced_subjects_contributions_are_the_subjects_means():
    person = np.repeat(np.arange(12), 10)
    truth = np.tile(np.repeat([0, 1], 5), 12)
    correct = np.random.default_rng(1).random(120) < 0.6
    side = person >= 6
    (attribute,) = subgroups.attributes(_groups(side=["lr"[int(s)] for s in side]), truth, person)
    table = subgroups.contributions(attribute, correct.astype(float), truth)
    means = correct.reshape(12, 10).mean(axis=1)
    assert table[:6, 0] == pytest.approx(means[:6])
    assert table[6:, 1] == pytest.approx(means[6:])
    assert np.isnan(table[:6, 1]).all()
    assert np.isnan(table[6:, 0]).all()
    (found,) = _found(_groups(side=["lr"[int(s)] for s in side]), correct, truth, person)
    expected = stats.ttest_ind(means[:6], means[6:], equal_var=False)
    assert (found["p"], found["test"]) == (pytest.approx(expected.pvalue), "Welch t over subjects")


# ---------------------------------------------------------------- tests of gaps


def test_within_subjects_two_levels_are_paired():
    values = np.random.default_rng(2).normal(0.6, 0.1, (14, 2))
    found = level_tests.compare_levels(values, seed=0)
    expected = stats.ttest_rel(values[:, 0], values[:, 1])
    assert (found.p, found.test) == (pytest.approx(expected.pvalue), "paired t over units")


@pytest.mark.parametrize("nested", [True, False])
def test_three_levels_that_do_not_differ_are_called_different_in_one_of_twenty(nested: bool):
    rejected, missed = [], []
    for seed in range(150):
        random = np.random.default_rng([seed, 42])
        values = random.normal(0.6, 0.1, (30, 3)) + random.normal(0, 0.1, (30, 1))
        if nested:
            values = np.where((np.arange(30) % 3)[:, None] == np.arange(3), values, np.nan)
        found = level_tests.compare_levels(values, seed, shuffles=199)
        rejected.append(found.p <= 0.05)
        missed.append(found.low > 0)
    assert 0.0 <= np.mean(rejected) <= 0.1
    assert np.mean(missed) <= 0.1


def test_equal_is_said_only_where_it_is_shown():
    random = np.random.default_rng(5)
    close = random.normal(0.6, 0.02, (60, 2))
    assert level_tests.compare_levels(close, seed=0).equal
    assert not level_tests.compare_levels(close[:4] * [1, 1.3], seed=0).equal
    few = random.normal(0.6, 0.3, (12, 3))
    found = level_tests.compare_levels(few, seed=0)
    assert not found.equal, "not shown to differ is not shown to be equal"


def test_a_constant_lead_is_no_difference_of_gaps():
    random = np.random.default_rng(7)
    lead = np.full((40, 2), 0.2) + random.normal(0, 0.05, (40, 2))
    assert level_tests.differing_gaps(lead, seed=1) > 0.05
    lead[:, 1] += 0.2
    assert level_tests.differing_gaps(lead, seed=1) < 0.01


def test_gaps_of_best_single_and_fusion_are_one_family():
    random = np.random.default_rng(9)
    truth = random.integers(0, 2, 480)
    people = np.repeat(np.arange(24), 20)
    info = {"space": list(SPACE), "name": "t", "type": "folder"}
    ids = tuple(str(number) for number in range(480))
    task = Task(info, ids, truth, np.array([f"p{person:02}" for person in people]), None)
    skill = np.where(people % 2, 0.9, 0.5)
    single, vote = (
        Answers(name, np.where(random.random(480) < skill, truth, 1 - truth))
        for name in ("best single", "fusion/vote")
    )
    groups = _groups(sex=["fm"[p % 2] for p in people], side=["lr"[int(p >= 12)] for p in people])
    divided = DividedSamples(groups, {"side": "file sides.csv"})
    found = subgroup_family(task, divided, single, vote, seed=1)
    assert [row["source"] for row in found["tests"][:2]] == ["dataset", "file sides.csv"]
    assert [(row["pipeline"], row["group"]) for row in found["tests"]] == [
        ("best single", "sex"),
        ("best single", "side"),
        ("fusion/vote", "sex"),
        ("fusion/vote", "side"),
    ]
    verdicts = {(row["pipeline"], row["group"]): row["verdict"] for row in found["tests"]}
    assert verdicts["best single", "sex"] == verdicts["fusion/vote", "sex"] == "differs"
    assert verdicts["best single", "side"] == "not shown"
    assert all(row["p_adjusted"] >= row["p"] for row in found["tests"])
    assert [row["group"] for row in found["differences"]] == ["sex", "side"]
    assert all(row["p"] > 0.01 for row in found["differences"])
