"""Rank uncertainty: against a plain loop, on cases whose answer is known, and in its error rate."""

import re
from pathlib import Path

import numpy as np
import pytest
import report_fixtures as fixtures

from faceoff.stages.report import write_report
from faceoff.statistics.ranking import rank_uncertainty
from faceoff.storage import files


def coins(shares: list[float], n: int, seed: int = 0) -> np.ndarray:
    # Another stream than the resampling's: the same seed draws weights from the very numbers that
    # made the data.
    return np.random.default_rng([7, seed]).random((len(shares), n)) < np.array(shares)[:, None]


def test_a_clear_order_is_certain() -> None:
    found = rank_uncertainty(coins([0.9, 0.6, 0.3], 500), seed=0, replicates=2000)
    assert found.p_best.tolist() == [1, 0, 0]
    assert (found.rank_low.tolist(), found.rank_high.tolist()) == ([1, 2, 3], [1, 2, 3])
    assert found.tied.tolist() == [True, False, False]


def test_equals_share_the_first_place() -> None:
    correct = coins([0.7], 300)
    found = rank_uncertainty(np.concatenate([correct, correct, ~correct]), seed=0, replicates=1000)
    assert found.p_best == pytest.approx([0.5, 0.5, 0])
    assert found.tied.tolist() == [True, True, False]
    assert found.rank_high.tolist() == [1, 1, 3], "nobody is better than its twin"


def test_one_pipeline_is_the_best() -> None:
    found = rank_uncertainty(coins([0.2], 50), seed=0, replicates=100)
    assert (
        found.p_best.tolist(),
        found.rank_low.tolist(),
        found.rank_high.tolist(),
        found.tied.tolist(),
    ) == ([1], [1], [1], [True])


def test_against_a_plain_loop() -> None:
    """The same quantities from an independent bootstrap, written down step by step."""
    correct = coins([0.62, 0.6, 0.5, 0.58], 200, seed=4)
    found = rank_uncertainty(correct, seed=1, replicates=20_000)
    random = np.random.default_rng(99)
    best, ranks, worst = np.zeros(4), [], []
    accuracy = correct.mean(axis=1)
    for _ in range(20_000):
        drawn = correct[:, random.integers(0, 200, 200)].mean(axis=1)
        winners = np.flatnonzero(np.isclose(drawn, drawn.max()))
        best[winners] += 1 / len(winners)
        ranks.append([1 + sum(other > own + 1e-12 for other in drawn) for own in drawn])
        worst.append(
            [
                max(drawn[j] - accuracy[j] for j in range(4) if j != i) - (drawn[i] - accuracy[i])
                for i in range(4)
            ]
        )
    assert found.p_best == pytest.approx(best / 20_000, abs=0.015)
    assert found.rank_low == pytest.approx(np.quantile(ranks, 0.025, axis=0, method="nearest"))
    assert found.rank_high == pytest.approx(np.quantile(ranks, 0.975, axis=0, method="nearest"))
    assert (
        found.tied.tolist()
        == (accuracy.max() - accuracy <= np.quantile(worst, 0.95, axis=0)).tolist()
    )


def test_clusters_are_drawn_whole() -> None:
    """Ten people of whom some are easy: by person much less is known than by picture."""
    people = np.repeat(np.arange(10), 40)
    easy = np.random.default_rng(3).random(10)[people]
    random = np.random.default_rng(5).random((2, 400))
    correct = np.stack([random[0] < 0.3 + 0.5 * easy, random[1] < 0.8 - 0.5 * easy])
    free, tied = rank_uncertainty(correct, seed=0), rank_uncertainty(correct, people, seed=0)
    assert min(tied.p_best) > min(free.p_best)


def test_the_best_is_rarely_dropped_and_a_worse_one_is() -> None:
    """Check it on 300 data sets of three equals and a worse one.

    Each equal stays in about 95 % of them or more, the worse one is mostly dropped.
    """
    kept = np.array(
        [
            rank_uncertainty(coins([0.6, 0.6, 0.6, 0.4], 150, seed), seed=0, replicates=400).tied
            for seed in range(300)
        ]
    )
    assert (kept[:, :3].mean(axis=0) > 0.92).all()
    assert kept[:, 3].mean() < 0.2


@pytest.mark.parametrize(
    ("clusters", "kind"),
    [(np.zeros(40), "clusters"), (np.arange(40) % 5, "clusters"), (None, "samples")],
)
def test_too_little_to_resample(clusters: np.ndarray | None, kind: str) -> None:
    """One subject is drawn again and again: the order that it happens to have would be certain."""
    n = 40 if kind == "clusters" else 5
    found = rank_uncertainty(coins([0.9, 0.3], n), clusters, seed=0)
    assert (found.p_best, found.rank_low, found.rank_high, found.tied) == (None, None, None, None)
    assert found.reason.startswith(f"too few {kind}: ")
    assert found.reason.endswith("and a ranking needs 6")


def test_six_subjects_are_enough() -> None:
    found = rank_uncertainty(coins([0.9, 0.3], 240), np.arange(240) % 6, seed=0, replicates=500)
    assert (found.p_best.tolist(), found.reason) == ([1, 0], "")


def test_a_place_that_nobody_knows_stands_nowhere_on_the_page(tmp_path: Path) -> None:
    run = fixtures.typical(tmp_path)
    for path in run.comparisons:
        found = files.read_json(path)
        unknown = dict.fromkeys(("p_best", "rank_low", "rank_high", "tied_with_best")) | {
            "reason": "too few clusters: 2, and a ranking needs 6"
        }
        found["ranking"] = [row | unknown for row in found["ranking"]]
        found["comparisons"] = [
            row
            | {"minimum_detectable": None, "detectable_reason": "no result could be significant"}
            for row in found["comparisons"]
        ]
        files.write_json(path, found)
    write_report(
        run.scores,
        run.comparisons,
        run.examples,
        run.folder / "figures",
        None,
        tmp_path / "report.html",
        run.jobs().report,
        run.overlaps,
        run.answers,
    )
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r">\s*None", html)
    assert "tied with best" not in html
    assert 'title="too few clusters: 2, and a ranking needs 6"' in html
    assert 'title="no result could be significant">–<' in html


def test_nothing_to_rank() -> None:
    for wrong in (np.zeros((0, 5)), np.zeros((3, 0)), np.zeros(4)):
        with pytest.raises(ValueError, match="expected"):
            rank_uncertainty(wrong, seed=0)
