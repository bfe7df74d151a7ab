"""Signals in an analysis: the workflow's numbers, OpenFace's names and frames, blinks, talking."""

import csv
import json
import re
from itertools import islice
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pytest

import faceoff
from faceoff import layout
from faceoff.analysis import outputs, summary
from faceoff.analysis.result import Analysis, frames_schema
from faceoff.drawing import clips
from faceoff.drawing.video import write_video
from faceoff.faces import openface_columns, openface_csv, quality
from faceoff.faces.openface_columns import landmarks_68
from faceoff.plan.job_specs import Plan
from faceoff.stages import frames as frames_stage
from faceoff.stages.detect import write_faces
from faceoff.stages.samples import write_samples
from faceoff.stages.signals import write_signals
from faceoff.statistics import rotations
from faceoff.storage import files, parquet

FRAMES = 20
Z_AWAY = np.diag([1.0, 1.0, -1.0])


def turn(axis: int, angle: float) -> np.ndarray:
    """Return the right-handed rotation (3, 3) about an axis, in radians."""
    one, two = [place for place in range(3) if place != axis]
    found = np.eye(3)
    found[one, one] = found[two, two] = np.cos(angle)
    sign = -1 if axis == 1 else 1
    found[one, two], found[two, one] = -sign * np.sin(angle), sign * np.sin(angle)
    return found


def angles_of(rx: float, ry: float, rz: float) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees of OpenFace's numbers: R = Rx Ry Rz, z away."""
    rotation = Z_AWAY @ turn(0, rx) @ turn(1, ry) @ turn(2, rz) @ Z_AWAY
    yaw, pitch, roll = (float(angle[0]) for angle in rotations.angles(rotation[None]))
    return yaw, pitch, roll


def test_pose_is_said_in_openfaces_frame() -> None:
    right = openface_columns.pose(30, 0, 0)
    assert right == pytest.approx((0, -np.radians(30), 0))
    up = openface_columns.pose(0, 20, 0)
    assert up == pytest.approx((-np.radians(20), 0, 0))
    clockwise = openface_columns.pose(0, 0, 10)
    assert clockwise == pytest.approx((0, 0, np.radians(10)))
    for angles in np.random.default_rng(0).uniform(-50, 50, (20, 3)):
        assert angles_of(*openface_columns.pose(*angles)) == pytest.approx(tuple(angles))


def test_openfaces_own_poses_come_back(data: Path) -> None:
    with open(data / "media" / "OpenFace_Test.csv", encoding="utf-8") as file:
        header, *lines = (line.replace(" ", "").rstrip("\n").split(",") for line in file)
    for line in lines:
        given = [float(line[header.index(name)]) for name in openface_columns.POSE]
        assert openface_columns.pose(*angles_of(*given)) == pytest.approx(given)


def test_gaze_is_a_direction_away_from_the_camera_and_two_angles() -> None:
    assert openface_columns.gaze(0, 0, None) == pytest.approx((0, 0, -1, 0, 0, -1, 0, 0))
    x, y, z, *_, right, down = openface_columns.gaze(20, -10, None)
    assert (np.degrees(right), x > 0) == (pytest.approx(20), True)
    assert np.degrees(down) == pytest.approx(np.degrees(np.arctan2(y, -z)))
    assert down > 0
    # Eyes that look straight ahead look where the head points.
    for yaw, pitch in ((20, 0), (0, -10)):
        turned = openface_columns.gaze(0, 0, (yaw, pitch, 0))
        assert turned == pytest.approx(openface_columns.gaze(yaw, pitch, None))
    level = openface_columns.gaze(20, 0, (0, 0, 90))
    assert level == pytest.approx(openface_columns.gaze(0, -20, None)), "a head that lies"


def test_the_68_landmarks_lie_where_ibugs_lie() -> None:
    """In MediaPipe's numbering: outer corners of the eyes, tip of the nose, mouth, chin."""
    mesh = np.column_stack([np.arange(468.0), np.zeros(468)])
    found = landmarks_68(mesh)[:, 0].astype(int)
    assert len(set(found)) == 68
    assert [found[place] for place in (36, 45, 30, 48, 54, 8)] == [33, 263, 4, 61, 291, 152]
    assert len(landmarks_68(mesh[:5])) == 5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "happiness" / "talk.mp4"
    path.parent.mkdir()
    drawn = clips.frames(clips.plan("test")[0])
    write_video(path, (image for _, image, _ in islice(drawn, FRAMES)), 25)
    return path


@pytest.fixture(scope="module")
def found(clip: Path) -> Analysis:
    return faceoff.analyze(clip, signals=["iris", "mesh"], identities=False)


