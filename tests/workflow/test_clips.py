"""Train a network over time in a whole run, beside one that cannot be trained."""

import json
from pathlib import Path
from typing import Any

import pytest

import runs
from faceoff.drawing.ravdess import write_ravdess
from faceoff.storage import parquet

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

EMOTIONS = {"01": "neutral", "03": "happiness", "05": "anger"}


def _configuration(clips: Path) -> dict[str, Any]:
    takes = [
        (f"02-01-{code}-01-01-0{repetition}-{actor:02d}", emotion, "normal", actor)
        for code, emotion in EMOTIONS.items()
        for repetition in (1, 2)
        for actor in (1, 2, 3)
    ]
    write_ravdess(clips, takes, size="tiny", sound=False)
    own = {"type": "ravdess", "path": str(clips), "modality": "video", "fps": 10}
    over_time = {
        "net": "lstm",
        "options": {"width": 8},
        "data": "learn",
        "validation": "judge",
        "threads": 1,
        "recipe": {"epochs": 1},
    }
    return {
        "run": "clips",
        "datasets": {
            "ravdess": {**own, "actors": [3], "shards": 2},
            "learn": {**own, "actors": [1], "role": "train"},
            "judge": {**own, "actors": [2], "role": "validation"},
        },
        "detectors": {"whole": {}},
        "models": {"faceoff_small": {}},
        "training": {
            "lstm": {**over_time, "features": "faceoff_small"},
            # RAVDESS has no labels of its frames.
            "wrong": {**over_time, "frames": {"options": {"width": 4}}, "labels": "frame"},
        },
        "figures": {"formats": ["svg"], "examples": 1},
    }


def test_clips_are_learnt_and_scored_and_what_fails_fails_alone(tmp_path: Path) -> None:
    config, folder = _configuration(tmp_path / "drawn"), tmp_path / "run"
    done = runs.run(folder, config)
    results = folder / "results/clips"
    assert done.returncode != 0
    assert "FAILED ravdess: whole/wrong" in done.stdout
    assert "do frames have labels of their own? else set labels: clip" in done.stdout
    assert "FAILED ravdess: whole/lstm" not in done.stdout
    score = json.loads((results / "scores/ravdess/whole/lstm.json").read_text())
    assert (score["state"], score["task"]["n"]) == ("ok", 6)
    assert score["train_status"] == "held-out"
    rows = list(parquet.rows(results / "predictions/ravdess/whole/lstm.parquet"))
    assert [row["frame"] for row in rows] == [0, 1, 2, 3, 4, 5] * 6
    assert {row["state"] for row in rows} == {"ok"}
    made = {path.name for path in (results / "training/lstm").iterdir()}
    assert made >= {"model.onnx", "card.yaml", "log.csv", "curves.svg", "fit.json"}
    # The next run tries what failed, and nothing else of the networks.
    again = runs.jobs(runs.run(folder, config, "--dry-run").stdout)
    assert again["fit_clips"] == 1
    assert again["export_clips_of_frames"] == 1
    assert "export_clips" not in again
    assert again["predict_clips"] == 3  # of the validation dataset, and of two shards
