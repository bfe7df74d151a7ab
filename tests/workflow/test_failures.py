"""What goes wrong is said before work starts, or stands in the report; and it is tried again, alone."""

import copy
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import runs

pytestmark = pytest.mark.slow

# Nothing is asked of the figures of these runs.
PLAIN = runs.SMALL | {"figures": {"formats": ["svg"], "examples": 1}}


def with_scratch_models(plugins: Path) -> dict:
    config = copy.deepcopy(PLAIN)
    config["plugins"] = [str(plugins)]
    config["datasets"] = {"posed": {"rungs": ["plain"], "limit": 16}}
    config["detectors"] = {"whole": {}, "haar": {}}
    config["models"] = {"fer": {}, "raises": {}, "crashes": {}}
    config["fusions"] = {"soft_mean": {"members": ["whole/*"]}}
    return config


def test_failed_cells_stand_in_the_report_and_only_they_are_tried_again(tmp_path):
    plugins, folder, fresh = tmp_path / "plugins", tmp_path / "run", tmp_path / "fresh"
    runs.write_plugin(plugins, "raises", on_init="raise RuntimeError('no <b>licence</b> found')")
    runs.write_plugin(plugins, "crashes", on_predict="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    config = with_scratch_models(plugins)

    broken = runs.run(folder, config)
    assert broken.returncode != 0
    assert "FAILED posed: whole/raises" in broken.stdout
    assert "segmentation fault" in broken.stdout
    report = (folder / "results/small/report.html").read_text()
    assert "no &lt;b&gt;licence&lt;/b&gt; found" in report
    assert "segmentation fault" in report
    assert not (folder / "results/small/check.ok").exists()

    runs.write_plugin(plugins, "raises")
    runs.write_plugin(plugins, "crashes")
    planned = runs.jobs(runs.run(folder, config, "--dry-run").stdout)
    assert planned["predict"] == 4  # two models on two detectors
    assert planned["score"] == 4
    assert planned["fuse"] == 1
    assert not {"samples", "frames", "detect"} & set(planned)

    mended = runs.run(folder, config)
    assert mended.returncode == 0, mended.stdout[-3000:]
    assert runs.run(fresh, config).returncode == 0
    assert runs.digests(folder) == runs.digests(fresh)


def test_a_failing_detector_fails_its_cells_and_no_others(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "shy.py").write_text(
        'DETECTORS = {"shy": {"class": "Shy", "licence": "MIT", "source": "this test"}}\n\n\n'
        "class Shy:\n    def __init__(self, card, assets):\n        raise OSError('camera is covered')\n"
    )
    config = copy.deepcopy(PLAIN) | {"plugins": [str(plugins)], "detectors": {"whole": {}, "shy": {}}}
    config["fusions"] = {}
    done = runs.run(tmp_path / "run", config)
    assert done.returncode != 0
    assert "FAILED posed: shy/fer" in done.stdout
    assert "FAILED posed: shy/landmarks_lr" in done.stdout
    assert "FAILED posed: whole" not in done.stdout
    assert "camera is covered" in (tmp_path / "run/results/small/report.html").read_text()
    planned = runs.jobs(runs.run(tmp_path / "run", config, "--dry-run").stdout)
    assert planned["detect"] == 2  # the test and the training faces
    assert planned["train"] == 1
    assert planned["predict"] == 2


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(finished, tmp_path):
    """Five SIGKILLs, of everything or of the main process alone, at moments spread over the run; then the same plain command."""
    folder = tmp_path / "killed"
    random = np.random.default_rng(20_260)
    for attempt in range(5):
        process = subprocess.Popen(
            runs.command(folder, runs.SMALL), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=runs.environment(), start_new_session=True
        )
        time.sleep(2.0 + 2.5 * attempt * random.uniform(0.6, 1.4))
        if attempt % 2:
            process.kill()
        else:
            subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        assert process.wait() in (0, -signal.SIGKILL)
    done = runs.run(folder, runs.SMALL)
    assert done.returncode == 0, done.stdout[-4000:]
    assert runs.digests(folder) == runs.digests(finished)
    assert not list((folder / "results").rglob(".*.tmp"))


def test_a_second_run_in_the_same_folder_is_refused(finished, tmp_path):
    folder = tmp_path / "locked"
    first = subprocess.Popen(
        runs.command(folder, runs.SMALL), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=runs.environment(), start_new_session=True
    )
    try:
        for _ in range(300):
            if (folder / "results/small/.lock").exists():
                break
            time.sleep(0.1)
        second = runs.run(folder, runs.SMALL)
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(first.pid)], check=False)
        first.wait()
    assert second.returncode != 0
    assert "another run is working in results/small" in second.stdout


