"""Test failures: the run reports them early or in the report, and retries only what failed."""

import csv
import re
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import runs
from faceoff.results import run_folder

pytestmark = pytest.mark.slow


# A detector that boxes the whole picture; a test puts in the statement that it runs first.
_DETECTOR = """
from faceoff.plugins.protocols import Face

DETECTORS = {"shy": {"class": "Shy", "licence": "MIT", "source": "this test"}}


class Shy:
    def __init__(self, card, assets):
        %s

    def detect(self, images):
        sizes = [(float(image.shape[1]), float(image.shape[0])) for image in images]
        return [[Face(box=(0.0, 0.0, *size), score=1.0)] for size in sizes]
"""


def test_failed_cells_stand_in_the_report_and_only_they_are_tried_again(tmp_path):
    """A model raises, one crashes and a detector raises.

    test_sharding.py shows that mended results are those of a fresh run.
    """
    plugins, folder = tmp_path / "plugins", tmp_path / "run"
    results = folder / "results/small"
    runs.write_plugin(plugins, "raises", on_init="raise RuntimeError('no <b>licence</b> found')")
    runs.write_plugin(
        plugins, "crashes", on_predict="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    )
    (plugins / "shy.py").write_text(_DETECTOR % "raise OSError('camera is covered')")
    config = runs.SMALL | {
        "plugins": [str(plugins)],
        "detectors": {"whole": {}, "shy": {}},
        "fusions": {"soft_mean": {"members": ["whole/*"]}},
    }
    config["models"] = runs.SMALL["models"] | {"raises": {}, "crashes": {}}

    broken = runs.run(folder, config)
    assert broken.returncode != 0
    failed = set(re.findall(r"FAILED posed: ([\w/]+)", broken.stdout))
    assert failed == {
        "whole/raises",
        "whole/crashes",
        *(f"shy/{model}" for model in config["models"]),
        "fusion/soft_mean",
    }
    report = (results / "report.html").read_text()
    for reason in (
        "no &lt;b&gt;licence&lt;/b&gt; found",
        "segmentation fault",
        "camera is covered",
    ):
        assert reason in report
    assert "segmentation fault" in broken.stdout
    assert not (results / "check.ok").exists()
    # The leaderboard has the cells that ran, and names those that failed.
    assert re.search(r"whole × fer +\d+/24", broken.stdout)
    assert re.search(r"posed +shy +fer +.*camera is covered", broken.stdout)
    assert "failed: 7 of 9 cells" in broken.stdout

    runs.write_plugin(plugins, "raises")
    runs.write_plugin(plugins, "crashes")
    (plugins / "shy.py").write_text(_DETECTOR % "pass")
    mended = runs.run(folder, config, "results/small/tables/coverage.csv")
    assert mended.returncode == 0, mended.stdout[-3000:]
    planned = runs.jobs(mended.stdout)
    assert planned["detect"] == 2  # the test and the training faces
    assert planned["train"] == 1
    assert planned["predict"] == 6  # two models on the sound detector, four on the other
    assert planned["score"] == 6
    assert planned["fuse"] == 1
    assert not {"samples", "frames"} & set(planned)
    with open(results / "tables/coverage.csv", newline="", encoding="utf-8") as file:
        assert {row["error"] for row in csv.DictReader(file)} == {"0"}


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(finished, tmp_path):
    """The run is killed twice in the middle of named work, then started again.

    SIGKILL hits the main process alone, then everything; the command stays the same.
    """
    folder = tmp_path / "killed"
    results = folder / "results/small"
    for seen, with_jobs in (
        ("frames/.*.tmp", False),
        ("predictions/*/*/*.parquet", True),
    ):
        process = runs.start(folder, runs.SMALL)
        try:
            runs.until(
                lambda seen=seen, process=process: (
                    list(results.glob(seen)) or process.poll() is not None
                ),
                seen,
            )
        finally:
            status = runs.kill(process, with_jobs)
        assert status == -signal.SIGKILL, f"it had ended before {seen}"
        (unfinished,) = run_folder.lacks(results)
        assert re.match(r"unfinished: \d+ of 35 jobs are done", unfinished)
    done = runs.run(folder, runs.SMALL)
    assert done.returncode == 0, done.stdout[-4000:]
    assert runs.digests(folder) == runs.digests(finished)
    assert not list((folder / "results").rglob(".*.tmp"))


def test_a_second_run_in_the_same_folder_is_refused_and_a_stopped_one_says_one_line(tmp_path):
    folder = tmp_path / "stopped"
    runs.command(folder, runs.SMALL)  # writes its configuration
    process = runs.faceoff_run(folder)
    try:
        runs.until(
            (folder / "results/small/samples").exists,
            "first job, which starts when the lock is held",
        )
        second = runs.run(folder, runs.SMALL)
        assert process.poll() is None, "it ran all the while"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    finally:
        runs.kill(process)
    assert second.returncode != 0
    assert "another run is working in results/small" in second.stdout
    assert process.returncode == 130
    assert said.splitlines()[-1] == "faceoff: stopped; run it again to go on from here"
    assert "Traceback" not in said
    assert "At least one job did not complete" not in said
    assert len(said.splitlines()) < 8


def bad_pictures(root: Path) -> dict[str, str]:
    """Write a folder dataset of awkward files.

    Return the state that each must end in, by sample id, when the whole frame is the face.
    """
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
    picture(
        "moving.gif", Image.fromarray(grey), save_all=True, append_images=[Image.fromarray(grey.T)]
    )
    picture("large.jpg", Image.fromarray(cv2.resize(rgb, (6000, 5000))))
    good = (happy / "plain.png").read_bytes()
    for name, data in {
        "empty.png": b"",
        "truncated.png": good[: len(good) // 2],
        "text.jpg": b"no picture at all",
        "Ünïcode 面 'q\".png": good,
    }.items():
        (happy / name).write_bytes(data)
        expected[f"happiness/{name}"] = "ok" if data == good else "unreadable"
    (root / "trauer ü 悲" / "ok.png").write_bytes(good)
    expected["trauer ü 悲/ok.png"] = "ok"
    return expected


def test_bad_input_gets_a_state_and_a_reason_and_neither_it_nor_a_skipped_cell_ends_a_run(tmp_path):
    runs.write_plugin(tmp_path / "plugins", "licensed")
    path = tmp_path / "plugins/licensed.py"
    path.write_text(
        path.read_text().replace(
            '"licence": "MIT"', '"licence": "MIT", "requires": {"binaries": ["no-such-program"]}'
        )
    )
    expected = bad_pictures(tmp_path / "pictures")
    config = {
        "run": "bad",
        "plugins": [str(tmp_path / "plugins")],
        "datasets": {
            "own": {
                "type": "folder",
                "path": str(tmp_path / "pictures"),
                "label_map": {"trauer ü 悲": "sadness"},
            }
        },
        "detectors": {"whole": {}, "haar": {}, "mediapipe_short": {}},
        "models": {"fer": {}, "geometry": {}, "licensed": {}},
        "figures": {"formats": ["png"], "examples": 1},
    }
    done = runs.run(tmp_path / "run", config)
    assert done.returncode == 0, done.stdout[-3000:]
    results = tmp_path / "run/results/bad"
    predicted = {
        row["sample_id"]: row
        for row in pq.read_table(results / "predictions/own/whole/fer.parquet").to_pylist()
    }
    assert {sample: row["state"] for sample, row in predicted.items()} == expected
    for path in results.glob("predictions/own/*/*.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert row["success"] or row["reason"], (path, row["sample_id"])
        assert pq.read_metadata(path).num_rows == len(expected)
    assert not list(results.glob("predictions/own/*/licensed.parquet"))
    assert "no-such-program" in (results / "report.html").read_text()
    assert shutil.which("no-such-program") is None


def wrong_weights(folder: Path) -> dict:
    """Return a model whose card gives another hash than its file has."""
    card = {
        "name": "mine",
        "file": "wrong.onnx",
        "sha256": "0" * 64,
        "runtime": "onnx",
        "input": {"size": [8, 8]},
        "emotions": ["neutral", "happy"],
    }
    (folder / "wrong.onnx").write_bytes(b"not these bytes")
    (folder / "wrong.yaml").write_text(yaml.safe_dump(card))
    return {"models": {"mine": {"model": str(folder / "wrong.yaml")}}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: {"modles": {}}, ["modles", "did you mean 'models'"]),
        (wrong_weights, ["wrong.onnx", "sha256 is", "remove the file or correct the card"]),
    ],
    ids=["when the configuration is read", "when the run starts"],
)
def test_one_clear_error_before_any_work(tmp_path, change, said):
    """One error of each kind stops the run.

    test_config.py and test_preflight.py of tests/unit test all others, with their words.
    """
    done = runs.run(
        tmp_path / "run",
        runs.SMALL | {"fusions": {}} | change(tmp_path),
        FACEOFF_CACHE=str(tmp_path / "cache"),
    )
    assert done.returncode != 0
    for words in said:
        assert words in done.stdout, done.stdout[-2000:]
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "run/results/small/samples").exists()
