"""A failed job leaves rows with its reason, marked so that the next run makes exactly those files
again.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.inference.plugin_job import trained_parameters
from faceoff.plan.jobs import CellIdentity, ScoreJob
from faceoff.results import leaderboard, run_folder
from faceoff.stages.check import check
from faceoff.stages.failure import INTERRUPTED, reason_of, record_failure
from faceoff.stages.score import write_score
from faceoff.storage import columns, files, parquet


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    rows = [
        {"sample_id": f"s{index}", "frame": 0, "timestamp_s": 0.0, "state": columns.OK}
        for index in range(3)
    ]
    parquet.write_rows(tmp_path / "frames.parquet", columns.FRAMES, rows)
    return tmp_path / "frames.parquet"


def log(folder: Path, text: str = "Traceback …\nValueError: bad weights\n\n") -> Path:
    (folder / "job.log").write_text(text, encoding="utf-8")
    return folder / "job.log"


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (1, "ValueError: bad weights"),
        (2, "ValueError: bad weights"),
        (137, "out of memory"),
        (139, "segmentation fault"),
        (134, "aborted"),
        (142, "job_hours"),
    ],
)
def test_reason_is_the_last_line_of_the_log_or_the_signal(
    tmp_path: Path, status: int, says: str
) -> None:
    reason = reason_of(status, log(tmp_path))
    assert says in reason
    assert f"exit status {status}" in reason


def test_reason_without_a_log_or_with_odd_bytes(tmp_path: Path) -> None:
    assert "no message" in reason_of(1, tmp_path / "none.log")
    assert "no message" in reason_of(1, log(tmp_path, " \n\n"))
    (tmp_path / "job.log").write_bytes(b"caf\xff\n")
    assert "caf" in reason_of(1, tmp_path / "job.log")
    assert len(reason_of(1, log(tmp_path, "x" * 10_000))) < 500


def test_a_stopped_run_is_no_failure() -> None:
    assert {130, 143} == INTERRUPTED


@pytest.mark.parametrize("kind", ["faces", "predictions", "signals"])
def test_every_frame_gets_an_error_row(tmp_path: Path, frames: Path, kind: str) -> None:
    output, timing = tmp_path / "out.parquet", tmp_path / "out.timing.json"
    record_failure(kind, 139, log(tmp_path), output, frames, timing, [])
    rows = list(parquet.rows(output))
    assert [row["sample_id"] for row in rows] == ["s0", "s1", "s2"]
    assert {(row["state"], row["success"]) for row in rows} == {("error", 0)}
    assert all("segmentation fault" in row["reason"] for row in rows)
    assert parquet.failed_files(output) == [str(output)]
    assert timing.exists()


def test_what_failed_before_is_made_again_too(tmp_path: Path, frames: Path) -> None:
    faces, predictions = tmp_path / "faces.parquet", tmp_path / "predictions.parquet"
    record_failure("faces", 1, log(tmp_path), faces, frames, None, [])
    record_failure("predictions", 1, log(tmp_path), predictions, frames, None, [faces])
    assert parquet.failed_files(predictions) == sorted([str(faces), str(predictions)])


def test_failed_training_is_carried_to_the_cell(tmp_path: Path, frames: Path) -> None:
    trained, predictions = tmp_path / "m.npz", tmp_path / "predictions.parquet"
    record_failure("trained", 1, log(tmp_path), trained, None, None, [])
    with pytest.raises(RuntimeError, match="training failed: ValueError: bad weights"):
        trained_parameters(trained)
    record_failure("predictions", 1, log(tmp_path), predictions, frames, None, [trained])
    assert parquet.failed_files(predictions) == sorted([str(trained), str(predictions)])


def test_sound_parameters_pass(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", coef=np.zeros(3))
    assert trained_parameters(tmp_path / "m.npz") == {"trained": tmp_path / "m.npz"}
    assert trained_parameters(None) == {}


def score(path: Path, state: str, failed: list[str], reason: str | None = None) -> Path:
    files.write_json(
        path,
        {
            "dataset": "d",
            "kind": "cell",
            "detector": "det",
            "model": path.stem,
            "state": state,
            "reason": reason,
            "failed_files": failed,
        },
    )
    return path


def test_check_passes_when_nothing_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = [
        score(tmp_path / "a.json", "ok", []),
        score(tmp_path / "b.json", "skipped", [], "program 'x' is not on PATH"),
    ]
    assert check(scores, tmp_path / "check.ok") == 0
    assert (tmp_path / "check.ok").exists()
    assert "program 'x'" in capsys.readouterr().out


def test_check_names_failures_and_clears_the_way_for_exactly_those(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, sound = tmp_path / "broken.parquet", tmp_path / "sound.parquet"
    for path in (broken, sound):
        path.touch()
    scores = [
        score(tmp_path / "a.json", "ok", []),
        score(tmp_path / "b.json", "error", [str(broken)], "ValueError: bad weights"),
    ]
    assert check(scores, tmp_path / "check.ok") == 1
    assert "det/b: ValueError: bad weights" in capsys.readouterr().out
    assert not (tmp_path / "check.ok").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "sound.parquet"}


def test_check_lists_the_failures_for_the_leaderboard(tmp_path: Path) -> None:
    folder = tmp_path / "results/r"
    sound = score(folder / "scores/d/det/a.json", "skipped", [], "no labels")
    broken = score(folder / "scores/d/det/b.json", "error", [], "ValueError: bad [bold]weights")
    assert check([sound, broken], folder / "check.ok", failures=folder / "failed.json") == 1
    assert run_folder.failures(folder) == [
        {"dataset": "d", "name": "det/b", "reason": "ValueError: bad [bold]weights"}
    ]
    done = CliRunner().invoke(app, ["leaderboard", str(folder)])
    assert done.exit_code == 0
    assert re.search(r"\bd +det +b +ValueError: bad \[bold\]weights", done.output)
    assert "failed: 1 of 2 cells; the next run tries them again" in done.output
    strict = CliRunner().invoke(app, ["leaderboard", str(folder), "--strict"])
    assert strict.exit_code == 3
    sound.unlink()
    assert "ValueError" in CliRunner().invoke(app, ["leaderboard", str(folder)]).output


def test_check_catches_a_fusion_with_a_failed_member(tmp_path: Path) -> None:
    """It has a score, yet it was made without that member: it is to be made again."""
    (tmp_path / "member.parquet").touch()
    assert (
        check(
            [score(tmp_path / "f.json", "ok", [str(tmp_path / "member.parquet")])],
            tmp_path / "check.ok",
        )
        == 1
    )
    assert not list(tmp_path.iterdir())


def test_predictions_that_are_all_errors_are_made_again(tmp_path: Path) -> None:
    """The job itself succeeded, so nothing else marks them: a plug-in may raise on every picture
    until its environment is mended.
    """
    keys = [{"sample_id": f"s{index}", "frame": 0, "timestamp_s": 0.0} for index in range(3)]
    task = (
        b'{"name": "d", "type": "folder", "version": "1", "space": ["neutral", "happiness"], '
        b'"limited": false, "headline": true}'
    )
    samples = [
        {
            "sample_id": key["sample_id"],
            "kind": "image",
            "path": "",
            "label": "neutral",
            "split": "test",
            "groups": [],
        }
        for key in keys
    ]
    parquet.write_rows(
        tmp_path / "samples.parquet",
        columns.SAMPLES.with_metadata({b"faceoff_task": task}),
        samples,
    )
    parquet.write_rows(
        tmp_path / "frames.parquet", columns.FRAMES, [key | {"state": columns.OK} for key in keys]
    )
    broken = [
        key | {"face_id": 0, "success": 0, "state": columns.ERROR, "reason": "OSError: no kernel"}
        for key in keys
    ]
    predictions = tmp_path / "predictions.parquet"
    parquet.write_rows(predictions, columns.predictions_schema(("neutral", "happiness")), broken)
    cell = CellIdentity(detector="whole", model="m", lineage="m")
    job = ScoreJob(dataset="d", cell=cell, train_status="unknown", circular=False, seed=0)
    write_score(
        tmp_path / "samples.parquet",
        tmp_path / "frames.parquet",
        predictions,
        tmp_path / "score.json",
        job,
    )
    assert check([tmp_path / "score.json"], tmp_path / "check.ok") == 1
    assert not predictions.exists()


def test_rules_over_time_that_failed_with_a_cell_are_counted():
    cells = [{"dataset": "d", "name": "det/net", "reason": "killed"}]
    rules = [{"dataset": "d", "name": f"temporal/r{n}.det.net", "reason": "x"} for n in range(9)]
    shown = leaderboard._failures([*cells, *rules])
    assert (shown.row_count, shown.caption) == (1, "and 9 under rules over time, which read these")
    alone = leaderboard._failures(rules)
    assert (alone.row_count, alone.caption) == (9, None)
