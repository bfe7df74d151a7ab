"""The list of metrics agrees with the functions: their keys, which need probabilities, and which
way is better.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from faceoff.scoring import metrics
from faceoff.scoring.metric_list import BY_KEY, COUNTS, METRICS, shown_in
from faceoff.scoring.records import Intervals, Metrics

# What the score stage adds, from more than the posterior in the label space.
FROM_THE_STAGE = {"strict_accuracy", "mass_outside", "set_accuracy", "ceiling", "log_loss_own"}
RANDOM = np.random.default_rng(2)
TRUTH = RANDOM.integers(0, 4, 200)
VAGUE = RANDOM.dirichlet(np.ones(4), 200)
CERTAIN = 0.96 * np.eye(4)[TRUTH] + 0.01


def test_every_number_of_a_score_is_listed_once():
    assert set(BY_KEY) | set(COUNTS) == set(metrics.summary(TRUTH, VAGUE)) | FROM_THE_STAGE
    assert len(BY_KEY) == len(METRICS)
    assert set(Metrics.__annotations__) == set(BY_KEY) | set(COUNTS)
    assert set(Intervals.__annotations__) == {m.key for m in METRICS if m.interval}


def test_the_page_on_formats_explains_every_metric():
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("| accuracy |")]
    assert set(BY_KEY) <= set(re.findall(r"`(\w+)`", " ".join(rows)))


@pytest.mark.parametrize("metric", [m for m in METRICS if m.key not in FROM_THE_STAGE])
def test_scale_direction_and_need_of_probabilities(metric):
    vague, certain = (metrics.summary(TRUTH, p)[metric.key] for p in (VAGUE, CERTAIN))
    if metric.key != "coverage":
        assert (certain < vague) is metric.smaller_is_better
    assert np.isnan(metrics.summary(TRUTH, VAGUE, hard=True)[metric.key]) == metric.soft
    assert metric.scale != "share" or 0 <= vague <= 1


def test_places_keep_the_order_of_the_list():
    assert [metric.key for metric in shown_in("terminal")] == [
        "accuracy",
        "coverage",
        "balanced_accuracy",
        "macro_f1",
    ]
    assert [metric.key for metric in shown_in("card")] == [m.key for m in shown_in("csv")]
    assert set(shown_in("print")) <= set(shown_in("report"))


def test_headings():
    assert [BY_KEY[key].titled for key in ("covered_accuracy", "balanced_accuracy")] == [
        "Covered",
        "UAR",
    ]
    assert [BY_KEY[key].with_unit for key in ("macro_f1", "log_loss")] == ["macro-F1 %", "log loss"]
    assert len({metric.heading for metric in METRICS}) == len(METRICS)
