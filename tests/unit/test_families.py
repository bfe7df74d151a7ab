"""Test paired comparisons in their families: corrections, verdicts, parts, UAR and macro-F1."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score

from faceoff.scoring import families, metrics
from faceoff.scoring.coverage_parts import coverage_parts
from faceoff.scoring.families import Answers
from faceoff.scoring.task import Task
from faceoff.statistics import paired_tests
from faceoff.statistics.paired_scores import paired_recall, paired_score
from faceoff.statistics.range_test import against_top


def task(truth: np.ndarray, people: np.ndarray | None = None, k: int = 3) -> Task:
    info = {"space": ["anger", "fear", "happiness"][:k], "name": "t", "type": "folder"}
    ids = tuple(str(number) for number in range(len(truth)))
    return Task(info, ids, truth, people, None)


def answers(seed: int, n: int = 240, uncovered: float = 0.1) -> tuple[np.ndarray, list[Answers]]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, n)
    found = []
    for name, skill in (("a", 0.4), ("b", 0.5), ("c", 0.7)):
        predicted = np.where(random.random(n) < skill, truth, random.integers(0, 3, n))
        predicted[random.random(n) < uncovered] = metrics.NO_FACE
        found.append(Answers(name, predicted))
    return truth, found


# ---------------------------------------------------------------- the range test


def test_of_two_pipelines_the_range_is_the_normal_test() -> None:
    correct = np.zeros((2, 100), bool)
    correct[0, :30] = correct[1, 20:35] = True  # 20 against 5: z = 3
    found = against_top(correct, 0, seed=0)
    assert found == pytest.approx([1.0, 2 * stats.norm.sf(15 / 5)])


@pytest.mark.parametrize(("k", "critical"), [(3, 3.314), (10, 4.474), (20, 5.012)])
def test_the_range_has_its_published_critical_values(k: int, critical: float) -> None:
    """The values are those of the table of the studentised range, 5 %, ∞ degrees of freedom."""
    z = critical / np.sqrt(2)
    b, c = 4_500, 2_500
    while (b - c) / np.sqrt(b + c) > z:
        b, c = b - 1, c + 1
    correct = np.zeros((k, 7_000), bool)
    correct[0, :b] = correct[1, b : b + c] = True
    correct[2:] = correct[0]
    assert against_top(correct, 0, seed=0)[1] == pytest.approx(0.05, abs=0.003)


def test_of_two_pipelines_the_permutations_are_sign_flips() -> None:
    random = np.random.default_rng(3)
    correct = random.random((2, 90)) < np.array([[0.5], [0.62]])
    clusters = np.arange(90) // 10
    exact = paired_tests.sign_flip(correct[1].astype(int) - correct[0], clusters, seed=0).p
    assert against_top(correct, 1, clusters, seed=5)[0] == pytest.approx(exact, abs=0.01)


def test_below_six_subjects_there_is_no_range_test() -> None:
    found = against_top(np.ones((3, 10), bool), 0, np.arange(10) // 2, seed=0)
    assert np.isnan(found).all()


@pytest.mark.parametrize("by_subject", [False, True])
def test_a_hopeless_pipeline_hides_nothing_at_the_top(by_subject: bool) -> None:
    """Two good pipelines apart: that third ones are far worse does not change what is shown."""
    random = np.random.default_rng(12)
    clusters = np.arange(480) // 20 if by_subject else None
    good = random.random((2, 480)) < np.array([[0.80], [0.66]])
    bad = random.random((4, 480)) < 0.15
    alone = against_top(good, 0, clusters, seed=1)[1]
    found = against_top(np.vstack([good, bad]), 0, clusters, seed=1)
    assert alone < 0.01
    assert found[1] == pytest.approx(alone, abs=0.002)
    assert (found[2:] <= found[1]).all(), "no p is below that of a worse one"


def test_a_worse_pipeline_never_has_a_higher_p() -> None:
    random = np.random.default_rng(13)
    correct = random.random((6, 400)) < np.linspace(0.7, 0.5, 6)[:, None]
    for clusters in (None, np.arange(400) // 20):
        totals = correct.sum(axis=1)
        top = int(totals.argmax())
        found = against_top(correct, top, clusters, seed=2, replicates=999)
        if clusters is not None:
            order = np.argsort(totals)
            assert (np.diff([found[m] for m in order if m != top]) >= 0).all()


def test_alike_pipelines_do_not_differ() -> None:
    assert (against_top(np.ones((4, 50), bool), 0, seed=0) == 1).all()
    assert (against_top(np.ones((4, 48), bool), 0, np.arange(48) // 6, seed=0) == 1).all()


# ---------------------------------------------------------------- families and verdicts


def test_each_family_has_its_own_correction() -> None:
    truth, cells = answers(1)
    scored = task(truth)
    top = families.cells_against_top(scored, cells, 2, seed=1)
    pairs = families.all_pairs(scored, cells, seed=1)
    assert [(row["a"], row["b"]) for row in top] == [("a", "c"), ("b", "c")]
    assert [(row["a"], row["b"]) for row in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {row["adjusted_by"] for row in top} == {"range test"}
    assert [row["p_adjusted"] for row in pairs] == pytest.approx(
        paired_tests.holm([row["p"] for row in pairs])
    )
    assert all(row["p_adjusted"] >= row["p"] for row in (*top, *pairs))


def test_what_the_correction_takes_away_is_said_so() -> None:
    """A raw p below 5 % with an adjusted one above it is no contradiction (protocol §32)."""
    assert paired_tests.judge(0.03, 0.1, 0.01, 0.2, adjusted=0.2) == "not shown after correction"
    assert paired_tests.judge(0.03, 0.1, 0.01, 0.2, adjusted=0.04) == "better"
    assert paired_tests.judge(0.03, -0.1, -0.2, -0.01, adjusted=0.04) == "worse"
    assert paired_tests.judge(0.2, 0.1, -0.01, 0.2, adjusted=1.0) == "no difference"
    assert paired_tests.judge(0.03, 0.1, -0.01, 0.2, adjusted=0.2) == "inconclusive"
    assert paired_tests.judge(0.2, 0.1, 0.01, 0.2, adjusted=0.2) == "inconclusive"


def test_null_families_are_hardly_ever_inconclusive() -> None:
    """Comparing an adjusted p with an uncorrected interval calls 53 % and more of them so."""
    inconclusive = 0
    for seed in range(40):
        random = np.random.default_rng([seed, 32])
        truth = np.zeros(200, int)
        cells = [Answers(str(m), (random.random(200) > 0.6).astype(int)) for m in range(6)]
        best = int(np.argmax([(cell.predicted == 0).mean() for cell in cells]))
        rows = families.cells_against_top(task(truth), cells, best, seed)
        inconclusive += any(row["verdict"] == "inconclusive" for row in rows)
    assert inconclusive <= 6


# ---------------------------------------------------------------- coverage and recognition


def test_a_difference_is_recognition_plus_coverage() -> None:
    """Ten samples: A reads all and is right on 6, B misses four faces and is right on 4."""
    right_a = np.array([1, 1, 1, 0, 0, 0, 1, 1, 1, 0], bool)
    right_b = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    covered_b = np.array([1] * 6 + [0] * 4, bool)
    found = coverage_parts(right_a, right_b, np.ones(10, bool), covered_b)
    assert found["n_common"] == 6
    assert found["common"] == pytest.approx(-1 / 6)
    assert found["recognition"] == pytest.approx(-0.1)
    assert found["coverage"] == pytest.approx(0.3)
    assert found["recognition"] + found["coverage"] == pytest.approx(0.2)
    assert found["coverage_low"] < 0.3 < found["coverage_high"]


@pytest.mark.parametrize("people", [None, np.repeat(np.arange(12).astype(str), 20)])
def test_parts_add_up_in_every_row(people: np.ndarray | None) -> None:
    truth, cells = answers(2)
    for row in families.all_pairs(task(truth, people), cells, seed=1):
        assert row["recognition"] + row["coverage"] == pytest.approx(row["difference"])
        assert row["recognition"] == pytest.approx(row["common"] * row["n_common"] / 240)


def test_without_a_common_sample_nothing_is_said_of_recognition() -> None:
    right, none = np.ones(4, bool), np.zeros(4, bool)
    found = coverage_parts(right, none, right, none, np.arange(4))
    assert np.isnan(found["common"])
    assert (found["recognition"], found["coverage"]) == (0.0, 1.0)


# ---------------------------------------------------------------- UAR and macro-F1


def test_paired_recalls_by_hand() -> None:
    """Class 0: n = 4, b = 2, c = 0; class 1: n = 2, b = 0, c = 1."""
    truth = np.array([0, 0, 0, 0, 1, 1])
    a = np.array([0, 0, 0, 1, 0, 1])
    b = np.array([1, 1, 0, 1, 1, 1])
    found = paired_recall(truth, a, b, 2)
    variance = ((2 - 4 / 4) / 16 + (1 - 1 / 2) / 4) / 4
    assert found.difference == pytest.approx((2 / 4 - 1 / 2) / 2)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * variance**0.5)
    assert found.p == pytest.approx(1.0)


@pytest.mark.parametrize("by_subject", [False, True])
def test_scores_and_their_errors_are_those_of_a_plain_jackknife(by_subject: bool) -> None:
    truth, (a, b, _) = answers(4, n=60)
    clusters = np.arange(60) // 5 if by_subject else None
    units = np.arange(60) if clusters is None else clusters

    def difference(kept: np.ndarray) -> float:
        one, other = (
            f1_score(truth[kept], each.predicted[kept], average="macro", labels=[0, 1, 2])
            for each in (a, b)
        )
        return float(one - other)

    found = paired_score(metrics.macro_f1_of, truth, a.predicted, b.predicted, 3, clusters)
    left_out = np.array([difference(units != unit) for unit in np.unique(units)])
    groups = len(left_out)
    error = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum())
    assert found.difference == pytest.approx(difference(np.ones(60, bool)))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.difference) / error, groups - 1))
    half = stats.t.ppf(0.975, groups - 1) * error
    assert (found.low, found.high) == pytest.approx(
        (found.difference - half, found.difference + half)
    )


def test_the_difference_of_recalls_is_that_of_sklearn() -> None:
    truth, (a, b, _) = answers(5, uncovered=0)
    expected = balanced_accuracy_score(truth, a.predicted) - balanced_accuracy_score(
        truth, b.predicted
    )
    clusters = np.arange(240) // 10
    by_subject = paired_score(
        metrics.balanced_accuracy_of, truth, a.predicted, b.predicted, 3, clusters
    )
    assert paired_recall(truth, a.predicted, b.predicted, 3).difference == pytest.approx(expected)
    assert by_subject.difference == pytest.approx(expected)


def test_equal_pipelines_and_few_subjects_have_no_test() -> None:
    truth, (a, b, _) = answers(6)
    same = paired_recall(truth, a.predicted, a.predicted, 3)
    assert (same.difference, same.p) == (0.0, None)
    few = paired_score(
        metrics.macro_f1_of, truth, a.predicted, b.predicted, 3, np.arange(240) // 60
    )
    assert few.p is None
    assert np.isnan(few.low)
