"""Time per picture: one rule for the table of cost and for the page of speeds."""

import pytest

from faceoff.results.dataset_results import DatasetResults
from faceoff.results.throughput import job_of, per_picture
from faceoff.stages.speed import speeds


def timing(dataset: str, detector: str, model: str | None, items: int, compute_s: float) -> dict:
    return {
        "dataset": dataset,
        "detector": detector,
        "model": model,
        "items": items,
        "compute_s": compute_s,
        "load_s": 1.0,
    }


TIMINGS = [
    timing("a", "yunet", None, 200, 2.0),
    timing("a", "yunet", "net", 50, 1.0),
    timing("a", "haar", None, 200, 8.0),
    timing("a", "haar", "net", 10, 0.2),
    timing("b", "yunet", None, 0, 0.0),
    timing("b", "yunet", "net", 0, 0.0),
    timing("c", "yunet", "net", 5, 1.0),
]


def test_a_models_time_is_over_its_detectors_pictures() -> None:
    found = per_picture(TIMINGS)
    assert found == pytest.approx(
        {
            ("a", "yunet"): 0.01,
            ("a", "yunet", "net"): 0.005,
            ("a", "haar"): 0.04,
            ("a", "haar", "net"): 0.001,
        }
    )


def test_the_page_of_speeds_adds_up_the_same_numbers() -> None:
    """10 + 5 ms for the one pipeline; 10 + 5 + 40 + 1 ms for the vote of both."""
    metrics = {
        "metrics": {"accuracy": 0.5},
        "intervals": {"accuracy": [0.4, 0.6]},
        "state": "ok",
        "dataset": "a",
        "flags": [],
    }
    cell = {**metrics, "kind": "cell", "detector": "yunet", "model": "net"}
    vote = {
        **metrics,
        "kind": "fusion",
        "fusion": "both",
        "detector": "fusion",
        "model": "both",
        "members": ["yunet/net", "haar/net"],
    }
    rows = speeds(
        DatasetResults("a", {}, [cell, vote], None), {job_of(entry): entry for entry in TIMINGS}
    )
    assert [row["fusion"] for row in rows] == [False, True]
    assert [row["speed"] for row in rows] == pytest.approx([1 / 0.015, 1 / 0.056])
    assert [(row["detect_ms"], row["predict_ms"]) for row in rows] == [
        pytest.approx((10, 5)),
        pytest.approx((50, 6)),
    ]
