"""One's own videos and pictures: the same numbers as the workflow, and files that others read."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import faceoff
from faceoff import layout
from faceoff.analysis import batch, document, fused, outputs
from faceoff.analysis.pictures import files_of, local
from faceoff.analysis.result import Analysis, frames_schema
from faceoff.cli import app
from faceoff.drawing import clips, scenes
from faceoff.drawing.video import write_video
from faceoff.faces import openface_csv, quality
from faceoff.inference.hardware import DeviceError
from faceoff.plan.job_specs import Plan
from faceoff.stages import frames as frames_stage
from faceoff.stages.detect import write_faces
from faceoff.stages.predict import write_predictions
from faceoff.stages.samples import write_samples
from faceoff.storage import files, parquet

SCRIPTS = layout.PACKAGE.parent
FRAMES = 65  # one more than a batch of the models
SCHEMA = files.read_json(layout.PACKAGE / "analysis" / "schema.json")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip of one person, longer than a batch of the model."""
    path = tmp_path_factory.mktemp("clips") / "happiness" / "talk.mp4"
    path.parent.mkdir()
    drawn = clips.plan("test")[0]
    write_video(path, (image for _, image, _ in islice(clips.frames(drawn), FRAMES)), 25)
    return path


@pytest.fixture(scope="module")
def analyzer() -> "faceoff.Analyzer":
    return faceoff.Analyzer()


@pytest.fixture(scope="module")
def found(analyzer: "faceoff.Analyzer", clip: Path) -> Analysis:
    return analyzer.analyze(clip)


def test_the_same_video_gives_the_workflows_numbers_to_the_bit(
    clip: Path, found: Analysis, tmp_path: Path
) -> None:
    plan = Plan({
        "run": "v",
        "datasets": {"d": {"type": "folder", "path": str(clip.parents[1]), "fps": 0}},
        "detectors": {"mediapipe_short": {}},
        "models": {"faceoff_small": {}},
    })  # fmt: skip
    job = plan.frames_job("d")
    samples, pictures, faces, read = (
        tmp_path / f"{name}.parquet" for name in ("samples", "frames", "faces", "predictions")
    )
    timing = tmp_path / "timing.json"
    write_samples(samples, plan.samples_job("d"))
    frames_stage.write_frames(samples, pictures, job)
    write_faces(pictures, faces, timing, plan.detect_job("d", "mediapipe_short"))
    predict = plan.predict_job("d", "mediapipe_short", "faceoff_small")
    write_predictions(pictures, faces, read, timing, predict)
    boxes, answers = list(parquet.rows(faces)), list(parquet.rows(read))
    ours = found.frames.to_pylist()
    assert len(ours) == len(answers) == FRAMES
    assert sum(row["success"] for row in answers) > 50
    same = ("frame", "face_id", "success", "state", "emotion", "confidence")
    for row, box, answer in zip(ours, boxes, answers, strict=True):
        expected = {name: answer[name] for name in same}
        expected |= {name: answer[name] for name in answer if name.startswith("p_")}
        expected |= {name: box[name] for name in ("x", "y", "w", "h", "score")}
        expected["timestamp"] = answer["timestamp_s"]
        assert {name: row[name] for name in expected} == expected


def test_one_person_is_one_track_and_the_summary_counts_its_frames(found: Analysis) -> None:
    rows = found.frames.to_pylist()
    tracks = {row["track_id"] for row in rows if row["success"]}
    assert tracks == {0}
    person = found.summary["faces"][0]
    assert person["frames"] == sum(row["success"] for row in rows)
    assert sum(person["emotions"].values()) == pytest.approx(1)
    assert found.summary["coverage"] == 1


def test_the_document_follows_its_schema(found: Analysis) -> None:
    told = found.to_json()
    jsonschema.validate(told, SCHEMA)
    assert [frame["frame"] for frame in told["frame_analyses"]] == list(range(FRAMES))
    told["frame_analyses"][0]["frame"] = "first"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, SCHEMA)


def test_start_end_and_every(clip: Path) -> None:
    part = faceoff.analyze(clip, every=5, start_s=1.0, end_s=2.0)
    times = [row["timestamp"] for row in part.frames.to_pylist()]
    assert times == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8, 2.0])


