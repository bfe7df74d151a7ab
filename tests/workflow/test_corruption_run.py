"""A run that makes pictures worse, from the configuration to the report, also where a job dies."""

import csv
import json

import numpy as np
import pytest

import runs
from faceoff.storage import columns, parquet

pytestmark = pytest.mark.slow

# The job dies on dark crops while a file is there; on the clean pictures there are none.
DIES = "import os; os.path.exists(%r) and (crops.mean(axis=(1, 2, 3)) < 40).any() and os._exit(139)"


def _configuration(plugins):
    return {
        "run": "worse",
        "plugins": [str(plugins)],
        "datasets": {"posed": {"rungs": ["plain"], "limit": 24}},
        "detectors": {"whole": {}, "mediapipe_full": {}},
        "models": {"frail": {}, "fer": {"detectors": ["mediapipe_full"]}},
        "fusions": {"vote": {"check_order": False}},
        "corruptions": {
            "dark": {"corruption": "darkness", "of": ["whole/*"], "levels": [0.3, 0.8]},
            "size": {
                "corruption": "resize",
                "levels": [1000, 24, 8],
                "options": {"interpolation": ["area", "cubic"]},
                "of": ["mediapipe_full/fer"],
            },
            "shift": {"of": ["mediapipe_full/fer"], "levels": [0.1]},
        },
        "figures": {"formats": ["svg"], "examples": 1},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a run whose job died at first, and what both attempts printed."""
    folder, plugins = tmp_path_factory.mktemp("worse"), tmp_path_factory.mktemp("plugins")
    flag = plugins / "flag"
    flag.touch()
    runs.write_plugin(plugins, "frail", on_predict=DIES % str(flag))
    config = _configuration(plugins)
    broken = runs.run(folder, config)
    assert broken.returncode != 0, broken.stdout[-3000:]
    page = (folder / "results/worse/report.html").read_text()
    flag.unlink()
    done = runs.run(folder, config)
    assert done.returncode == 0, done.stdout[-3000:]
    return folder / "results/worse", broken.stdout, page, runs.jobs(done.stdout)


def test_a_job_that_dies_is_named_shown_and_tried_again_alone(made):
    _, printed, page, planned = made
    assert "FAILED posed: dark (corruption)" in printed
    assert "its job failed, see its log" in page
    assert planned["corrupt_predict"] == planned["score_corruption"] == 1
    assert not {"corrupt_detect", "predict", "detect", "score"} & set(planned)


def test_every_frame_has_a_row_at_every_severity(made):
    folder, *_ = made
    frames = [row["sample_id"] for row in parquet.rows(folder / "frames/posed.parquet")]
    for variant in ("size.area", "size.cubic"):
        for mode in ("clean_crop", "detect_again"):
            path = folder / f"corrupted/posed/{variant}/{mode}/mediapipe_full/fer.parquet"
            rows = [*parquet.rows(path)]
            assert [row["sample_id"] for row in rows[::3]] == frames
            assert [row["severity"] for row in rows] == [1, 2, 3] * len(frames)
            first = [row for row in rows if row["severity"] == 1]
            assert {row["state"] for row in first} == {columns.NOT_APPLIED}
            assert all("smaller than 1000 px" in row["reason"] for row in first)
    faces = [
        *parquet.rows(folder / "corrupted/posed/size.area/detect_again/mediapipe_full.parquet")
    ]
    assert {row["severity"] for row in faces} == {1, 2, 3}


def test_scores_are_those_of_the_rows(made):
    """Accuracy, coverage and flips, counted again from the tables."""
    folder, *_ = made
    truth = {
        row["sample_id"]: row["label"] for row in parquet.rows(folder / "samples/posed.parquet")
    }
    clean = {
        row["sample_id"]: row["emotion"]
        for row in parquet.rows(folder / "predictions/posed/mediapipe_full/fer.parquet")
    }
    found = json.loads((folder / "robustness/posed/size.json").read_text())
    assert found["state"] == "ok"
    assert [level["value"] for level in found["levels"]] == ["1000 px", "24 px", "8 px"]
    space = set(found["task"]["space"])
    for variant in found["variants"]:
        for curve in variant["curves"]:
            path = f"corrupted/posed/{variant['name']}/{curve['mode']}/mediapipe_full/fer.parquet"
            for level in curve["levels"]:
                rows = [
                    row
                    for row in parquet.rows(folder / path)
                    if row["severity"] == level["severity"] and truth[row["sample_id"]] in space
                ]
                kept = [row for row in rows if row["state"] != columns.NOT_APPLIED]
                assert (level["n"], level["not_applied"]) == (len(kept), len(rows) - len(kept))
                if not kept:
                    continue
                right = np.mean([row["emotion"] == truth[row["sample_id"]] for row in kept])
                assert level["accuracy"] == pytest.approx(right)
                assert level["coverage"] == pytest.approx(np.mean([row["success"] for row in kept]))
                flipped = np.mean([row["emotion"] != clean[row["sample_id"]] for row in kept])
                assert level["flips"] == pytest.approx(flipped)


def test_tables_figures_and_page_show_it(made):
    folder, *_ = made
    with open(folder / "tables/robustness.csv", encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert {(row["corruption"], row["mode"]) for row in rows} == {
        ("dark", "clean_crop"),
        ("shift", "clean_crop"),
        *((f"size.{way}", mode) for way in ("area", "cubic")
          for mode in ("clean_crop", "detect_again")),
    }  # fmt: skip
    assert {row["limited"] for row in rows} == {"True"}
    with open(folder / "tables/corruption_errors.csv", encoding="utf-8", newline="") as file:
        errors = {row["cell"]: row for row in csv.DictReader(file)}
    assert set(errors) == {"mediapipe_full/fer", "whole/frail"}
    assert (folder / "figures/robustness-posed.svg").stat().st_size > 5000
    page = (folder / "report.html").read_text()
    assert "Where it breaks" in page
    assert "Are the variants told apart?" in page
    assert page.count("<polyline") >= 5
    strip = [*parquet.rows(folder / "examples/posed.corruptions.parquet")]
    assert [(row["corruption"], row["value"]) for row in strip][:3] == [
        (None, "clean"),
        ("dark", "− 0.3"),
        ("dark", "− 0.8"),
    ]
    assert [row["state"] for row in strip if row["value"] == "1000 px"] == ["not_applied"] * 2
