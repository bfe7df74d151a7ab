"""Explain cells in the workflow: one that works, and one whose explanation fails alone."""

from pathlib import Path

import pytest

import runs
from faceoff.storage import files, parquet

pytestmark = pytest.mark.slow

# It reads batches as `predict` makes them, and fails on the single picture of an explanation.
_ALONE = "if len(crops) == 1: raise RuntimeError('never alone')"


def test_maps_of_a_run_are_true_and_a_failed_job_is_made_again(tmp_path: Path) -> None:
    runs.write_plugin(tmp_path / "plugins", "gregarious", on_predict=_ALONE)
    config = {
        "run": "look",
        "plugins": [str(tmp_path / "plugins")],
        "datasets": {"posed": {"rungs": ["plain"], "limit": 8}},
        "detectors": {"given": {}},
        "models": {"faceoff_small": {}, "gregarious": {}},
        "saliency": {"samples": 4, "sanity": False},
    }
    names = ("faceoff_small", "gregarious")
    scores = [f"results/look/scores/posed/saliency/given/{name}.json" for name in names]
    done = runs.run(tmp_path / "run", config, *scores)
    assert done.returncode == 0, done.stdout[-4000:]
    sound, failed = (files.read_json(tmp_path / "run" / score) for score in scores)
    assert (sound["state"], sound["n"]) == ("ok", 4)
    areas = sound["areas"]
    assert areas["map"]["deletion"]["mean"] < areas["random"]["deletion"]["mean"]
    table = tmp_path / "run/results/look/saliency/posed/given/faceoff_small.parquet"
    rows = list(parquet.rows(table))
    assert {row["correct"] for row in rows} == {True, False}
    assert all(row["face"] and row["overlay"] and row["upright"] for row in rows)
    assert failed["state"] == "error"
    assert "RuntimeError: never alone" in failed["reason"]
    (again,) = failed["failed_files"]
    assert again.endswith("results/look/saliency/posed/given/gregarious.parquet")
