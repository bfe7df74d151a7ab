"""The `faceoff` command: what it lists, and that its errors are lines, not tracebacks."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceoff import config
from faceoff.cli import app
from faceoff.drawing import scenes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(monkeypatch):
    """Run a command in a wide terminal and return (exit code, output)."""
    monkeypatch.setattr("faceoff.cli.console.width", 240)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    return run


@pytest.mark.parametrize(
    ("command", "expected"),
    [("detectors", ["whole", "mediapipe_full", "yunet", "haar"]), ("models", ["fer", "pd_best", "geometry"]), ("datasets", ["posed", "ferplus", "folder"])],
)
def test_listings_name_every_plugin(call, command, expected):
    code, output = call(command)
    assert code == 0
    assert all(name in output for name in expected)


def test_a_missing_weight_is_listed_with_how_to_get_it(call, monkeypatch, tmp_path):
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    code, output = call("assets")
    assert code == 0
    assert "yunet_n_640_640.onnx" in output
    assert "github.com/ShiqiYu/libfacedetection.train" in output


def test_config_check_names_the_fault(call, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("run: mine\ndatasets: {posed: {}}\ndetectors: {whol: {}}\nmodels: {fer: {}}\n")
    code, output = call("config", str(path))
    assert code == 1
    assert "did you mean 'whole'" in output
    assert "Traceback" not in output


@pytest.fixture
def few_scenes(monkeypatch):
    """The first of the drawn scenes that detectors are calibrated on: hundreds take a minute."""
    planned = [scene for scene in scenes.plan("train") if scene.rung in scenes.EASY]
    monkeypatch.setattr(scenes, "plan", lambda split: planned[:12])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("calibrate", "yune"), "unknown detector 'yune', did you mean 'yunet'?"),
        (("calibrate", "given"), "given: calibration needs at least 10 matched boxes"),
        (("calibrate", "yunet", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("models", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("detectors", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("datasets", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("assets", "--plugins", "/nonexistent"), "plugins: /nonexistent is not a folder"),
        (("contact-sheet", "sheet.png", "--identity", "test3"), "no drawn person 'test3', did you mean 'test"),
        (("contact-sheet", "sheet.png", "--identity", "test99"), "no drawn person 'test99'"),
        (("contact-sheet", "file/sheet.png", "--identity", "test03"), "File exists: 'file'"),
    ],
)
def test_what_a_command_cannot_do_is_said_in_a_line(call, few_scenes, tmp_path, monkeypatch, command, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    code, output = call(*command)
    assert code == 1
    assert output.startswith("faceoff: ")
    assert says in output
    assert "Traceback" not in output


def test_a_detector_is_calibrated_whatever_its_header_leaves_out(call, few_scenes, tmp_path):
    """A plug-in from outside without threshold, smallest face and options, as a run takes it: boxes half as wide and high as the faces, in their middle."""
    (tmp_path / "mine.py").write_text(
        "from faceoff.protocols import Face\n"
        "from faceoff.drawing import scenes\n"
        'DETECTORS = {"mine": {"class": "Mine"}}\n'
        "class Mine:\n"
        "    def __init__(self, card, assets):\n"
        "        self.options = card['options']\n"
        "        self.scenes = iter(scenes.plan('train'))\n"
        "    def detect(self, images):\n"
        "        x, y, w, h = scenes.draw(next(self.scenes))[1][0].box\n"
        "        return [[Face(box=(x + w / 4, y + h / 4, w / 2, h / 2), score=0.0)]]\n"
    )
    code, output = call("calibrate", "mine", "--plugins", str(tmp_path))
    assert code == 0, output
    assert json.loads(output[output.index("{") :]) == {"calibration": {"dx": 0.0, "dy": 0.0, "sx": 2.0, "sy": 2.0}}


def test_the_committed_config_and_schema_are_what_the_models_generate():
    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    assert schema == json.loads(json.dumps(config.schema()))


def test_leaderboard_of_an_unknown_run(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = call("leaderboard", "nothing")
    assert code == 1
    assert "results/nothing" in output


def test_leaderboard_shows_exact_counts_and_reasons(tmp_path, monkeypatch, capsys):
    from faceoff import leaderboard, tables

    task = {"version": "x@1", "n": 3153, "headline": True, "limited": False}
    score = {
        "dataset": "ferplus", "kind": "cell", "detector": "whole", "model": "pd_best", "state": "ok", "task": task,
        "metrics": {"accuracy": 2764 / 3153, "n_correct": 2764, "n": 3153, "coverage": 1.0, "balanced_accuracy": 0.7, "macro_f1": 0.7},
        "intervals": {"accuracy": [0.86, 0.89]},
    }  # fmt: skip
    failed = {"dataset": "ferplus", "kind": "cell", "detector": "whole", "model": "broken", "state": "error", "reason": "no licence", "task": task}
    flat = score | {"model": "flat", "metrics": score["metrics"] | {"accuracy": 0.9}, "flags": ["collapsed onto one class"], "ranked": False}
    monkeypatch.chdir(tmp_path)
    tables.write_json(Path("results/r/scores/ferplus/whole/flat.json"), flat)
    tables.write_json(Path("results/r/scores/ferplus/whole/pd_best.json"), score)
    tables.write_json(Path("results/r/scores/ferplus/whole/broken.json"), failed)
    leaderboard.show("r")
    shown = capsys.readouterr().out
    assert "2764/3153 = 0.876625" in shown
    assert "n = 3153" in shown
    assert "no licence" in shown
    assert "flat: not ranked, collapsed onto one class" in shown
    assert shown.index("pd_best") < shown.index("flat")


def test_listing_tells_what_is_here_from_what_would_be_downloaded(call, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    _, output = call("models")
    lines = {line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│")}
    assert "yes" in lines["fer"]
    assert "to be downloaded" in lines["pd_best"]
