"""Rules over time in a whole run: all readers know them, and a failed model fails alone."""

import json

import pytest

import runs
from faceoff.storage import files, parquet

pytestmark = pytest.mark.slow


def test_rules_over_time_from_clips_to_report(tmp_path):
    plugins, folder = tmp_path / "plugins", tmp_path / "run"
    runs.write_plugin(plugins, "sound")
    runs.write_plugin(plugins, "other")
    runs.write_plugin(plugins, "broken", on_predict="raise MemoryError('no room')")
    clips = {"type": "posed_video", "kinds": ["single"], "fps": 5, "limit": 3}
    config = {
        "run": "small",
        "plugins": [str(plugins)],
        "datasets": {
            "clips": {**clips, "validation": "valid"},
            "valid": {**clips, "split": "valid", "role": "validation"},
        },
        "detectors": {"whole": {}},
        "models": {"sound": {}, "broken": {}, "other": {}},
        "fusions": {"vote": {"members": ["*/sound", "*/other"]}},
        "temporal": {
            "smooth": {"rule": "ema"},
            "fixed": {"rule": "mean", "constants": {"window_s": 0.3}, "of": ["fusion/*"]},
        },
        "figures": {"formats": ["svg"], "examples": 1},
    }
    done = runs.run(folder, config)
    assert done.returncode != 0, "a failed cell fails the run at its end"
    results = folder / "results/small"
    found = files.read_json(results / "over_time/clips.json")
    states = {pipe["name"]: pipe["state"] for pipe in found["pipelines"]}
    assert states == {
        "whole/broken": "error", "whole/other": "ok", "whole/sound": "ok", "fusion/vote": "ok",
        "temporal/fixed.fusion.vote": "ok", "temporal/smooth.fusion.vote": "ok",
        "temporal/smooth.whole.broken": "error", "temporal/smooth.whole.other": "ok",
        "temporal/smooth.whole.sound": "ok",
    }  # fmt: skip
    learnt = {pipe["name"]: pipe["learnt"] for pipe in found["pipelines"] if pipe["learnt"]}
    assert learnt["temporal/fixed.fusion.vote"]["constants"] == {"window_s": 0.3}
    assert learnt["temporal/smooth.whole.sound"]["chosen_on"] == "labelled frames of valid"
    board = done.stdout
    assert "whole × sound, smooth" in board
    failed = files.read_json(results / "failed.json")["failed"]
    assert {row["name"] for row in failed} >= {"whole/broken", "temporal/smooth.whole.broken"}
    page = (results / "report.html").read_text()
    assert 'id="d0-over-time"' in page
    assert "window_s 0.3; given in the configuration" in page
    assert (results / "figures/over_time-clips.svg").is_file()
    assert "temporal/smooth.whole.sound" in (results / "tables/over_time.csv").read_text()
    table = parquet.read(results / "temporal/clips/smooth.whole.sound.parquet")
    assert len(table) == len(parquet.read(results / "predictions/clips/whole/sound.parquet"))

    runs.write_plugin(plugins, "broken")  # mended: only what it failed is made again
    again = runs.run(folder, config, "results/small/over_time/clips.json")
    assert again.returncode == 0, again.stdout[-4000:]
    # The rule of the mended model and of nothing else; `detect`, the other models stay.
    rerun = runs.jobs(again.stdout)
    assert (rerun["steady"], rerun["over_time"]) == (1, 1)
    assert "detect" not in rerun
    mended = json.loads((results / "over_time/clips.json").read_text())
    assert {pipe["state"] for pipe in mended["pipelines"]} == {"ok"}
