"""`faceoff init` writes a configuration that runs; `faceoff run` calls Snakemake with it."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from rich.console import Console
from snakemake_interface_logger_plugins.common import LogEvent
from typer.testing import CliRunner

from faceoff import layout
from faceoff.cli import app
from faceoff.commands import run, run_progress
from faceoff.plan.job_specs import Plan
from faceoff.progress import Work


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two classes and one of another name.

    The current folder is its parent.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("joy/a.png", "anger/b.JPG", "Holiday photos/c.png", "anger/notes.txt"):
        path = tmp_path / "My pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("a note")
        else:
            Image.new("RGB", (40, 40)).save(path, format="PNG")
    return tmp_path / "My pictures"


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_a_folder_with_labels(pictures: Path, tmp_path: Path) -> None:
    code, said = call("init", "My pictures", "--model", "fer", "--detector", "whole")
    assert code == 0, said
    assert "3 pictures and 0 clips, labelled by their folders; 1 detectors x 1 models" in said
    text = (tmp_path / "faceoff.yaml").read_text()
    assert text.count("#") >= 6, "it explains itself"
    raw = yaml.safe_load(text)
    assert raw["run"] == "my-pictures"
    assert raw["datasets"]["my-pictures"]["label_map"] == {"Holiday photos": None}
    plan = Plan(raw)
    labels = {sample.sample_id: sample.label for sample in plan.open("my-pictures").samples()}
    assert labels["joy/a.png"] == "happiness"
    assert labels["Holiday photos/c.png"] is None


def test_a_folder_without_labels(pictures: Path, tmp_path: Path) -> None:
    code, said = call("init", "My pictures", "--unlabelled", "--name", "mine", "--output", "m.yaml")
    assert code == 0, said
    raw = yaml.safe_load((tmp_path / "m.yaml").read_text())
    assert raw["datasets"]["mine"]["labelled"] is False
    assert len(raw["detectors"]) * len(raw["models"]) == 1 or raw["fusions"]["vote"]
    Plan(raw)


def test_folders_of_other_names_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "in" / "2024").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "2024" / "x.png")
    code, said = call("init", str(tmp_path / "in"), "--output", str(tmp_path / "c.yaml"))
    assert (code, "without labels" in said) == (0, True)


def test_one_clip_and_side_files(pictures: Path, tmp_path: Path) -> None:
    for name in ("Thumbs.db", "joy/@eaDir/a.jpg", "@eaDir/b.jpg", "joy/.c.png"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_bytes(b"")
    code, said = call("init", "My pictures", "--model", "fer", "--detector", "whole")
    assert (code, "3 pictures and 0 clips" in said) == (0, True), said
    assert "@eaDir" not in (tmp_path / "faceoff.yaml").read_text()
    code, said = call("init", "My pictures/anger/b.JPG", "--output", "one.yaml", "--model", "fer")
    assert (code, "1 pictures and 0 clips, without labels" in said) == (0, True), said
    raw = yaml.safe_load((tmp_path / "one.yaml").read_text())
    (sample,) = Plan(raw).open("b").samples()
    assert (sample.sample_id, sample.label) == ("b.JPG", None)


def test_validate_looks_at_tables_before_a_run(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    config = tmp_path / "c.yaml"
    for text, code, message in (
        ("path,label\n", 1, "mine: no sample"),
        ("path,Label\na.png,happy\n", 1, "'Label' may hold the labels"),
        ("path,label\na.png,happi\n", 1, "row 1: label 'happi' is no known emotion"),
        ("path;label\na.png;happy\n", 0, "happiness 1"),
    ):
        (tmp_path / "t.csv").write_text(text)
        config.write_text(
            f"{{run: r, datasets: {{mine: {{type: table, path: '{tmp_path}/t.csv'}}}}, "
            "detectors: {whole: {}}, models: {fer: {}}}"
        )
        found = CliRunner().invoke(app, ["validate", str(config)])
        said = found.output + str(found.exception or "")
        assert (found.exit_code, message in said) == (code, True), said


def test_validate_looks_at_clips_to_their_end(cases: Path, tmp_path: Path) -> None:
    def looked_at(name: str) -> tuple[int, str]:
        (tmp_path / "c.yaml").write_text(
            f"{{run: r, datasets: {{mine: {{type: folder, path: '{cases / name}'}}}}, "
            "detectors: {whole: {}}, models: {fer: {}}}"
        )
        return call("validate", str(tmp_path / "c.yaml"))

    for name, said in (
        ("cut.mkv", "mine: 1 damaged: cut.mkv (ends after 1.82 s, its header says 3.30 s)"),
        ("bad_packet0.mp4", "mine: 1 damaged: bad_packet0.mp4 (1 damaged packet left out"),
        ("photo.heic", "mine: 1 unreadable: photo.heic (HEIC: not read; convert it to JPEG"),
    ):
        code, output = looked_at(name)
        assert (code, said in output) == (1, True), output
    code, output = looked_at("joined_two_recordings.ts")
    assert (code, "(the clock begins anew)" in output) == (0, True), output
    assert looked_at("x.m2ts")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("init",), "name a folder"),
        (("init", "nowhere"), "nowhere: there is no such folder"),
        (("init", "empty"), "empty: no picture and no clip"),
        (("init", "said"), "lies in it, only 1 of sound: how voices are read is in docs/speech.md"),
        (("init", "My pictures", "--model", "ferr"), "did you mean 'fer'"),
        (("init", "My pictures", "--output", "there.yaml"), "there.yaml is there already"),
        (("run",), "no faceoff.yaml or config.yaml in this folder"),
        (("run", "none.yaml"), "none.yaml: no such configuration"),
    ],
)
def test_what_is_missing_is_said(
    pictures: Path, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "said").mkdir()
    (tmp_path / "said/a.wav").write_bytes(b"RIFF")
    (tmp_path / "there.yaml").write_text("mine")
    code, said = call(*arguments)
    assert code == 1
    assert reason in said
    assert len(said.strip().splitlines()) <= 2
    assert (tmp_path / "there.yaml").read_text() == "mine"
    assert not (tmp_path / "faceoff.yaml").exists()


def test_the_command_line_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("run: c\n")
    assert run.snakemake(path, ["target.json"])[-3:] == ["--cores", "all", "target.json"]
    plain = run.snakemake(path, [])
    assert plain[1:3] == ["-m", "snakemake"]
    assert str(layout.workflow_folder() / "Snakefile") in plain
    assert plain[-4:] == ["--quiet", "rules", "--cores", "all"]
    asked = run.snakemake(path, ["--cores=2", "--dry-run", "--workflow-profile", "mine"])
    assert asked[-4:] == ["--cores=2", "--dry-run", "--workflow-profile", "mine"]
    assert asked.count("--workflow-profile") == 1
    assert "all" not in asked
    assert "--quiet" not in asked


def test_a_file_is_there_still_when_the_new_configuration_is_wrong(
    pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "keep.yaml").write_text("mine")
    code, said = call(
        "init", "My pictures", "--output", "keep.yaml", "--force", "--name", "BAD NAME"
    )
    assert (code, "BAD NAME" in said) == (1, True)
    assert (tmp_path / "keep.yaml").read_text() == "mine"


def test_a_wrong_file_is_said_before_snakemake_starts(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"run: \xff")
    code, said = call("run", str(tmp_path / "c.yaml"))
    assert (code, len(said.strip().splitlines())) == (1, 1)
    assert "c.yaml" in said


def test_config_looks_at_what_init_wrote(pictures: Path) -> None:
    assert call("config")[0] == 1
    assert call("init", "My pictures", "--model", "fer", "--detector", "whole")[0] == 0
    assert call("config") == (0, "faceoff.yaml: valid\n")


def test_options_of_snakemake_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faceoff.yaml").write_text("run: c\n")
    called: list[list[str]] = []
    monkeypatch.setattr(run.os, "execv", lambda _, command: called.append(command))
    assert call("run", "--dry-run", "--cores", "3")[0] == 0
    (command,) = called
    assert command[command.index("--configfile") + 1] == "faceoff.yaml"
    assert command[-3:] == ["--dry-run", "--cores", "3"]


def record(text: str | None = None, level: int = logging.INFO, **told: Any) -> logging.LogRecord:
    """Return what Snakemake logs."""
    return logging.makeLogRecord({"msg": text, "levelno": level, **told})


@pytest.fixture
def handler() -> run_progress.LogHandler:
    return run_progress.LogHandler(None, None)


def test_a_run_is_a_few_lines(
    handler: run_progress.LogHandler, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = tmp_path / "score.log"
    log.write_text("Traceback …\nValueError: no [bold]samples\n\n")
    handler.emit(record("Building DAG of jobs..."))
    handler.emit(record("Job stats: …", event=LogEvent.RUN_INFO, stats={"total": 100}))
    for done in range(1, 101):
        about = {"rule_name": "score", "wildcards": {"dataset": "d", "detector": "whole"}}
        handler.emit(record(event=LogEvent.JOB_INFO, **about, output=["o"]))
        handler.emit(record(event=LogEvent.SHELLCMD, shellcmd="python …"))
        handler.emit(record(event=LogEvent.PROGRESS, done=done, total=100))
    failed = {**about, "jobid": 3, "log": [str(log)]}
    handler.emit(record("Error in rule score", logging.ERROR, event=LogEvent.JOB_ERROR, **failed))
    check = {**failed, "rule_name": "check", "jobid": 4}
    handler.emit(record("Error in rule check", logging.ERROR, event=LogEvent.JOB_ERROR, **check))
    command = "RuleException:\nCalledProcessError in file x.smk, line 3:\nCommand 'set -euo …'"
    handler.emit(record(command, logging.ERROR, event=LogEvent.ERROR, exception="RuleException"))
    handler.emit(record("a warning", logging.WARNING))
    handler.flush()
    handler.flush()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "faceoff: 100 jobs to do"
    assert [line.split(",")[0] for line in lines[1:5]] == [
        f"faceoff: {done} of 100 jobs" for done in (20, 40, 60, 80)
    ]
    assert lines[5] == "faceoff: a warning"
    assert lines[6].startswith("faceoff: 100 of 100 jobs done in 0:0")
    assert lines[7:] == [
        f"faceoff: failed: score d/whole: ValueError: no [bold]samples (log: {log})"
    ]


def test_an_error_after_its_traceback_is_one_line(
    handler: run_progress.LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Traceback:\n  File x\n\nOSError: [Errno 30] Read-only file system: '.snakemake'\n"
    handler.emit(record(text, logging.ERROR, event=LogEvent.ERROR, exception="OSError"))
    said = capsys.readouterr().err
    assert said == "faceoff: OSError: [Errno 30] Read-only file system: '.snakemake'\n"


def test_what_was_stopped_says_no_more(
    handler: run_progress.LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.emit(record("Job stats: …", event=LogEvent.RUN_INFO, stats={"total": 9}))
    handler.emit(record("Terminating processes on user request, this might take some time."))
    handler.flush()
    assert handler.interrupted
    assert capsys.readouterr().err == "faceoff: 9 jobs to do\n"
    late = run_progress._Late()
    late.emit(record("Traceback …: Cannot close a running event loop", logging.ERROR))
    handler.interrupted = False
    late.emit(record("something else", logging.ERROR))
    assert capsys.readouterr().err == "something else\n"


def test_the_target_is_no_job(
    handler: run_progress.LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    stats = {"score": 2, "all": 1, "total": 3}
    handler.emit(record("Job stats: …", event=LogEvent.RUN_INFO, stats=stats))
    for done in (1, 2, 3):
        handler.emit(record(event=LogEvent.PROGRESS, done=done, total=3))
    handler.flush()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "faceoff: 2 jobs to do"
    assert lines[-1].startswith("faceoff: 2 of 2 jobs done in")


def test_jobs_that_tell_of_their_work_have_a_bar_below(
    handler: run_progress.LogHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(handler, "_console", screen)
    handler.emit(record(event=LogEvent.RUN_INFO, stats={"total": 9}))
    about = {"rule_name": "fit", "wildcards": {"training": "net"}}
    handler.hear(Work("early", seconds=9.0))  # before the first job of this run
    handler.emit(record(event=LogEvent.JOB_INFO, **about))
    shown = handler._bar
    assert shown is not None
    handler.hear(Work("short", seconds=0.2))
    working = Work("net: train", 90, 30, unit="pictures", seconds=2.0, note="epoch 2 of 3")
    handler.hear(working)
    assert [task.description for task in shown.tasks] == ["fit net", "net: train, epoch 2 of 3"]
    assert [task.fields["amount"] for task in shown.tasks] == ["0 of 9 jobs", "15 pictures/s"]
    handler.emit(record(event=LogEvent.PROGRESS, done=1, total=9))
    assert shown.tasks[0].fields["amount"] == "1 of 9 jobs"
    failed = {**about, "jobid": 3, "log": []}
    handler.emit(record("Error in rule fit", logging.ERROR, event=LogEvent.JOB_ERROR, **failed))
    assert [task.description for task in shown.tasks] == ["fit net"]
    handler.flush()
    handler.hear(working)
    assert len(shown.tasks) == 1
