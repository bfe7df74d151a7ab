"""Compare pipelines pair by pair, in families that share one correction (protocol §17, §18, §31).

"fusions": each fusion with the best single cell, by Holm. "top": each cell with the one that is
most accurate on these samples, by the range test. "all pairs": every two cells, by Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.coverage_parts import coverage_parts
from faceoff.scoring.records import FamilyName, FamilyTest, PairedComparison
from faceoff.scoring.task import Task
from faceoff.statistics import paired_tests
from faceoff.statistics.arrays import Bools, Floats, Ints
from faceoff.statistics.intervals import design_effect
from faceoff.statistics.paired_scores import ScoreDifference, paired_recall, paired_score
from faceoff.statistics.power import detectable_difference
from faceoff.statistics.range_test import against_top


@dataclass(frozen=True)
class Answers:
    """Hold what a pipeline answers: predicted (n,), -1 where it is not covered."""

    name: str
    predicted: Ints

    def correct(self, task: Task) -> Bools:
        """Return (n,) whether each answer is right."""
        right: Bools = self.predicted == task.truth
        return right

    @property
    def covered(self) -> Bools:
        """Return (n,) whether there is an answer."""
        found: Bools = self.predicted != metrics.NO_FACE
        return found


def fusions_against_best(
    task: Task, fusions: Sequence[Answers], best: Answers, seed: int
) -> list[PairedComparison]:
    """Return the verdict on each fusion against the best single cell (one Holm family)."""
    return _by_holm(task, "fusions", [(fusion, best) for fusion in fusions], seed)


def all_pairs(task: Task, cells: Sequence[Answers], seed: int) -> list[PairedComparison]:
    """Return the verdict on every two cells (one Holm family)."""
    return _by_holm(task, "all pairs", list(combinations(cells, 2)), seed)


def cells_against_top(
    task: Task, cells: Sequence[Answers], top: int, seed: int
) -> list[PairedComparison]:
    """Return the verdict on each cell against the top one, which these samples chose.

    The adjusted p is the range test's, and never below that of the pair alone.
    """
    correct = np.stack([cell.correct(task) for cell in cells])
    adjusted = against_top(correct, top, task.clusters, seed=seed)
    others = [index for index in range(len(cells)) if index != top]
    verdicts = [_verdict(task, cells[index], cells[top], seed) for index in others]
    return [
        _row(task, "top", (cells[index], cells[top]), verdict, _at_least(p, verdict), len(others))
        for index, verdict, p in zip(others, verdicts, adjusted[others], strict=True)
    ]


def correct_family(rows: Sequence[FamilyTest]) -> None:
    """Write the p values after Holm's correction over these rows, and their verdicts."""
    for row, adjusted in zip(rows, paired_tests.holm([row["p"] for row in rows]), strict=True):
        row["p_adjusted"] = float(adjusted)
        low, high = row["low"] or 0.0, row["high"] or 0.0
        row["verdict"] = paired_tests.judge(
            row["p"], row["difference"], low, high, adjusted=adjusted
        )


def _at_least(p: float, verdict: paired_tests.PairedVerdict) -> float:
    return float("nan") if verdict.p is None else max(float(p), verdict.p)


def _by_holm(
    task: Task, family: FamilyName, pairs: Sequence[tuple[Answers, Answers]], seed: int
) -> list[PairedComparison]:
    verdicts = [_verdict(task, a, b, seed) for a, b in pairs]
    adjusted = paired_tests.holm([verdict.p for verdict in verdicts])
    return [
        _row(task, family, pair, verdict, float(p), len(pairs))
        for pair, verdict, p in zip(pairs, verdicts, adjusted, strict=True)
    ]


def _verdict(task: Task, a: Answers, b: Answers, seed: int) -> paired_tests.PairedVerdict:
    return paired_tests.paired_verdict(
        a.correct(task), b.correct(task), clusters=task.clusters, seed=seed
    )


def _row(
    task: Task,
    family: FamilyName,
    pair: tuple[Answers, Answers],
    verdict: paired_tests.PairedVerdict,
    adjusted: float,
    size: int,
) -> PairedComparison:
    """Return all that is said about one pair. size: number of comparisons in its family."""
    a, b = pair
    clusters, right_a, right_b = task.clusters, a.correct(task), b.correct(task)
    seen = detectable_difference(right_a, right_b, clusters, size)
    difference: Floats = right_a.astype(float) - right_b
    recall, f1 = _recall(task, a, b), _f1(task, a, b)
    return {
        "family": family,
        "a": a.name,
        "b": b.name,
        "difference": verdict.difference,
        "low": verdict.low,
        "high": verdict.high,
        "p": verdict.p,
        "p_exact": verdict.p_exact,
        "p_adjusted": adjusted,
        "adjusted_by": "range test" if family == "top" else "Holm",
        "test": verdict.test,
        "verdict": paired_tests.judge(
            verdict.p, verdict.difference, verdict.low, verdict.high, adjusted=adjusted
        ),
        "n": len(task.truth),
        "minimum_detectable": seen.difference,
        "detectable_reason": seen.reason,
        "design_effect": None if clusters is None else design_effect(difference, clusters),
        **coverage_parts(right_a, right_b, a.covered, b.covered, clusters),
        "uar_difference": recall.difference,
        "uar_low": recall.low,
        "uar_high": recall.high,
        "uar_p": recall.p,
        "uar_test": recall.test,
        "f1_difference": f1.difference,
        "f1_low": f1.low,
        "f1_high": f1.high,
        "f1_p": f1.p,
        "f1_test": f1.test,
    }


def _recall(task: Task, a: Answers, b: Answers) -> ScoreDifference:
    """Return the test of the difference of balanced accuracies (protocol §37)."""
    k = len(task.space)
    if task.clusters is None:
        return paired_recall(task.truth, a.predicted, b.predicted, k)
    return paired_score(
        metrics.balanced_accuracy_of, task.truth, a.predicted, b.predicted, k, task.clusters
    )


def _f1(task: Task, a: Answers, b: Answers) -> ScoreDifference:
    """Return the test of the difference of macro-F1 (protocol §37)."""
    return paired_score(
        metrics.macro_f1_of,
        task.truth,
        a.predicted,
        b.predicted,
        len(task.space),
        task.clusters,
    )
