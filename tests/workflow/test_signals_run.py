"""Measure faces in a whole run: pictures in shards and clips, beside signals that fail or skip."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runs
from faceoff.faces import signal_rows
from faceoff.faces.face_crops import crop_of_each, framed
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob
from faceoff.storage import files, parquet

pytest.importorskip("mediapipe")
pytestmark = pytest.mark.slow

_BROKEN = """
from faceoff.plugins.protocols import CropSpec

SIGNALS = {
    "broken": {"class": "Broken", "licence": "MIT"},
    "absent": {"class": "Broken", "licence": "MIT", "requires": {"modules": ["no_such_module"]}},
}


class Broken:
    \"\"\"Fail on every crop.\"\"\"

    crop = CropSpec(size=(16, 16))
    columns = ("age",)

    def __init__(self, card, assets):
        pass

    def read(self, crops):
        raise RuntimeError("it never works")
"""


def _configuration(plugins: Path) -> dict[str, Any]:
    return {
        "run": "signals",
        "plugins": [str(plugins)],
        "datasets": {
            "posed": {"rungs": ["plain", "multi", "empty"], "limit": 30, "shards": 2},
            "posed_video": {"kinds": ["single"], "limit": 1, "fps": 8},
        },
        "detectors": {"mediapipe_short": {}, "whole": {}},
        "models": {"faceoff_small": {"detectors": ["mediapipe_short"]}},
        "signals": {
            "eyes": {"signal": "iris", "detectors": ["mediapipe_*"]},
            "broken": {"detectors": ["mediapipe_short"]},
            "absent": {"detectors": ["mediapipe_short"]},
        },
        "figures": {"formats": ["svg"], "examples": 1},
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose signal `broken` fails."""
    folder = tmp_path_factory.mktemp("signals")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "broken.py").write_text(_BROKEN, encoding="utf-8")
    done = runs.run(folder / "run", _configuration(folder / "plugins"))
    assert done.returncode != 0
    told = "FAILED posed: mediapipe_short/broken (signal): RuntimeError: it never works"
    assert told in done.stdout
    return folder / "run/results/signals"


def test_every_face_row_has_its_row(run: Path) -> None:
    for dataset in ("posed", "posed_video"):
        faces = list(parquet.rows(run / f"faces/{dataset}/mediapipe_short.parquet"))
        found = list(parquet.rows(run / f"signals/{dataset}/mediapipe_short/eyes.parquet"))
        key = ("sample_id", "frame", "face_id")
        assert [[row[k] for k in key] for row in found] == [[row[k] for k in key] for row in faces]
        for row, face in zip(found, faces, strict=True):
            assert row["success"] <= face["success"]
            if row["success"]:
                points = np.reshape(row["landmarks"], (468, 2))
                middle = points.mean(axis=0) - (face["x"] + face["w"] / 2, face["y"])
                assert abs(middle[0]) < face["w"]
                assert 0 < middle[1] < 1.5 * face["h"]
            elif not face["success"]:
                assert (row["state"], row["landmarks"]) == ("no_face", None)
        assert sum(row["success"] for row in found) > 5


def test_a_crop_in_memory_gives_the_same_bits(run: Path) -> None:
    """Compare what `faceoff analyze` calls with what the rule calls."""
    plugin, detector = registry.get("signal", "iris"), registry.get("detector", "mediapipe_short")
    signal = load_plugin(plugin.job(), Clock())
    job = CropJob(policy="all", calibration=detector.card["calibration"])
    frames, faces, table = (
        run / path
        for path in (
            "frames/posed_video.parquet",
            "faces/posed_video/mediapipe_short.parquet",
            "signals/posed_video/mediapipe_short/eyes.parquet",
        )
    )
    known = [row for row in parquet.rows(table) if row["success"]]
    again = [
        (signal_rows.measurer(signal)([pixels])[0], face, frame)
        for frame, rows in framed(frames, faces)
        for face, pixels in crop_of_each(frame, rows, signal.crop, job)
        if pixels is not None
    ]
    assert len(known) == len(again) > 5
    for row, (measured, face, frame) in zip(known, again, strict=True):
        placed = signal_rows.placed(measured, face, frame, signal.crop, job)
        points = np.float32(placed.pop("landmarks")).tolist()
        assert {name: row[name] for name in placed} == placed
        assert row["landmarks"] == points


def test_the_landmarks_lie_on_the_true_face(run: Path) -> None:
    """The mesh's tip of the nose is that of the drawing, in pixels of the frame."""
    truth = {
        row["sample_id"]: row
        for row in parquet.rows(run / "true_faces/posed.parquet")
        if row["face"] == 0
    }
    off = []
    for row in parquet.rows(run / "signals/posed/mediapipe_short/eyes.parquet"):
        if row["success"] and row["face_id"] == 0 and row["sample_id"] in truth:
            face = truth[row["sample_id"]]
            mouth = np.reshape(row["landmarks"], (468, 2))[[61, 291]].mean(axis=0)
            expected = (face["x"] + face["w"] / 2, face["y"] + 0.8 * face["h"])
            off.append(np.abs(mouth - expected).max() / face["h"])
    assert len(off) > 5
    assert np.median(off) < 0.1


def test_the_truth_lists_every_face_and_none_in_empty_scenes(run: Path) -> None:
    samples = {row["sample_id"]: row for row in parquet.rows(run / "samples/posed.parquet")}
    faces = list(parquet.rows(run / "true_faces/posed.parquet"))
    counts = {name: int(dict(row["groups"])["n_faces"]) for name, row in samples.items()}
    assert {name: sum(f["sample_id"] == name for f in faces) for name in counts} == counts
    assert 0 in counts.values()
    assert max(counts.values()) > 1
    first = next(face for face in faces if face["face"] == 0)
    assert [first[side] for side in "xywh"] == samples[first["sample_id"]]["boxes"][0]


def test_scores_say_what_was_measured_failed_and_skipped(run: Path) -> None:
    folder = run / "scores/posed/signals/mediapipe_short"
    found = files.read_json(folder / "eyes.json")
    assert found["state"] == "ok"
    assert {"action_units", "macro", "pose", "gaze"} <= set(found)
    assert found["gaze"]["frame"] == "head"
    assert found["pose"]["n"] == found["action_units"]["AU01"]["n"]
    video = files.read_json(run / "scores/posed_video/signals/mediapipe_short/eyes.json")
    assert "blink" in video
    skipped = files.read_json(folder / "absent.json")
    assert skipped["state"] == "skipped"
    assert "'no_such_module' is not installed" in skipped["reason"]
    assert not (folder / "broken.json").exists(), "the next run tries it again"
    assert not (run / "signals/posed/mediapipe_short/broken.parquet").exists()
    assert not (folder.parent / "whole").exists(), "it was not asked for"


def test_the_table_has_a_row_per_unit_and_angle(run: Path) -> None:
    with open(run / "tables/signals.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["signal"] for row in rows} == {"eyes"}
    assert {"AU12", "pose", "gaze"} <= {row["what"] for row in rows if row["dataset"] == "posed"}
    assert "blink" in {row["what"] for row in rows if row["dataset"] == "posed_video"}