def bad_pictures(root: Path) -> dict[str, str]:
    """A folder dataset of awkward files; returns the state that each must end in, by sample id, when the whole frame is the face."""
    happy = root / "happiness"
    (root / "trauer ü 悲").mkdir(parents=True)
    happy.mkdir()
    grey = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    rgb = np.dstack([grey, grey.T, grey])
    expected: dict[str, str] = {}

    def picture(name: str, image: Image.Image, state: str = "ok", **options) -> None:
        image.save(happy / name, **options)
        expected[f"happiness/{name}"] = state

    picture("plain.png", Image.fromarray(rgb))
    picture("one pixel.png", Image.fromarray(rgb[:1, :1]))
    picture("grey.jpg", Image.fromarray(grey))
    picture("sixteen bits.png", Image.fromarray(grey.astype(np.uint16) * 256))
    picture("see-through.png", Image.fromarray(np.dstack([rgb, grey])))
    picture("cmyk.jpg", Image.fromarray(rgb).convert("CMYK"))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture("rotated.jpg", Image.fromarray(rgb), exif=exif)
    picture("moving.gif", Image.fromarray(grey), save_all=True, append_images=[Image.fromarray(grey.T)])
    picture("large.jpg", Image.fromarray(cv2.resize(rgb, (6000, 5000))))
    good = (happy / "plain.png").read_bytes()
    for name, data in {"empty.png": b"", "truncated.png": good[: len(good) // 2], "text.jpg": b"no picture at all", "Ünïcode 面 'q\".png": good}.items():
        (happy / name).write_bytes(data)
        expected[f"happiness/{name}"] = "ok" if data == good else "unreadable"
    (root / "trauer ü 悲" / "ok.png").write_bytes(good)
    expected["trauer ü 悲/ok.png"] = "ok"
    return expected


def test_bad_input_gets_a_state_and_a_reason_and_ends_no_run(tmp_path):
    expected = bad_pictures(tmp_path / "pictures")
    config = {
        "run": "bad",
        "datasets": {"own": {"type": "folder", "path": str(tmp_path / "pictures"), "label_map": {"trauer ü 悲": "sadness"}}},
        "detectors": {"whole": {}, "haar": {}, "mediapipe_short": {}},
        "models": {"fer": {}, "geometry": {}},
        "figures": {"formats": ["png"], "examples": 1},
    }
    done = runs.run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    results = tmp_path / "run/results/bad"
    predicted = {row["sample_id"]: row for row in pq.read_table(results / "predictions/own/whole/fer.parquet").to_pylist()}
    assert {sample: row["state"] for sample, row in predicted.items()} == expected
    for path in results.glob("predictions/own/*/*.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert row["success"] or row["reason"], (path, row["sample_id"])
        assert pq.read_metadata(path).num_rows == len(expected)


def problem(config: dict, key: str, value: object) -> dict:
    changed = copy.deepcopy(config)
    target = changed
    *parents, last = key.split(".")
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value
    return changed


CARD = """name: mine
file: {file}
sha256: {digest}
runtime: onnx
input: {{size: [8, 8]}}
emotions: [neutral, happy]
"""


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("modles", {}, ["modles", "did you mean 'models'"]),
        ("datasets.posed.rungz", ["plain"], ["datasets.posed.rungz", "did you mean 'rungs'"]),
        ("detectors.mediapip_full", {}, ["mediapip_full", "did you mean 'mediapipe_full'"]),
        ("faces.policy", "biggest", ["faces.policy", "'biggest'", "largest"]),
        ("models.landmarks_lr.train", "posed-tran", ["posed-tran", "did you mean 'posed-train'"]),
        ("datasets.own", {"type": "folder", "path": "/no/such/folder"}, ["dataset own", "/no/such/folder", "path"]),
        ("datasets.own", {"type": "folder", "path": "${NO_SUCH_VARIABLE}/x"}, ["datasets.own.path", "NO_SUCH_VARIABLE is not set"]),
        ("models.mine", {"model": "CARD_ABSENT"}, ["absent.onnx", "put it at"]),
        ("models.mine", {"model": "CARD_WRONG"}, ["wrong.onnx", "sha256 is", "remove the file or correct the card"]),
    ],
)
def test_one_clear_error_before_any_work(tmp_path, key, value, said):
    (tmp_path / "wrong.onnx").write_bytes(b"not these bytes")
    for name in ("absent", "wrong"):
        (tmp_path / f"{name}.yaml").write_text(CARD.format(file=f"{name}.onnx", digest="0" * 64))
    if isinstance(value, dict) and str(value.get("model", "")).startswith("CARD_"):
        value = {"model": str(tmp_path / f"{value['model'].removeprefix('CARD_').lower()}.yaml")}
    done = runs.run(tmp_path / "run", problem(runs.SMALL, key, value), FACEOFF_CACHE=str(tmp_path / "cache"))
    assert done.returncode != 0
    for words in said:
        assert words in done.stdout, done.stdout[-2000:]
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "run/results/small/samples").exists()


def test_a_skipped_cell_is_no_failure(tmp_path):
    plugins = tmp_path / "plugins"
    runs.write_plugin(plugins, "licensed")
    path = plugins / "licensed.py"
    path.write_text(path.read_text().replace('"licence": "MIT"', '"licence": "MIT", "requires": {"binaries": ["no-such-program"]}'))
    config = copy.deepcopy(PLAIN) | {"plugins": [str(plugins)], "detectors": {"whole": {}}, "models": {"fer": {}, "licensed": {}}, "fusions": {}}
    config["datasets"] = {"posed": {"rungs": ["plain"], "limit": 8}}
    done = runs.run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "no-such-program" in (tmp_path / "run/results/small/report.html").read_text()
    assert shutil.which("no-such-program") is None
