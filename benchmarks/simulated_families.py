"""Simulate families of equal pipelines: how often a test shows a difference that is not there."""

import numpy as np
from simulated import Rate, people_of, study_of

from faceoff.fusion.class_order import best_class_permutation
from faceoff.scoring import metrics
from faceoff.scoring.families import Answers, cells_against_top
from faceoff.scoring.task import Task
from faceoff.statistics import paired_tests
from faceoff.statistics.level_tests import compare_levels
from faceoff.statistics.paired_scores import paired_recall, paired_score
from faceoff.statistics.range_test import against_top


def class_orders(draws: int, seed: int) -> list[Rate]:
    """Return how often the order of a chance-level member's classes, which is right, is doubted."""

    def doubted(random: np.random.Generator, folded: bool) -> bool:
        truth, said = random.integers(0, 8, (2, 664))
        folds = random.permutation(664) % 5 if folded else None
        return best_class_permutation(truth, np.eye(8)[said], folds).suspicious

    study, size = "class order (p < 0.001)", "664 samples of 8 classes, a member at chance"
    return [
        study_of(
            study,
            f"{size}, {how}",
            lambda random, _, f=folded: doubted(random, f),
            draws,
            seed,
            band,
        )
        for how, folded, band in (
            ("judged where it was learnt", False, None),
            ("cross-fitted", True, (0.0, 0.005)),
        )
    ]


def families(scale: float, seed: int) -> list[Rate]:
    """Return how often families of equal pipelines show a difference somewhere (protocol §31, §32).

    Holm over the tests against a top that the same samples chose stands beside the range test.
    """
    draws, found = max(100, int(1000 * scale)), []
    for k in (4, 9, 20, 40):
        random = np.random.default_rng([seed, k])
        ranges, holms = [], []
        for _ in range(draws):
            easy = random.beta(2, 1, 600)
            correct = random.random((k, 600)) < easy
            top = int(correct.sum(axis=1).argmax())
            ranges.append(against_top(correct, top, seed=0).min() < 0.05)
            alone = [paired_tests.mcnemar(correct[m], correct[top]).mid_p for m in range(k)]
            holms.append(np.nanmin(paired_tests.holm(np.delete(alone, top))) < 0.05)
        setting = f"{k} equal pipelines, n = 600"
        found.append(
            Rate("range test against the top", setting, np.mean(ranges), draws, (0.02, 0.06))
        )
        found.append(Rate("Holm against the top", setting, np.mean(holms), draws, None))
    for k in (4, 9):

        def permuted(random: np.random.Generator, index: int, k: int = k) -> bool:
            correct, clusters = people_of(random, 24, 20, pipelines=k)
            top = int(correct.sum(axis=1).argmax())
            p = against_top(correct, top, clusters, seed=600_000 + index, replicates=999)
            return bool(p.min() < 0.05)

        setting = f"{k} equal pipelines, 24 subjects × 20"
        found.append(
            study_of("range test by subject", setting, permuted, draws, seed + k, (0.02, 0.06))
        )

    def near_the_top(random: np.random.Generator, index: int) -> bool:
        """Return whether one of three equal pipelines is told apart; six others are worse."""
        equal, clusters = people_of(random, 24, 20, pipelines=3)
        worse, _ = people_of(random, 24, 20, pipelines=6, accuracy=0.5)
        correct = np.vstack([equal, worse])
        top = int(equal.sum(axis=1).argmax())
        p = against_top(correct, top, clusters, seed=700_000 + index, replicates=999)
        return bool(p[:3].min() < 0.05)

    setting = "3 of 9 pipelines equal at the top, 24 subjects × 20"
    found.append(
        study_of("range test by subject", setting, near_the_top, draws, seed + 10, (0.02, 0.06))
    )
    for k in (4, 20):

        def unsure(random: np.random.Generator, index: int, k: int = k) -> bool:
            task, cells, top = _null_task(random, k)
            rows = cells_against_top(task, cells, top, 0)
            return any(row["verdict"] == "inconclusive" for row in rows)

        setting = f"some row of {k} equal pipelines, n = 600"
        found.append(study_of("inconclusive", setting, unsure, draws // 4, seed + 3, None))

    def recalls(random: np.random.Generator, index: int) -> bool:
        truth = random.choice(7, 664, p=np.array([8, 8, 6, 4, 3, 2, 2]) / 33)
        a, b = (np.where(random.random(664) < 0.6, truth, random.integers(0, 7, 664)) for _ in "ab")
        return bool(paired_recall(truth, a, b, 7).p < 0.05)

    def scores(random: np.random.Generator, index: int) -> bool:
        truth = random.choice(7, 664, p=np.array([8, 8, 6, 4, 3, 2, 2]) / 33)
        a, b = (np.where(random.random(664) < 0.6, truth, random.integers(0, 7, 664)) for _ in "ab")
        return bool(paired_score(metrics.macro_f1_of, truth, a, b, 7).p < 0.05)

    def by_subject(random: np.random.Generator, index: int) -> bool:
        (a, b), clusters = people_of(random, 24, 20, pipelines=2)
        truth = np.tile(np.arange(4), 120)
        said = [np.where(right, truth, (truth + 1) % 4) for right in (a, b)]
        found = paired_score(metrics.balanced_accuracy_of, truth, *said, 4, clusters)
        return bool(found.p < 0.05)

    size = "n = 664, 7 classes of 40 to 160"
    found.append(study_of("paired UAR", size, recalls, draws, seed + 4, (0.04, 0.06)))
    found.append(study_of("paired macro-F1", size, scores, draws, seed + 5, (0.04, 0.06)))
    found.append(
        study_of(
            "paired UAR by subject", "24 subjects × 20", by_subject, draws, seed + 6, (0.03, 0.06)
        )
    )
    for levels in (2, 4):

        def apart(random: np.random.Generator, index: int, levels: int = levels) -> bool:
            values = np.full((32, levels), np.nan)
            values[np.arange(32), np.arange(32) % levels] = random.beta(4, 2, 32)
            return bool(compare_levels(values, index, shuffles=499).p < 0.05)

        found.append(
            study_of(
                "gap between groups",
                f"{levels} levels, 32 subjects",
                apart,
                draws,
                seed + 7,
                (0.03, 0.06),
            )
        )
    return found


def _null_task(random: np.random.Generator, k: int) -> tuple[Task, list[Answers], int]:
    """Return a task of 600 samples, k pipelines that are right equally often, the one on top."""
    truth, easy = np.zeros(600, int), random.beta(2, 1, 600)
    info = {"name": "t", "type": "folder", "space": ["neutral", "happiness"]}
    task = Task(info, tuple(map(str, range(600))), truth, None, None)
    cells = [Answers(str(m), (random.random(600) > easy).astype(int)) for m in range(k)]
    return task, cells, int(np.argmax([cell.correct(task).sum() for cell in cells]))