def test_signals_have_the_workflows_numbers(clip: Path, found: Analysis, tmp_path: Path) -> None:
    plan = Plan({
        "run": "v",
        "datasets": {"d": {"type": "folder", "path": str(clip.parents[1]), "fps": 0}},
        "detectors": {"mediapipe_short": {}},
        "models": {"faceoff_small": {}},
        "signals": {"iris": {}},
        "faces": {"policy": "all"},
    })  # fmt: skip
    samples, pictures, faces, measured = (
        tmp_path / f"{name}.parquet" for name in ("samples", "frames", "faces", "signals")
    )
    timing = tmp_path / "timing.json"
    write_samples(samples, plan.samples_job("d"))
    frames_stage.write_frames(samples, pictures, plan.frames_job("d"))
    write_faces(pictures, faces, timing, plan.detect_job("d", "mediapipe_short"))
    job = plan.signals_job("d", "mediapipe_short", "iris")
    write_signals(pictures, faces, measured, timing, job)
    rows = list(parquet.rows(measured))
    ours = found.frames.to_pylist()
    assert len(ours) == len(rows) == FRAMES
    names = [name for name in rows[0] if name.startswith(("au_", "pose_", "gaze_", "eye", "bl"))]
    assert len(names) > 15
    for row, expected in zip(ours, rows, strict=True):
        assert {name: row[name] for name in names} == {name: expected[name] for name in names}
        points = landmarks_68(np.reshape(expected["landmarks"], (-1, 2)))
        assert np.reshape(row["landmarks"], (-1, 2)) == pytest.approx(points, abs=1e-3)


def test_the_document_and_the_csv_have_what_signals_measure(
    found: Analysis, tmp_path: Path
) -> None:
    told = found.to_json()
    jsonschema.validate(told, files.read_json(layout.PACKAGE / "analysis" / "schema.json"))
    assert told["analysis_metadata"]["signals"] == ["iris", "mesh"]
    assert told["analysis_metadata"]["gaze_frame"] == "head"
    face = told["frame_analyses"][3]["faces"][0]
    row = found.frames.to_pylist()[3]
    assert face["signals"]["pose_yaw"] == row["pose_yaw"]
    assert face["action_units"]["AU12"]["active"] == (row["au_12"] >= 2.0)
    outputs.write(found, tmp_path, ["csv"])
    read = openface_csv.read_csv(tmp_path / "frames.csv")
    assert read.intensity["AU12"][3] == row["au_12"]
    assert read.presence["AU12"][3] == (row["au_12"] >= 2.0)
    assert "AU45" in read.presence
    with open(tmp_path / "frames.csv", newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))[3]
    angles = [float(cells[name]) for name in openface_columns.POSE]
    expected = [row["pose_yaw"], row["pose_pitch"], row["pose_roll"]]
    assert angles_of(*angles) == pytest.approx(expected)
    assert float(cells["x_30"]) == pytest.approx(row["landmarks"][60], abs=0.01)
    assert float(cells["y_30"]) == pytest.approx(row["landmarks"][61], abs=0.01)


def test_when_a_mouth_talks_is_in_every_file(tmp_path: Path) -> None:
    """A drawn person who speaks for a second of three, while an emotion is shown."""
    clip = clips.plan("test", kinds=["talking"])[0]
    drawn = list(clips.frames(clip))
    speaks = np.array([faces[0].talking for _, _, faces in drawn])
    write_video(tmp_path / "speech.mp4", (image for _, image, _ in drawn), clip.fps)
    found = faceoff.analyze(tmp_path / "speech.mp4", signals=["mesh"], identities=False)
    talks = found.table["talking"].to_numpy()
    assert talks[speaks].mean() > 0.6
    assert talks[~speaks].mean() < 0.2
    told = found.to_json()
    jsonschema.validate(told, files.read_json(layout.PACKAGE / "analysis" / "schema.json"))
    measured = [frame["faces"][0]["signals"] for frame in told["frame_analyses"]]
    assert [face["talking"] for face in measured] == talks.tolist()
    assert measured[0]["mouth_openness"] == found.frames.to_pylist()[0]["mouth_openness"]
    for groups in ("faces", "people"):
        assert told["summary_statistics"][groups][0]["talking"] == pytest.approx(talks.mean())
    outputs.write(found, tmp_path / "out", ["csv", "html"])
    assert f"as in speech in {talks.mean():.0%}" in (tmp_path / "out" / "summary.txt").read_text()
    with open(tmp_path / "out" / "frames.csv", newline="", encoding="utf-8") as file:
        assert [int(row["talking"]) for row in csv.DictReader(file)] == talks.tolist()
    page = (tmp_path / "out" / "analysis.html").read_text("utf-8")
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["people"][0]["talking"] == talks.tolist()


