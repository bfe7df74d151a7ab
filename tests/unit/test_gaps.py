"""Gaps between groups: how they are ranked, told in words, and what their table holds."""

import csv
from pathlib import Path
from typing import Any

import pytest
import report_fixtures as fixtures

from faceoff.results.gaps import in_words, ranked, shown
from faceoff.stages.tables import write_tables
from faceoff.storage import files


def gap_test(**changes: Any) -> Any:
    """Return a test of a gap; `changes` replace its values."""
    return {
        "pipeline": "best single", "group": "sex", "source": "dataset",
        "best": "female", "best_n": 110, "best_subjects": None, "best_score": 0.72,
        "worst": "male", "worst_n": 100, "worst_subjects": None, "worst_score": 0.6,
        "gap": 0.12, "low": 0.03, "high": 0.21, "p": 0.01, "p_adjusted": 0.02,
        "verdict": "differs", **changes,
    }  # fmt: skip


def test_a_sure_small_gap_stands_before_a_wide_unsure_one() -> None:
    rows = [
        gap_test(group="wide", gap=0.5, low=-0.1, verdict="not shown"),
        gap_test(group="none", gap=0.9, low=None),
        gap_test(group="nan", gap=0.8, low=float("nan")),
        gap_test(group="sure", gap=0.06, low=0.05),
        gap_test(group="tie", gap=0.2, low=0.03),
        gap_test(group="sex"),
    ]
    names = [row["group"] for row in ranked(rows)]
    assert names == ["sure", "tie", "sex", "wide", "none", "nan"]
    assert [row["group"] for row in shown(rows)][:3] == ["sure", "tie", "sex"]


def test_a_gap_in_words_says_how_large_it_is_at_least() -> None:
    assert in_words(gap_test()) == (
        "sex: the best single reads “male” worst, 60.0\xa0% against 72.0\xa0% of “female”: "
        "a gap of 12.0 points, at least 3.0"
    )
    assert in_words(gap_test(low=-0.01)).endswith("a gap of 12.0 points")


def test_the_table_ranks_the_gaps_of_all_datasets(tmp_path: Path) -> None:
    """Each row has both levels, the source, and the stated error of what predicted the group."""
    run = fixtures.typical(tmp_path)
    found = files.read_json(run.comparisons[0])
    found["subgroups"] = {
        "tests": [
            gap_test(low=0.01),
            gap_test(group="age (predicted)", source="predicted by a of b"),
        ],
        "differences": [],
        "measured": [{"name": "age (predicted)", "source": "predicted by a of b", "known": 9,
                      "n": 10, "error": "4.5 years", "note": "", "reason": ""}],
    }  # fmt: skip
    files.write_json(run.comparisons[0], found)
    write_tables(run.scores, run.comparisons, [], tmp_path / "tables", run.jobs().tables)
    with open(tmp_path / "tables" / "gaps.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lows = [float(row["gap_low"]) for row in rows]
    assert lows == sorted(lows, reverse=True)
    assert [row["rank"] for row in rows] == [str(place) for place in range(1, len(rows) + 1)]
    assert (rows[0]["group"], rows[0]["source"], rows[0]["stated_error"]) == (
        "age (predicted)", "predicted by a of b", "4.5 years",
    )  # fmt: skip
    assert (rows[0]["worst"], rows[0]["worst_n"], rows[0]["best"], rows[0]["best_n"]) == (
        "male", "100", "female", "110",
    )  # fmt: skip
    assert float(rows[0]["best_score"]) - float(rows[0]["worst_score"]) == pytest.approx(0.12)
    markdown = (tmp_path / "tables" / "gaps.md").read_text(encoding="utf-8")
    assert "12.00 [3.00, 21.00]" in markdown