def test_a_rate_above_the_files_own_takes_every_frame_once(clip: Path, tmp_path: Path) -> None:
    fast = faceoff.analyze(clip, fps=60, end_s=0.4)
    whole = faceoff.analyze(clip, end_s=0.4)
    assert len(fast.frames) == 11
    assert fast.frames.to_pylist() == whole.frames.to_pylist()
    outputs.write(fast, tmp_path, ["overlay"])  # takes the same frames again
    for wrong in (-1.0, 1e9, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`fps` 0 to 1000"):
            faceoff.Analyzer(fps=wrong)


def test_arrays_and_iterators_are_read_as_files_are(analyzer: "faceoff.Analyzer") -> None:
    image = scenes.draw(scenes.plan("test")[0])[0]
    alone = analyzer.analyze(image).frames.to_pylist()
    pairs = analyzer.analyze(iter([(0.5, image), (0.6, image)])).frames.to_pylist()
    assert [row["timestamp"] for row in pairs] == [0.5, 0.6]
    assert pairs[0]["confidence"] == alone[0]["confidence"]
    with pytest.raises(ValueError, match="give RGB uint8"):
        analyzer.analyze(image.astype(float))


def test_bytes_and_open_files_are_read_as_the_file_is(
    analyzer: "faceoff.Analyzer", clip: Path, found: Analysis
) -> None:
    with open(clip, "rb") as file:
        opened = analyzer.analyze(file)
    for read in (opened, analyzer.analyze(clip.read_bytes()), analyzer.analyze(bytearray(b"no"))):
        assert read.path is None
        assert read.state == ("unreadable" if read.name == "bytes" and read.reason else "ok")
    assert opened.name == clip.name
    assert opened.table.equals(found.table)
    assert analyzer.analyze(clip.read_bytes()).table.equals(found.table)
    with pytest.raises(ValueError, match="mode 'rb'"):
        analyzer.analyze(io.StringIO("text"))  # type: ignore[arg-type]


UNITS = {"au_06": 1.0, "au_12": 1.0}


def test_addresses_of_files_are_files_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a b#1.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    for given in (path.as_uri(), Path(path.as_uri()), f"file://localhost{path.as_uri()[7:]}"):
        assert local(given) == path
    assert files_of([Path(path.as_uri())]) == [path]
    assert local("talk.mp4") == Path("talk.mp4")
    for other in ("https://example.org/a.mp4", Path("https://example.org/a.mp4"), "file://far/a"):
        with pytest.raises(ValueError, match="only files of this machine"):
            local(other)


def row_of(frame: int, **more: Any) -> dict[str, Any]:
    silent = {"frame": frame, "timestamp": frame / 10, "face_id": -1, "success": 0, "reliable": 0}
    return silent | {"state": "no_face"} | more


@pytest.fixture
def made() -> Analysis:
    """Two moments of a face with action units, valence and arousal, and one without a face."""
    schema = frames_schema(("neutral", "happiness"), ("AU06", "AU12"))
    face = {
        "face_id": 0, "track_id": 0, "success": 1, "state": "ok", "x": 1.0, "y": 2.0, "w": 30.0,
        "h": 40.0, "score": 0.9, "face_size": 40.0, "light": 99.0, "contrast": 30.0,
        "sharpness": 0.1, "reliable": 1, "p_neutral": 0.25, "p_happiness": 0.75,
        "emotion": "happiness",
        "confidence": 0.75, "sentiment": "positive", "valence": 0.5, "arousal": -0.2,
        "au_06": 0.5, "au_12": 3.25,
    }  # fmt: skip
    rows = [row_of(0, **face), row_of(1), row_of(2, **face)]
    about = {
        "detector": "d", "models": ["m"], "fusion": None, "every": 1, "fps": None, "start_s": 0.0,
        "end_s": None, "identities": "off", "people": [], "temporal": None,
        "signals": [], "gaze_frame": None, "calibration": None, "unit_thresholds": UNITS,
        "limits": quality.LIMITS.told(),
    }  # fmt: skip
    table = pa.Table.from_pylist(rows, schema)
    return Analysis("a.mp4", None, table, "ok", "", about, 1.0)


def test_frames_csv_is_read_back_as_openface_writes_it(made: Analysis, tmp_path: Path) -> None:
    outputs.write(made, tmp_path, ["csv"])
    read = openface_csv.read_csv(tmp_path / "frames.csv")
    assert read.frame.tolist() == [1, 2, 3]
    assert read.success.tolist() == [True, False, True]
    assert read.timestamp_s.tolist() == [0.0, 0.1, 0.2]
    assert read.confidence.tolist() == [0.9, 0.0, 0.9]
    assert read.intensity["AU12"].tolist() == [3.25, 0.0, 3.25]


def test_units_have_a_table_in_long_form(made: Analysis, tmp_path: Path) -> None:
    outputs.write(made, tmp_path, ["csv"])
    with open(tmp_path / "action_units.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["frame"], row["timestamp"], row["unit"]) for row in rows] == [
        ("1", "0.0", "AU06"), ("1", "0.0", "AU12"), ("3", "0.2", "AU06"), ("3", "0.2", "AU12"),
    ]  # fmt: skip
    assert list(rows[1].values())[2:] == [
        "0", "0", "AU12", "3.25", "1", "lip corner puller", "marked",
    ]  # fmt: skip


def test_units_quadrant_and_gaps_are_said(made: Analysis) -> None:
    told = made.to_json()
    jsonschema.validate(told, SCHEMA)
    face = told["frame_analyses"][0]["faces"][0]
    assert face["valence_arousal"]["quadrant"] == "positive_deactivated"
    assert face["action_units"]["AU12"] == {
        "score": 3.25, "active": True, "description": "lip corner puller", "intensity": "marked",
    }  # fmt: skip
    assert not face["action_units"]["AU06"]["active"]
    assert told["frame_analyses"][1]["faces"] == []
    assert [moment["accuracy"] for moment in made.timeline()] == [0.75, None, 0.75]
    assert document.quadrant(-0.1, 0.3) == "negative_activated"


def test_several_models_are_fused_over_the_classes_that_they_have() -> None:
    one = {"p_neutral": 0.2, "p_happiness": 0.8, "emotion": "happiness", "valence": 0.5}
    two = {"p_neutral": 0.6, "p_happiness": 0.1, "p_contempt": 0.3, "emotion": "neutral"}
    unread = {"success": 0, "state": "error", "reason": "no"}
    classes = ("neutral", "happiness", "contempt")
    mean = fused.answer([one, unread, two], classes)
    expected = np.array([0.4, 0.45, 0.3]) / 1.15
    assert [mean[f"p_{name}"] for name in classes] == pytest.approx(expected)
    assert (mean["emotion"], mean["valence"]) == ("happiness", 0.5)
    assert fused.answer([one], classes) == one
    assert fused.answer([unread, unread], classes) == unread


def test_bad_files_have_a_reason_and_the_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "empty.mp4").write_bytes(b"")
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "same.png")
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "same.jpg")
    arguments = ["analyze", str(folder), "--out", str(tmp_path / "out"), "--json", "--csv"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3
    assert "empty.mp4: unreadable" in result.output
    assert result.output.count("read by") == 2  # nothing was read of the empty one
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made[0] == "empty"
    assert len(made) == 3  # two files of one stem do not share a folder
    for name in made:
        jsonschema.validate(files.read_json(tmp_path / "out" / name / "analysis.json"), SCHEMA)
    again = CliRunner().invoke(app, arguments)
    assert again.output.count("finished before") == 2


def test_a_folder_is_not_finished_by_what_was_there_before(tmp_path: Path) -> None:
    """Files of other settings, of a call that did not finish, replaced those of the note."""
    source, out = tmp_path / "a.png", tmp_path / "out"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(source)
    settings = {"fps": 5.0}
    outputs.write(faceoff.analyze(source), out, ["json"])
    outputs.finish(source, out, settings)
    assert outputs.is_done(source, out, settings)
    outputs.write(faceoff.analyze(source), out, ["json"])
    assert not outputs.is_done(source, out, settings)
    (out / "done.json").write_text("[]")
    assert not outputs.is_done(source, out, settings)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(path)
    return path


def test_a_folder_never_mixes_two_analyses(made: Analysis, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "overlay.mp4").write_bytes(b"of a call with --overlay")
    outputs.write(made, tmp_path, ["csv", "plot"])
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        "notes.txt", "summary.txt", "frames.csv", "action_units.csv",
        "timeline.svg", "timeline.png", "units.svg", "units.png",
    }  # fmt: skip
    bare = replace(made, table=made.table.slice(0, 0).drop_columns(["au_06", "au_12"]))
    outputs.write(bare, tmp_path, ["json", "csv", "plot"])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"notes.txt", "summary.txt", "frames.csv", "analysis.json", "timeline.json"}


