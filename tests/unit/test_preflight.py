"""Steps before the first job: what is missing is named, one run at a time, refusals without
a traceback.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from faceoff.layout import Layout
from faceoff.plan import preflight, run_state
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.results import run_folder
from faceoff.storage import columns, files, parquet

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


ABSENT = (
    'MODELS = {"absent": {"class": "A", "framework": "torch", "lineage": "x",\n'
    ' "requires": {"modules": ["no_such_module"]}}}\n'
)


def test_a_run_in_which_nothing_can_run_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "absent.py").write_text(ABSENT)
    added = {"plugins": [str(tmp_path)], "fusions": {}}
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(plan({**added, "models": {"absent": {}}}))
    assert str(caught.value).splitlines() == [
        "no pair of detector and model can run here:",
        "  model absent: python package 'no_such_module' is not installed: `make full` installs it "
        "and .venv-full/bin/faceoff then runs, or run with --use-conda",
    ]
    preflight.check(plan({**added, "models": {"absent": {}, "fer": {}}}))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "weights missing: give them as options `weights` and `sha256`"),
        ({"weights": "w.pth"}, "give its sha256 too"),
        ({"weights": "w.pth", "sha256": "0" * 64}, "sha256 is 9f"),
        ({"weights": "none.pth", "sha256": "0" * 64}, "none.pth is not there"),
    ],
)
def test_weights_that_nothing_verifies_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.pth").write_bytes(b"test")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/given.py").write_text(
        'MODELS = {"given": {"class": "G", "lineage": "g",\n'
        ' "options": {"weights": None, "sha256": None}}}\n'
    )
    models = {"given": {"options": options}, "fer": {}}
    made = plan({"plugins": ["plugins"], "models": models})
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(made, download=False)
    assert str(caught.value).startswith("model given: ")
    assert says in str(caught.value)
    if not options:  # a run on what is there makes do without
        made = plan({"plugins": ["plugins"], "models": models, "weights": "present"})
        preflight.check(made)
        assert "weights missing" in str(made.skip("whole", "given"))


def test_wrong_weights_that_are_present_are_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.onnx").write_bytes(b"other bytes")
    (tmp_path / "c.yaml").write_text(json.dumps(CARD))
    models = {"c": {"model": str(tmp_path / "c.yaml")}, "fer": {}}
    with pytest.raises(preflight.PreflightError, match="remove the file or correct the card"):
        preflight.check(plan({"models": models, "weights": "present"}))


def test_columns_of_recorded_predictions_are_looked_at_first(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,anger\na,1\n")
    options = {"path": str(tmp_path / "p.csv"), "id": "name"}
    with pytest.raises(preflight.PreflightError, match=r"models\.recorded: .*no column 'name'"):
        preflight.check(plan({"models": {"recorded": {"options": options}}}))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return the plan of a run whose files are all there, as if it had just ended well."""
    monkeypatch.chdir(tmp_path)
    finished = plan()
    for path in map(Path, finished.files()):
        if path.suffix == ".parquet":
            row = {"sample_id": path.stem, "frame": 0, "state": columns.OK}
            parquet.write_rows(path, columns.FRAMES, [row])
        elif path.suffix == ".json":
            files.write_json(path, {"path": str(path)})
        else:
            files.write_text(path, str(path))
    Path(finished.layout.lock).touch()
    run_state.end(finished)
    return finished


DAMAGE = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "a bit turned": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "more behind": lambda content: content + b" ",
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_every_damaged_file_is_removed_and_no_other(made: Plan, harm: Any) -> None:
    """Snakemake then makes it again. A file that was only copied or touched is sound."""
    assert run_state.remove_damaged(made) == []
    for path in map(Path, made.files()):
        os.utime(path)
        assert run_state.remove_damaged(made) == [], "only touched"
        path.write_bytes(harm(path.read_bytes()))
        assert run_state.remove_damaged(made) == [str(path)]
        assert not path.exists()


def test_without_a_checksum_a_file_must_be_what_its_suffix_says(made: Plan) -> None:
    """A killed run left no checksums; a frames table that names shards stays when they are gone."""
    Path(made.layout.checksums).unlink()
    assert run_state.remove_damaged(made) == []
    harmed = [made.layout.samples("posed"), made.layout.manifest, made.layout.report]
    for path in harmed:
        Path(path).write_bytes(Path(path).read_bytes()[: 0 if path.endswith("html") else -9])
    assert sorted(run_state.remove_damaged(made)) == sorted(harmed)


