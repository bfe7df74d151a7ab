"""Test `faceoff compare` on real runs.

They are the same configuration again, a changed margin, and another subset of the samples.
"""

import copy
import csv

import pytest
from typer.testing import CliRunner

import runs
from faceoff.cli import app
from faceoff.results.run_comparison.compare import compare_runs, read_run

pytestmark = pytest.mark.slow

CELLS = [
    "fusion/majority.mediapipe_full",
    "fusion/majority.whole",
    "fusion/soft_mean",
    "mediapipe_full/fer",
    "mediapipe_full/landmarks_lr",
    "whole/fer",
    "whole/landmarks_lr",
]
FEWER = runs.SMALL | {
    "datasets": {"posed": runs.SMALL["datasets"]["posed"] | {"limit": 16}},
    "detectors": {"whole": {}},
    "models": {"fer": {}},
    "fusions": {},
}


@pytest.fixture(scope="module")
def made(finished, again, copy_of_finished, tmp_path_factory):
    """Make four runs: twice the same, a wider margin, and one cell on fewer samples.

    The last two go as far as their scores.
    """
    configs = {"margin": copy.deepcopy(runs.SMALL), "fewer": FEWER}
    configs["margin"]["models"]["fer"] = {"margin": 0.5}
    folders = {
        "first": finished,
        "again": again,
        "margin": copy_of_finished(),
        "fewer": tmp_path_factory.mktemp("fewer"),
    }
    for name, config in configs.items():
        done = runs.run(folders[name], config, "results/small/manifest.json")
        assert done.returncode == 0, done.stdout[-3000:]
    return {name: folder / "results/small" for name, folder in folders.items()}


def test_the_same_again_differs_in_nothing(made):
    found = compare_runs(read_run(made["first"]), read_run(made["again"]))
    assert not found.results_differ
    assert not found.provenance
    assert [cell.name for cell in found.cells] == CELLS


def test_a_margin_changes_its_cells_and_is_named(made, tmp_path):
    a, b = made["first"], made["margin"]
    found = compare_runs(read_run(a), read_run(b))
    assert [(row.kind, row.key, row.a, row.b) for row in found.provenance] == [
        ("config", "models.fer.margin", None, 0.5)
    ]
    cells = {cell.name: cell for cell in found.cells}
    cell = cells["mediapipe_full/fer"]
    assert cell.changed
    # The margin grows the box of a face; `whole` has none to grow.
    assert not cells["whole/fer"].changed
    assert not cells["mediapipe_full/landmarks_lr"].changed
    for run, side in ((a, cell.a), (b, cell.b)):
        assert (
            side.accuracy
            == read_run(run).scores["posed"]["mediapipe_full/fer"]["metrics"]["accuracy"]
        )
    assert cell.b.n_correct - cell.a.n_correct == cell.gained - cell.lost
    assert cell.paired.test == "sign-flip over clusters"
    result = CliRunner().invoke(
        app, ["compare", str(a), str(b), "--output", str(tmp_path / "diff.html")]
    )
    assert result.exit_code == 0
    assert "models.fer.margin" in result.output
    assert "mediapipe_full × fer" in (tmp_path / "diff.html").read_text(encoding="utf-8")


def test_other_samples_are_compared_only_where_both_have_them(made):
    a, b = read_run(made["first"]), read_run(made["fewer"])
    (apart,) = compare_runs(a, b).datasets
    assert not apart.cells
    assert ("n", 24, 16) in apart.differs
    (shared,) = compare_runs(a, b, common=True).datasets
    assert 0 < shared.common.n <= 16
    assert shared.common.n + shared.common.only_b == 16
    assert [cell.name for cell in shared.cells] == ["whole/fer"]
    assert not shared.cells[0].changed, "the same pictures through the same pipelines"


def test_leaderboard_csv_has_every_cell(made, tmp_path, monkeypatch):
    monkeypatch.chdir(made["first"].parents[1])
    assert (
        CliRunner()
        .invoke(app, ["leaderboard", "small", "--csv", str(tmp_path / "board.csv")])
        .exit_code
        == 0
    )
    with open(tmp_path / "board.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(CELLS)
    assert [float(row["accuracy"]) for row in rows] == sorted(
        (float(row["accuracy"]) for row in rows), reverse=True
    )
