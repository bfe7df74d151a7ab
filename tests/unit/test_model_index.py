"""The model-index block: the fields that the Hub reads, and stated errors.

The values are those of the score files.
"""

import pytest
import yaml
from report_fixtures import comparison, score, task, without_scores
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.results.model_index import as_yaml, model_index
from faceoff.results.run_comparison.compare import read_run
from faceoff.storage import files


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write results/r with a scored pair and fusion on alpha, and a limited one on beta.

    One pair failed.
    """
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/r"
    files.write_json(folder / "scores/alpha/whole/net.json", score("alpha", "whole", "net"))
    files.write_json(
        folder / "scores/beta/whole/net.json",
        score("beta", "whole", "net", 0.8) | {"task": task("beta", limited=True)},
    )
    files.write_json(
        folder / "scores/alpha/fusion/vote.json", score("alpha", "fusion", "vote", 0.7, "vote")
    )
    files.write_json(
        folder / "scores/alpha/whole/broken.json",
        without_scores("alpha", "whole", "broken", "error", "no licence"),
    )
    files.write_json(folder / "comparisons/alpha.json", comparison("alpha"))
    return read_run("r")


def test_every_dataset_is_a_result_with_its_task_and_metrics(run):
    (index,) = model_index(run, "whole/net", "me/net")
    assert index["name"] == "me/net"
    first, second = index["results"]
    assert first["task"] == {
        "type": "image-classification",
        "name": "Facial expression recognition",
    }
    assert first["dataset"]["revision"] == "f" * 64
    assert first["dataset"]["args"]["n"] == 210
    assert second["dataset"]["name"] == "beta (limited: not for reporting)"
    scored = run.scores["alpha"]["whole/net"]
    metrics = {metric["type"]: metric for metric in first["metrics"]}
    assert {kind: metric["value"] for kind, metric in metrics.items()} == {
        "accuracy": scored["metrics"]["accuracy"],
        "balanced_accuracy": scored["metrics"]["balanced_accuracy"],
        "f1": scored["metrics"]["macro_f1"],
        "coverage": scored["metrics"]["coverage"],
        "covered_accuracy": scored["metrics"]["covered_accuracy"],
        "log_loss": scored["metrics"]["log_loss"],
        "ece": scored["metrics"]["ece"],
    }
    assert metrics["accuracy"]["args"]["interval_95"] == scored["intervals"]["accuracy"]
    assert "interval_95" not in metrics["ece"]["args"]


def test_yaml_is_what_a_model_card_starts_with(run):
    index = model_index(run, "fusion/vote", "vote", ["alpha"])
    assert yaml.safe_load(as_yaml(index)) == {"model-index": index}
    # What huggingface_hub's EvalResult demands of every metric.
    result = index[0]["results"][0]
    assert all(result["dataset"][key] for key in ("type", "name"))
    assert all({"type", "value"} <= metric.keys() for metric in result["metrics"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["whole/ney"], "no cell 'whole/ney', did you mean 'whole/net'"),
        (["whole/net", "--dataset", "alhpa"], "no dataset 'alhpa', did you mean 'alpha'"),
        (["whole/broken"], "alpha: error, no licence"),
        (["fusion/vote", "--dataset", "beta"], "not in these datasets"),
    ],
)
def test_what_goes_wrong(run, arguments, expected):
    result = CliRunner().invoke(app, ["model-index", "r", *arguments])
    assert result.exit_code == 1
    assert expected in result.output


def test_the_command_prints_or_writes(run, tmp_path):
    printed = CliRunner().invoke(app, ["model-index", "r", "whole/net"])
    assert printed.exit_code == 0
    assert (
        CliRunner()
        .invoke(app, ["model-index", "r", "whole/net", "--output", "index.yaml"])
        .exit_code
        == 0
    )
    assert (tmp_path / "index.yaml").read_text() == printed.output


def test_leaderboard_as_csv_and_of_one_dataset(run, tmp_path):
    import csv

    assert (
        CliRunner()
        .invoke(app, ["leaderboard", "r", "--csv", "board.csv", "--dataset", "alpha"])
        .exit_code
        == 0
    )
    with open(tmp_path / "board.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["state"]) for row in rows] == [
        ("vote", "ok"),
        ("net", "ok"),
        ("broken", "error"),
    ]
    assert float(rows[1]["accuracy"]) == run.scores["alpha"]["whole/net"]["metrics"]["accuracy"]
    assert rows[2]["reason"] == "no licence"
    assert rows[2]["accuracy"] == ""
    unknown = CliRunner().invoke(app, ["leaderboard", "r", "--dataset", "gamma"])
    assert unknown.exit_code == 1
    assert "no dataset 'gamma'; valid: alpha, beta" in unknown.output