def test_a_run_that_stops_says_how_far_it_came(made: Plan) -> None:
    layout, folder = made.layout, Path(made.layout.folder)
    assert run_folder.lacks(folder) == []
    score, table = layout.score("posed", "haar", "fer"), layout.table("accuracy", "csv")
    run_state.begin(made, 26, [[score], [table], [layout.check]])
    assert not Path(layout.check).exists()
    assert run_folder.lacks(folder) == ["unfinished: 23 of 26 jobs are done; run it again to go on"]
    files.write_text(score, "made in this run")
    assert run_folder.lacks(folder) == ["unfinished: 24 of 26 jobs are done; run it again to go on"]
    assert run_state.remove_damaged(made) == [score], "it is no JSON"
    files.write_json(score, {})
    assert run_state.remove_damaged(made) == [], "its old checksum does not count"
    for path in (table, layout.check):
        files.write_text(path, "made")
    run_state.end(made)
    assert run_folder.lacks(folder) == []


def test_a_part_of_a_finished_run_leaves_it_finished(made: Plan) -> None:
    path = made.layout.table("accuracy", "csv")
    run_state.begin(made, 1, [[path]])
    files.write_text(path, "other")
    assert run_folder.lacks(Path(made.layout.folder)) == []
    assert run_state.remove_damaged(made) == []


def test_what_is_gone_from_a_finished_run_is_named(made: Plan) -> None:
    layout, folder = made.layout, Path(made.layout.folder)
    Path(layout.score("posed", "haar", "fer")).unlink()
    Path(layout.predictions("posed", "whole", "fer")).unlink()
    score = layout.score("posed", "haar", "fer")
    gone = f"missing: {score}; run it again, which makes this file again"
    assert run_folder.lacks(folder, layout.score("*", "*", "*")) == [gone]
    assert [line.split(";")[0] for line in run_folder.lacks_votes(folder)] == [
        f"missing: {layout.predictions('posed', 'whole', 'fer')}"
    ]
    moved = folder.rename("elsewhere")
    assert (
        "missing: elsewhere/scores"
        in run_folder.lacks(moved, Layout("elsewhere").score("*", "*", "*"))[0]
    )


def test_a_run_asks_for_every_file_that_a_user_reads(made: Plan) -> None:
    """All but what its jobs alone read: frames and examples (pictures of people), shards."""
    layout = made.layout
    rest = {layout.frames("posed"), layout.examples("posed")}
    assert set(made.files()) - set(made.products()) == rest
    for path in (layout.report, layout.captions, layout.figure("heatmap-posed.svg")):
        assert path in made.products()


@pytest.mark.parametrize("place", ["results", "results/t", "results/t/scores"])
def test_a_file_in_the_place_of_a_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).touch()
    with pytest.raises(preflight.PreflightError, match=f"^{place} is a file, where the run needs"):
        preflight.lock(plan())


def test_folders_that_the_environment_names_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEOFF_MIRROR", "nowhere")
    monkeypatch.delenv("FACEOFF_DATA", raising=False)
    made = plan({"datasets": {"f": {"type": "folder", "path": "${FACEOFF_DATA}/f"}}})
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(made)
    lines = str(caught.value).splitlines()
    assert lines[1] == "FACEOFF_MIRROR=nowhere is no folder"
    assert lines[0].endswith("; FACEOFF_DATA is not set: set it to the folder with your datasets")


def test_a_rule_over_time_that_the_classes_do_not_allow_stops_the_run() -> None:
    clips = {"type": "posed_video", "space": "basic6"}
    told = {"rule": "dynamic_threshold", "of": ["whole/*"]}
    made = plan({"datasets": {"clips": clips, "posed": {}}, "temporal": {"calm": told}})
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.check(made)
    assert str(caught.value).splitlines() == [
        "temporal: the rule dynamic_threshold needs the class neutral, which clips is not scored "
        "among; name the datasets that it reads in its `datasets`"
    ]
    elsewhere = {"calm": {**told, "datasets": ["posed"]}, "smooth": {"datasets": ["clips"]}}
    preflight.check(plan({"datasets": {"clips": clips, "posed": {}}, "temporal": elsewhere}))


def test_constants_are_chosen_among_the_classes_that_are_scored() -> None:
    datasets = {
        "clips": {"type": "posed_video", "validation": "valid"},
        "valid": {"type": "posed_video", "split": "valid", "role": "validation", "space": "basic7"},
    }
    with pytest.raises(preflight.PreflightError, match="give both the same `space`"):
        preflight.check(plan({"datasets": datasets, "temporal": {"smooth": {}}}))
    preflight.check(plan({"datasets": datasets}))
