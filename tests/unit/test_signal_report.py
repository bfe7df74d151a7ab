"""Signals on the page and in the table, from real scores of made-up measurements."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_fixtures as fixtures

from faceoff.report.part import Part
from faceoff.report.sections import signals as section
from faceoff.results.dataset_results import DatasetResults, name_of
from faceoff.scoring.signals_summary import signal_scores
from faceoff.stages.report import write_report
from faceoff.stages.tables import write_tables
from faceoff.storage import files

N = 120
ABOUT = {"kind": "signal", "dataset": "alpha", "detector": "yunet", "failed_files": []}


def scores() -> list[dict[str, Any]]:
    """Return a signal that was scored, one without truth, one that failed and one skipped."""
    rng = np.random.default_rng(0)
    au, yaw = rng.uniform(0, 5, N), rng.uniform(-40, 40, N)
    zero = np.zeros(N)
    pose = {"pose_yaw": yaw, "pose_pitch": zero, "pose_roll": zero}
    truth = {"au_01": au, "au_02": au, "au_45": au, "au_09": zero, **pose}
    truth |= {"gaze_yaw": yaw, "gaze_pitch": zero}
    measured = {"au_01": au, "au_02": 5 - au, "blink": (au > 3).astype(float), "au_09": zero}
    measured |= {**pose, "pose_yaw": yaw / 2, "gaze_yaw": yaw, "gaze_pitch": zero}
    owners = np.repeat(np.arange(10), N // 10)
    found = signal_scores(truth, measured, owners, threshold=2, gaze_frame="head", seed=0)
    ok = {"state": "ok", "reason": None, "faces": 130, "measured": 125}
    return [
        {**ABOUT, "signal": "mesh", **ok, "truth": True, **found},
        {**ABOUT, "signal": "bare", **ok, "truth": False},
        {**ABOUT, "signal": "bad", "state": "error", "reason": "it broke <b>here</b>"},
        {**ABOUT, "signal": "none", "state": "skipped", "reason": "not installed"},
    ]


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    paths = []
    for score in scores():
        paths.append(tmp_path / f"scores/alpha/signals/yunet/{score['signal']}.json")
        files.write_json(paths[-1], score)
    return paths


def _run(folder: Path) -> fixtures.Run:
    cell = fixtures.score("alpha", "yunet", "net", 0.7)
    return fixtures.write_run(folder, fixtures.spec({"alpha": "test"}), [cell], [], {"alpha": []})


def test_the_page_shows_what_was_measured_and_what_was_lost(
    tmp_path: Path, written: list[Path]
) -> None:
    run, output = _run(tmp_path), tmp_path / "report.html"
    told = run.jobs().report
    write_report(
        run.scores, [], run.examples, tmp_path / "figures", None, output, told, signals=written
    )
    text = output.read_text(encoding="utf-8")
    part = text[text.index('aria-label="Action units of alpha"') :]
    rows = dict(
        re.findall(r'<th scope="row">(AU\d\d|blink)</th>.*?<td class="n">(.*?)</small>', part)
    )
    assert "<b>1.00</b>" in rows["AU01"]
    assert "<s>" in rows["AU02"], "it is worse than always saying that the unit is there"
    assert "<b>–</b>" in rows["AU09"], "it is never shown"
    assert "blink" in rows
    assert "gaze in the frame of the head" in part
    assert "measured 125 of 130 faces; there is no truth to score it" in part
    assert "it broke &lt;b&gt;here&lt;/b&gt;" in part
    assert "not installed" in part
    assert '<td class="n">0.50</td>' in part, "the slope of yaw"


def test_a_run_without_signals_has_no_section(tmp_path: Path) -> None:
    run, output = _run(tmp_path), tmp_path / "report.html"
    write_report(
        run.scores, [], run.examples, tmp_path / "figures", None, output, run.jobs().report
    )
    assert "-signals" not in output.read_text(encoding="utf-8")
    empty = Part(DatasetResults("alpha", {}, [], None), "d0", {}, lambda kind: [])
    assert section.view(empty) is None


def test_the_table_has_units_and_angles_with_every_column(
    tmp_path: Path, written: list[Path]
) -> None:
    run = _run(tmp_path)
    write_tables(run.scores, [], [], tmp_path / "tables", run.jobs().tables, signals=written)
    with open(tmp_path / "tables/signals.csv", encoding="utf-8") as file:
        rows = {row["what"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["AU01", "AU02", "AU09", "blink", "pose", "gaze"]
    assert rows["AU01"]["f1"] == "1.0"
    assert rows["AU09"]["f1"] == ""
    assert float(rows["pose"]["slope_yaw"]) == pytest.approx(0.5)
    assert rows["pose"]["f1"] == rows["gaze"]["mae_roll"] == ""
    printed = (tmp_path / "tables/signals.md").read_text(encoding="utf-8")
    assert "| AU01 | 120 | 1.000 " in printed
    write_tables(run.scores, [], [], tmp_path / "bare", run.jobs().tables)
    assert not (tmp_path / "bare/signals.csv").exists()


def test_a_signal_has_a_name_of_its_own() -> None:
    assert name_of(scores()[0]) == "yunet/mesh (signal)"  # type: ignore[arg-type]
