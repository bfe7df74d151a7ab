"""Follow the faces of a few drawn clips in a whole run, and score the tracks."""

import csv
import json
from pathlib import Path

import pytest

import runs

pytestmark = pytest.mark.slow

CONFIG = {
    "run": "who",
    "datasets": {
        "posed_video": {"split": "valid", "kinds": ["crossing", "returning"], "limit": 4, "fps": 10}
    },
    "detectors": {"given": {}, "haar": {}, "whole": {}},
    "models": {"faceoff_small": {}},
    "tracking": {"identities": False},
    "faces": {"policy": "main_track"},
    "figures": {"formats": ["svg"], "examples": 0},
}


def test_tracks_of_drawn_clips_are_scored_and_shown(tmp_path: Path) -> None:
    done = runs.run(tmp_path, CONFIG)
    assert done.returncode == 0, done.stdout[-3000:]
    results = tmp_path / "results/who"
    files = {path.name for path in (results / "scores/posed_video").glob("*.tracks.json")}
    assert files == {"given.tracks.json", "haar.tracks.json"}, "the whole frame is no face"
    given, haar = (
        json.loads((results / f"scores/posed_video/{name}.tracks.json").read_text())
        for name in ("given", "haar")
    )
    part = given["parts"][0]
    assert part["n"] == len(given["clips"]) == 4
    counts = part["counts"]
    assert (counts["misses"], counts["false_alarms"]) == (0, 0), "the boxes are the true ones"
    assert counts["returns"] >= 2
    assert part["values"]["changes_per_minute"] == 0, "the main person is one person"
    assert counts["faces"] == haar["parts"][0]["counts"]["faces"]
    assert haar["parts"][0]["values"]["mota"] < 1
    assert given["notes"] == ["identities are tracks: no face was recognised"]
    with open(results / "tables/tracks.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["detector"], row["kind"]) for row in rows} >= {("given", "all"), ("haar", "all")}
    assert all(row["limited"] == "True" for row in rows)
    assert (results / "figures/tracks-posed_video.svg").is_file()
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "Who is who?" in page
    assert 'class="lane"' in page
    again = runs.run(tmp_path, CONFIG, "--dry-run")
    assert "Nothing to be done" in again.stdout
