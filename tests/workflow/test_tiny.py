"""Test runs with almost no data: a handful of pictures, one subject.

Every file is made; a result that cannot be computed is left open.
"""

import csv
import subprocess

import pytest

import runs
from faceoff.drawing import scenes
from faceoff.media.images import encode_png

pytestmark = pytest.mark.slow


def test_three_pictures_and_one_subject(tmp_path):
    """Braces in the title, in paths and in a label map are text, no wildcards of Snakemake."""
    drawn = [scene for scene in scenes.plan("test") if scene.rung == "plain"][:3]
    for scene, label in zip(drawn, ("happiness", "sadness", "sadness"), strict=True):
        folder = tmp_path / "pictures {x}" / f"{label} {{input}}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{scene.sample_id}.png").write_bytes(encode_png(scenes.draw(scene)[0]))
    table = tmp_path / "one.csv"
    pictures = sorted((tmp_path / "pictures {x}").rglob("*.png"))
    labelled = [f"{path},{path.parent.name.split()[0]},ann\n" for path in pictures[:2]]
    table.write_text("path,label,who\n" + "".join(labelled))
    config = {
        "run": "tiny",
        "datasets": {
            "few": {
                "type": "folder",
                "path": str(tmp_path / "pictures {x}"),
                "label_map": {f"{name} {{input}}": name for name in ("happiness", "sadness")},
            },
            "one": {"type": "table", "path": str(table), "columns": {"subject": "who"}},
        },
        "detectors": {"whole": {}, "mediapipe_short": {}},
        "models": {"fer": {}},
        "fusions": {"vote": {}},
        "figures": {"formats": ["png", "png"], "examples": 2},
        "report": {"title": "a {b} {{c}} {wildcards.x} $(d) 'e'"},  # wildcards to Snakemake
    }
    done = runs.run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    with open(
        tmp_path / "run/results/tiny/tables/comparisons.csv", newline="", encoding="utf-8"
    ) as file:
        verdicts = {(row["dataset"], row["verdict"]) for row in csv.DictReader(file)}
    assert ("one", "too few clusters") in verdicts
    assert "few: 1, n = 3" in done.stdout
    assert "one: 1, n = 2" in done.stdout


def test_pictures_without_labels_are_predicted_and_not_scored(tmp_path):
    (tmp_path / "loose").mkdir()
    for scene in [scene for scene in scenes.plan("test") if scene.rung == "plain"][:2]:
        (tmp_path / "loose" / f"{scene.sample_id}.png").write_bytes(
            encode_png(scenes.draw(scene)[0])
        )
    config = {
        "run": "loose",
        "datasets": {
            "loose": {"type": "folder", "path": str(tmp_path / "loose"), "labelled": False}
        },
        "detectors": {"mediapipe_short": {}},
        "models": {"fer": {}, "geometry": {}},
        "fusions": {"vote": {}},
        "figures": {"formats": ["png"], "examples": 2},
    }
    done = runs.run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "predictions only" in (tmp_path / "run/results/loose/report.html").read_text()
    exported = subprocess.run(
        [str(runs.SNAKEMAKE.with_name("faceoff")), "export", "loose", "timeline.csv"],
        cwd=tmp_path / "run",
        capture_output=True,
        text=True,
        check=False,
    )
    assert exported.returncode == 0, exported.stderr
    with open(tmp_path / "run/timeline.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["detector"], row["model"]) for row in rows} == {
        ("mediapipe_short", "fer"),
        ("mediapipe_short", "geometry"),
        ("fusion", "vote"),
    }
    assert len(rows) == 6
    assert all(row["emotion"] and float(row["p_happiness"]) >= 0 for row in rows)
