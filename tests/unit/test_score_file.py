"""Posteriors in a file against a frozen task: the same numbers as the run that made them."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.storage import parquet

CONFIG = """
run: t
datasets: {posed: {rungs: [plain], limit: 40}}
detectors: {whole: {}}
models: {fer: {}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration, and the truth of its task in its own order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def truth(folder: Path) -> list[tuple[str, str]]:
    from faceoff.plan.config_files import load
    from faceoff.plan.job_specs import Plan
    from faceoff.stages.samples import write_samples

    write_samples(folder / "s.parquet", Plan(load(folder / "config.yaml")).samples_job("posed"))
    return [(row["sample_id"], row["label"]) for row in parquet.rows(folder / "s.parquet")]


def scored(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["score", *arguments])
    return result.exit_code, result.output


def test_a_third_right_a_third_wrong_a_third_missing(folder: Path) -> None:
    labelled = truth(folder)[:39]
    lines = ["file,hap,neu,rest"]
    expected = 0
    for index, (sample, label) in enumerate(labelled):
        if index % 3 == 2:
            continue
        says = (label == "happiness") if index % 3 == 0 else (label != "happiness")
        lines.append(f"{sample},{0.8 if says else 0.1},{0.1 if says else 0.8},0.1")
        expected += (label == "happiness") if says else (label == "neutral")
    (folder / "p.csv").write_text("\n".join(lines))
    options = [
        "--option",
        "id=file",
        "--option",
        "columns.happiness=hap",
        "--option",
        "columns.neutral=neu",
        "--option",
        "columns.anger=rest",
    ]
    code, said = scored("p.csv", *options, "--output", "out.json")
    assert code == 0, said
    found = json.loads((folder / "out.json").read_text())
    assert found["metrics"]["n_correct"] == expected
    assert found["metrics"]["n_covered"] == 26
    assert found["metrics"]["accuracy"] == expected / 40
    assert f"correct {expected} of 40; without a prediction 14" in said
    assert "limited: not for reporting" in said
    assert np.isfinite(found["intervals"]["accuracy"]).all()


def test_what_goes_wrong(folder: Path) -> None:
    (folder / "p.csv").write_text("sample_id,happy,angry\nnobody,1,0\n")
    assert scored("p.csv")[0] == 1
    assert scored("absent.csv")[0] == 1
    assert scored("p.csv", "--dataset", "other")[0] == 1
    assert scored("p.csv", "--option", "id")[0] == 1
    assert (
        "--option: model 'recorded' has no option 'idd', did you mean 'id'?"
        in scored("p.csv", "--option", "idd=file")[1]
    )
    assert (
        "no dataset 'psoed' in this configuration, did you mean 'posed'?"
        in scored("p.csv", "--dataset", "psoed")[1]
    )
    assert not (folder / "out.json").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["columns=x", "columns.anger=y"],
            "--option columns.anger=y: columns has the value 'x' from another --option",
        ),
        (["id=a", "id=b"], "--option id=b: id has the value 'a' from another --option"),
        (["columns.=x"], "--option columns.=x: expected key=value"),
        (["id=[a"], "--option id=[a: '[a' is no YAML value; quote it"),
        (
            ["id=5"],
            "options.id: expected the name of a column, in quotes where it is a number, not 5",
        ),
        (["time=[t]"], "options.time: expected the name of a column"),
        (["columns=5"], "options.columns: expected a mapping from emotions to columns"),
        (["columns.anger=5"], "options.columns.anger: expected the name of a column"),
        (["tolerance_s=soon"], "options.tolerance_s: expected a number of seconds, not 'soon'"),
        (["normalise=perhaps"], "options.normalise: expected true or false, not 'perhaps'"),
    ],
)
def test_an_option_of_the_wrong_type_is_named_in_a_line(
    folder: Path, options: list[str], says: str
) -> None:
    (folder / "p.csv").write_text("sample_id,happy,angry\nnobody,1,0\n")
    code, said = scored("p.csv", *(part for option in options for part in ("--option", option)))
    assert code == 1
    assert says in said
    assert len(said.splitlines()) == 1


def test_rows_that_name_no_sample_are_counted(folder: Path) -> None:
    known = [f"{sample},1,0" for sample, _ in truth(folder)[:2]]
    (folder / "p.csv").write_text(
        "\n".join(["sample_id,happy,angry", "x,1,0", known[0], "y,1,0", "z,1,0", known[1], "w,1,0"])
    )
    code, said = scored("p.csv", "--output", "out.json")
    assert code == 0, said
    assert "note: 4 rows of the file name no sample, such as 'x', 'y', 'z'" in said
    assert json.loads((folder / "out.json").read_text())["unknown_rows"] == {
        "x": 1,
        "y": 1,
        "z": 1,
        "w": 1,
    }
    (folder / "p.csv").write_text("\n".join(["sample_id,happy,angry", *known]))
    assert "no sample" not in scored("p.csv")[1]


def test_what_the_file_lacks_or_has_too_much_is_said(folder: Path) -> None:
    rows = [f"{sample},0.3,0.3,1" for sample, _ in truth(folder)]
    (folder / "p.csv").write_text("\n".join(["sample_id,happy,angry,extra", *rows]))
    code, said = scored("p.csv")
    text = " ".join(said.split())
    assert code == 1
    assert "p.csv, row 1: the values sum to 0.6, not 1; options.normalise: true" in text
    assert "40 of 40 rows do not sum to one, the first is row 1" in text
    code, said = scored("p.csv", "--option", "normalise=true")
    text = " ".join(said.split())
    assert code == 0
    assert "note: columns of numbers that nothing reads: 'extra'" in text
    assert "note: no column for neutral, sadness, surprise, fear, disgust, contempt" in text


def test_a_class_of_the_datasets_own_is_scored(tmp_path: Path, cases: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "run: calm\ndetectors: {whole: {}}\nmodels: {fer: {}}\ndatasets: {d: {type: table, path: "
        f"{cases}/recorded_calm/t.csv, columns: {{id: id}}, space: [neutral, happiness, calm]}}}}"
    )
    code, said = scored(
        f"{cases}/recorded_calm/p.csv", "--config", str(tmp_path / "c.yaml"), "--option", "id=id"
    )
    assert code == 0, said
    assert "correct 6 of 6" in said
