"""The `faceoff` command: what it lists, and that its errors are lines, not tracebacks."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceoff import config
from faceoff.cli import app

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
    monkeypatch.chdir(tmp_path)
    tables.write_json(Path("results/r/scores/ferplus/whole/pd_best.json"), score)
    tables.write_json(Path("results/r/scores/ferplus/whole/broken.json"), failed)
    leaderboard.show("r")
    shown = capsys.readouterr().out
    assert "2764/3153 = 0.876625" in shown
    assert "n = 3153" in shown
    assert "no licence" in shown


def test_listing_tells_what_is_here_from_what_would_be_downloaded(call, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path))
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    _, output = call("models")
    lines = {line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│")}
    assert "yes" in lines["fer"]
    assert "to be downloaded" in lines["pd_best"]