def test_a_mouth_that_is_not_told_is_empty_and_without_a_signal_nothing_is_said(
    clip: Path, tmp_path: Path
) -> None:
    found = faceoff.analyze(clip, signals=["mesh"], fps=5, identities=False)
    assert set(found.frames.to_arrow()["talking"].to_pylist()) == {None}
    assert found.summary["people"][0]["talking"] is None
    told = found.to_json()
    jsonschema.validate(told, files.read_json(layout.PACKAGE / "analysis" / "schema.json"))
    assert "talking" not in told["frame_analyses"][0]["faces"][0]["signals"]
    outputs.write(found, tmp_path, ["csv"])
    assert "speech" not in (tmp_path / "summary.txt").read_text()
    with open(tmp_path / "frames.csv", newline="", encoding="utf-8") as file:
        assert {row["talking"] for row in csv.DictReader(file)} == {""}
    plain = faceoff.analyze(clip, fps=5, identities=False)
    assert "talking" not in plain.frames.to_arrow().column_names
    assert "talking" not in plain.summary["people"][0]


def test_openfaces_own_file_comes_back(data: Path, tmp_path: Path) -> None:
    """A file of OpenFace 2 as an analysis, written as frames.csv and read by the reader."""
    given = openface_csv.read_csv(data / "media" / "OpenFace_Test.csv")
    units = {f"au_{name[2:].lower()}": values for name, values in given.intensity.items()}
    schema = frames_schema((), units)
    rows = [
        {
            "frame": int(given.frame[place]) - 1, "timestamp": given.timestamp_s[place],
            "face_id": 0, "success": int(given.success[place]), "reliable": 0, "state": "ok",
            "x": 0.0, "y": 0.0, "w": 1.0, "h": 1.0, "score": given.confidence[place],
            **{name: values[place] for name, values in units.items()},
        }
        for place in range(len(given))
    ]  # fmt: skip
    about = {
        "detector": "d", "models": ["openface"], "fusion": None, "every": 1, "fps": None,
        "start_s": 0.0, "end_s": None, "identities": "off", "people": [], "temporal": None,
        "signals": [], "gaze_frame": None, "calibration": None,
        "unit_thresholds": dict.fromkeys(units, 1.0), "limits": quality.LIMITS.told(),
    }  # fmt: skip
    made = Analysis("a.mp4", None, pa.Table.from_pylist(rows, schema), "ok", "", about, 1.0)
    outputs.write(made, tmp_path, ["csv"])
    read = openface_csv.read_csv(tmp_path / "frames.csv")
    assert len(read) == len(given) == 100
    for name in ("frame", "timestamp_s", "confidence", "success"):
        assert np.array_equal(getattr(read, name), getattr(given, name))
    assert read.intensity.keys() == given.intensity.keys()
    for unit, values in given.intensity.items():
        assert np.array_equal(read.intensity[unit], values)
        assert np.array_equal(read.presence[unit], values >= 1)


def test_blinks_are_short_closures_between_open_eyes() -> None:
    times = np.arange(0, 60, 0.04)
    closed = np.zeros(len(times))
    closed[0:3] = 1  # how long they were closed before is unknown
    closed[100:105] = 1
    closed[200:206] = np.nan
    closed[300:304] = 1
    closed[400:440] = 1  # closed eyes, no blink
    assert summary._blink_rate(times, closed) == pytest.approx(60 * 2 / times[-1], rel=1e-3)
    assert summary._blink_rate(times[::5], closed[::5]) is None
    assert summary._blink_rate(times, np.full(len(times), np.nan)) is None


def test_lids_of_small_faces_are_unknown() -> None:
    rows = pa.table({"face_size": [99.0, 100.0, None], "blink": [1.0, 1.0, 1.0]})
    assert np.isnan(summary._lids(rows)).tolist() == [True, False, True]


def test_a_face_in_which_the_mesh_sees_none_is_not_reliable() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    alone, measured = (
        faceoff.analyze(noise, detector="whole", signals=signals).frames.to_pylist()[0]
        for signals in ((), ("mesh",))
    )
    assert (alone["success"], alone["reliable"]) == (1, 1)
    assert (measured["success"], measured["reliable"]) == (1, 0)
    assert measured["pose_yaw"] is None


def test_signals_that_are_unknown_are_refused_and_models_keep_their_units(clip: Path) -> None:
    with pytest.raises(ValueError, match="irris"):
        faceoff.Analyzer(signals=["irris"])
    both = faceoff.Analyzer(models=["geometry"], signals=["geometry_au"])
    assert set(both.units.values()) == {1.0}