def test_a_page_links_no_overlay_of_an_older_call(tmp_path: Path) -> None:
    source, out = picture(tmp_path / "a.png"), tmp_path / "out"
    out.mkdir()
    (out / "overlay.mp4").write_bytes(b"of a call with --overlay")
    outputs.write(faceoff.analyze(source), out)
    assert "overlay.mp4" not in (out / "analysis.html").read_text("utf-8")


def test_a_folder_of_an_unfinished_analysis_stays_its_files_own(tmp_path: Path) -> None:
    broken, out = tmp_path / "one" / "talk.mp4", tmp_path / "out"
    broken.parent.mkdir()
    broken.write_bytes(b"")
    other = picture(tmp_path / "two" / "talk.png")
    for path in (broken, other):
        CliRunner().invoke(app, ["analyze", str(path), "--out", str(out), "--json"])
    names = sorted(path.name for path in out.iterdir())
    assert len(names) == 2
    assert names[0] == "talk"
    assert names[1].startswith("talk-")
    assert files.read_json(out / "talk" / "analysis.json")["video_metadata"]["name"] == broken.name
    assert outputs.folders_of([broken], out) == {broken: out / "talk"}
    # Nor is a folder taken that somebody else has filled.
    (out / "mine").mkdir()
    (out / "mine" / "summary.txt").write_text("mine")
    mine = picture(tmp_path / "mine.png")
    assert outputs.folders_of([mine], out)[mine].name.startswith("mine-")


