"""Steps before the first job: what is missing is named, one run at a time, refusals without
a traceback.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from faceoff.plan import preflight
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan

CARD = {
    "file": "net.onnx",
    "sha256": "0" * 64,
    "runtime": "onnx",
    "input": {"size": [8, 8]},
    "emotions": ["neutral", "happiness"],
}


def plan(changes: dict[str, Any] | None = None) -> Plan:
    return Plan(
        {
            "run": "t",
            "datasets": {"posed": {}},
            "detectors": {"whole": {}, "haar": {}},
            "models": {"fer": {}},
            **(changes or {}),
        }
    )


def test_preflight_names_everything_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "c.yaml").write_text(json.dumps(CARD))
    made = plan(
        {
            "datasets": {"mine": {"type": "folder", "path": str(tmp_path / "nowhere")}},
            "models": {"c": {"model": str(tmp_path / "c.yaml")}},
            "fusions": {},
        }
    )
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(made)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("dataset mine: ")
    assert "nowhere" in lines[0]
    assert "key 'path'" in lines[0]
    assert "net.onnx" in str(caught.value)
    assert "put it at" in str(caught.value)
    assert str(tmp_path / "mirror") in str(caught.value)


def test_a_wrong_row_or_path_stops_the_run_before_its_first_job(tmp_path: Path) -> None:
    table, folder = tmp_path / "t.csv", tmp_path / "faces"
    table.write_text("path,label\na.png,happy\nb.png,hapy\n")
    (folder / "happy").mkdir(parents=True)
    (folder / "happy" / "x.png").write_bytes(b"")
    made = plan(
        {
            "datasets": {
                "rows": {"type": "table", "path": str(table)},
                "paths": {
                    "type": "folder",
                    "path": str(folder),
                    "subject": {"pattern": "s[0-9]"},
                },
            }
        }
    )
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(made)
    assert f"dataset rows: {table}, row 2: label 'hapy' is no known emotion" in str(caught.value)
    assert "dataset paths: 'happy/x.png' does not match" in str(caught.value)


def test_a_space_that_the_dataset_cannot_fill_stops_the_run(tmp_path: Path) -> None:
    """Taken literally, a class without a sample would leave its pictures out, and any model be
    right on those of the other.
    """
    (tmp_path / "happy").mkdir()
    (tmp_path / "angry").mkdir()

    def checked(**keys: Any) -> None:
        preflight.check(
            plan({"datasets": {"mine": {"type": "folder", "path": str(tmp_path), **keys}}})
        )

    checked(space=["Happiness", "anger"])
    with pytest.raises(
        preflight.PreflightError,
        match="dataset mine: no sample can have the class 'hapiness' of `space`, did you mean "
        "'happiness'",
    ):
        checked(space=["hapiness", "anger"])
    with pytest.raises(
        ConfigError, match=r"datasets\.mine\.space: 'happiness' and 'Joy' are one class"
    ):
        checked(space=["happiness", "anger", "Joy"])
    with pytest.raises(
        ConfigError,
        match=r"datasets\.mine: label_map: 'froh': 'Hapiness' is no known emotion, did you mean "
        r"'happiness'",
    ):
        checked(label_map={"froh": "Hapiness"})


def test_with_present_weights_only_the_others_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair stands in the report with its reason.

    Once the file is there, it runs; `faceoff fetch` still wants everything.
    """
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path))
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/c.yaml").write_text(json.dumps(CARD))
    changes = {
        "weights": "present",
        "models": {"c": {"model": str(tmp_path / "cards/c.yaml")}, "fer": {}},
        "fusions": {"all": {}},
    }
    made = plan(changes)
    assert made.skip("haar", "c").startswith("model c: net.onnx is not here (`faceoff fetch`")
    assert made.skip("haar", "fer") is None
    assert {model for _, model in made.fusions["all"][1]} == {"fer"}
    preflight.check(made)
    with pytest.raises(preflight.PreflightError, match=r"net\.onnx"):
        preflight.check(made, every_weight=True)
    (tmp_path / "net.onnx").write_bytes(b"")
    assert plan(changes).skip("haar", "c") is None
    assert plan({**changes, "weights": "fetch"}).skip("haar", "c") is None


def test_second_run_of_the_same_name_is_refused_until_the_first_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    held = preflight.lock(plan())
    with pytest.raises(preflight.PreflightError, match="another run is working in results/t"):
        preflight.lock(plan())
    preflight.lock(plan({"run": "other"})).close()
    held.close()
    preflight.lock(plan()).close()


def test_refusal_prints_lines_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        preflight.stop(lambda: plan({"modles": {}}))
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "faceoff: unknown key 'modles', did you mean 'models'?\n"
    for changes, said in (
        ({"detectors": {"mediapip_full": {}}}, ["mediapip_full", "did you mean 'mediapipe_full'"]),
        ({"faces": {"policy": "biggest"}}, ["faces.policy", "'biggest'", "largest"]),
    ):
        with pytest.raises(SystemExit):
            preflight.stop(lambda changes=changes: plan(changes))
        printed = capsys.readouterr().err
        assert all(words in printed for words in said), printed
    assert preflight.stop(lambda: 5) == 5