def test_an_edited_card_is_analysed_again(tmp_path: Path) -> None:
    name = "faceoff_small"
    card = yaml.safe_load((layout.PACKAGE / "models" / "cards" / f"{name}.yaml").read_text())
    path, source = tmp_path / "mine.yaml", picture(tmp_path / "a.png")
    arguments = ["analyze", str(source), "--model", str(path), "--out", str(tmp_path / "out")]
    said = []
    for activation in ("softmax", "softmax", "none"):
        path.write_text(yaml.safe_dump({**card, "activation": activation}))
        said.append(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert ["finished before" in output for output in said] == [False, True, False], said


def test_results_are_not_read_as_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "in" / "a.png")
    again = ["analyze", ".", "--overlay", "--plot"]
    for out in (["--out", "in"], []):  # beside the sources, and the default
        first = CliRunner().invoke(app, [*again, *out])
        assert first.output.count("files in") == 1, first.output
        second = CliRunner().invoke(app, [*again, *out])
        assert second.output.count("finished before") == 1
        assert "files in" not in second.output
    result = CliRunner().invoke(app, ["analyze", "results"])
    assert result.exit_code == 1
    assert "results of `faceoff analyze` do not count" in result.output


def test_an_out_folder_that_cannot_be_made_is_a_line_before_the_work(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png")
    (tmp_path / "out").write_text("a file")
    for out in ("out", "out/inner"):
        result = CliRunner().invoke(app, ["analyze", str(source), "--out", str(tmp_path / out)])
        assert result.exit_code == 1
        assert result.output.count("\n") == 1
        assert "out" in result.output


@pytest.mark.slow
def test_several_processes_write_the_same_bytes(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2):
        shutil.copy(clip, folder / f"{number}.mp4")
    (folder / "broken.mp4").write_bytes(b"")
    written = {}
    for jobs in ("1", "2"):
        out = tmp_path / f"out{jobs}"
        arguments = ["analyze", str(folder), "--out", str(out), "--jobs", jobs, "--end", "1"]
        done = subprocess.run(
            [sys.executable, "-m", "faceoff", *arguments],
            capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert "broken.mp4: unreadable" in done.stderr
        made = [path for path in sorted(out.rglob("*")) if path.is_file()]
        written[jobs] = {path.relative_to(out): path.read_bytes() for path in made}
    assert len(written["1"]) > 2 * 6
    assert written["1"] == written["2"]


@pytest.mark.slow
def test_an_error_of_several_processes_is_the_line_of_one(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    arguments = ["analyze", str(tmp_path), "--out", str(tmp_path / "out"), "--signals", "l2cs"]
    one = CliRunner().invoke(app, arguments)
    two = CliRunner().invoke(app, [*arguments, "--jobs", "2"])
    assert "signal l2cs: weights missing" in one.output
    assert (two.exit_code, two.output) == (1, one.output)


def processes_below(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture(scope="module")
def long_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips that take many seconds to analyse."""
    folder = tmp_path_factory.mktemp("long")
    image = scenes.draw(scenes.plan("test")[0])[0]
    for name in ("a.mp4", "b.mp4"):
        write_video(folder / name, repeat(image, 1500), 25)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("moment", ["loading", "working"])
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_processes_end_with_the_call(
    number: signal.Signals, status: int, moment: str, long_clips: Path, tmp_path: Path
) -> None:
    """SIGINT goes to all, as Ctrl-C sends it, the others only to the process that was called."""
    out = tmp_path / "out"
    arguments = ["analyze", str(long_clips), "--out", str(out), "--jobs", "2", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "faceoff", *arguments],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        # What a shell runs in the background ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as call:  # fmt: skip
        workers: list[int] = []
        for _ in range(600):
            workers = [pid for pid in processes_below(call.pid) if is_worker(pid)]
            begun = len(list(out.glob("*/source.json"))) == 2 if moment == "working" else True
            if len(workers) == 2 and begun:
                break
            time.sleep(0.1)
        assert len(workers) == 2
        if number == signal.SIGINT:
            os.killpg(call.pid, number)
        else:
            call.send_signal(number)
        assert call.wait(10) == status
        for _ in range(100):
            if not any(map(is_worker, workers)):
                break
            time.sleep(0.1)
        assert not any(map(is_worker, workers))
        assert call.stderr is not None
        said = call.stderr.read()
    assert not list(out.glob("*/done.json"))
    if number != signal.SIGKILL:
        assert "Traceback" not in said
        assert "leaked" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.mp4"], "nowhere.mp4: no such file"),
        ([".", "--detector", "mediapipe_shrt"], "mediapipe_short"),
        ([".", "--model", "faceoff_smal"], "faceoff_small"),
        ([".", "--every", "2", "--fps", "5"], "not both"),
        ([".", "--start", "3", "--end", "1"], "before --start"),
        ([".", "--start", "nan"], "--start nan is no number"),
        ([".", "--end", "nan"], "--end nan is no number"),
        ([".", "--end", "inf"], "--end inf is no number"),
        ([".", "--device", "gpu"], "no device 'gpu': auto, cpu, cuda or cuda:N"),
        (
            [".", "--signals", "sixdrepnet"],
            "signal sixdrepnet: weights missing: give them as options `weights` and `sha256`; "
            "a command cannot give options, a configuration can: signals: {sixdrepnet:",
        ),
        ([".", "--signals", "l2cs"], "signal l2cs: weights missing"),
    ],
)
def test_wrong_arguments_are_a_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save("a.png")
    result = CliRunner().invoke(app, ["analyze", *arguments])
    assert result.exit_code == 1
    assert said in result.output
    assert result.output.count("\n") == 1


def test_the_help_shows_what_can_be_given() -> None:
    said = " ".join(CliRunner().invoke(app, ["analyze", "--help"]).output.split())
    assert "hysteresis" in said
    assert "viterbi" not in said
    assert "default: 0.0" not in said[said.index("--fps") : said.index("--start")]
    for fps in ("1001", "nan", "-1"):
        assert CliRunner().invoke(app, ["analyze", ".", "--fps", fps]).exit_code == 2


def test_a_part_without_a_frame_is_said_and_one_frame_is_one(clip: Path, tmp_path: Path) -> None:
    arguments = ["analyze", str(clip), "--out", str(tmp_path), "--json", "--start"]
    beyond = CliRunner().invoke(app, [*arguments, "100"])
    assert beyond.exit_code == 0
    assert "no frame lies in the part from 100 s to the end" in beyond.output
    between = CliRunner().invoke(app, [*arguments, "0.01", "--end", "0.02"])
    assert "no frame lies in the part from 0.01 s to 0.02 s" in between.output
    one = CliRunner().invoke(app, [*arguments, "0.01", "--end", "0.05"])
    assert "\n1 frame over 0.00 s; a face was read in 1 (100.0%)" in one.output
    assert "face 0: 1 frame from 0.04 to 0.04 s" in one.output
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="no numbers of seconds"):
            faceoff.analyze(clip, start_s=wrong)


def test_a_device_that_is_not_here_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(**options: Any) -> None:
        raise DeviceError("device: cuda is asked for")

    monkeypatch.setattr(batch, "Analyzer", absent)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "a.png")
    result = CliRunner().invoke(app, ["analyze", str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert result.output == "faceoff: device: cuda is asked for\n"


def test_the_package_loads_nothing_before_it_is_asked() -> None:
    code = "import sys, faceoff; print(sorted({'torch', 'scipy', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
