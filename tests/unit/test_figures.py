"""The figures: same data, same bytes; and every shape of data that a run can have draws something."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import report_fixtures as fixtures

from faceoff.figures import canvas, heatmap
from faceoff.report import names, results
from faceoff.stages.figures import write_figures

SCRIPTS = Path(names.__file__).parents[2]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def _draw(run: fixtures.Run, output: Path) -> dict[str, bytes]:
    write_figures(run.scores, run.comparisons, run.examples, output, run.spec)
    return _bytes(output)


def test_the_files_are_those_named_before_the_run(tmp_path):
    run = fixtures.typical(tmp_path, ("svg", "png"))
    assert sorted(_draw(run, tmp_path / "figures")) == sorted(names.figure_files(run.spec["config"]))
    assert "heatmap-alpha.csv" in names.figure_files(run.spec["config"])


def test_names_need_no_matplotlib():
    code = "import sys; from faceoff.report import names; assert not {'matplotlib', 'numpy', 'jinja2'} & set(sys.modules)"
    asked = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": str(SCRIPTS)})
    assert asked.returncode == 0


def test_fusion_and_examples_are_left_out_where_there_are_none():
    config = fixtures.spec({"alpha": "test", "train": "train"}, fusions={}, faces=False)["config"]
    kinds = ("heatmap", "confusion", "ensemble", "agreement", "per_class", "reliability", "rejection")
    assert names.figure_names(config) == [*(f"{kind}-alpha" for kind in kinds), "coverage"]
    config["detectors"] = {"whole": {}}
    config["models"] = {"net": {}}
    assert "ensemble-alpha" not in names.figure_names(config), "one pair is no ensemble"


def test_bytes_do_not_depend_on_process_hash_seed_or_the_users_settings(tmp_path):
    run = fixtures.typical(tmp_path, ("svg", "pdf", "png"))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": None}):
        first = _draw(run, tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; import report_fixtures as f; from faceoff.stages.figures import write_figures\n"
        "run = f.typical(Path(sys.argv[1]), ('svg', 'pdf', 'png'))\n"
        "write_figures(run.scores[::-1], run.comparisons[::-1], run.examples[::-1], Path(sys.argv[2]), run.spec)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{Path(__file__).parent}", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "again"), str(tmp_path / "there")], check=True, env=environment)
    second = _bytes(tmp_path / "there")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_csv_holds_the_numbers_of_the_figure(tmp_path):
    files = _draw(fixtures.typical(tmp_path), tmp_path / "figures")
    heat = files["heatmap-alpha.csv"].decode()
    assert "whole,net,ok,0.6," in heat
    assert "yunet,geometry,error,,,,Segmentation fault" in heat
    assert "difference,fusion/vote,minus best single,0.05" in files["fusion-alpha.csv"].decode()
    assert "no_face" in files["confusion-alpha.csv"].decode()


@pytest.mark.parametrize("formats", [("svg", "pdf", "png")])
def test_hostile_text_is_drawn_as_text(tmp_path, formats):
    run = fixtures.write_run(
        tmp_path,
        fixtures.spec({"alpha": "test"}, formats=formats),
        [
            fixtures.score("alpha", fixtures.HOSTILE, "$\\frac{", fusion=None),
            fixtures.without_scores("alpha", "x", fixtures.HOSTILE, "skipped", fixtures.HOSTILE),
            fixtures.score("alpha", "", "", 0.7, fixtures.HOSTILE),
        ],
        [fixtures.comparison("alpha", (fixtures.HOSTILE,))],
        {"alpha": []},
    )
    svg = _draw(run, tmp_path / "figures")["heatmap-alpha.svg"]
    assert b"<script" not in svg


def test_nothing_scored_still_gives_every_file(tmp_path):
    declared = fixtures.spec({"alpha": "test"})
    comparison = {
        "dataset": "alpha",
        "task": None,
        "best_single": None,
        "hindsight": None,
        "oracle": None,
        "effective_members": None,
        "comparisons": [],
        "pairs": [],
        "clones": [],
    }
    run = fixtures.write_run(tmp_path, declared, [fixtures.without_scores("alpha", "whole", "net", "skipped", "no licence")], [comparison], {"alpha": []})
    assert sorted(_draw(run, tmp_path / "figures")) == sorted(names.figure_files(declared["config"]))


def test_null_metrics_and_one_cell(tmp_path):
    cell = fixtures.score("alpha", "whole", "net")
    cell["metrics"] |= {"log_loss": None, "ece": None}
    cell["intervals"]["accuracy"] = [None, None]
    for row in cell["per_class"]:
        row |= {"recall": None, "f1": None}
    run = fixtures.write_run(tmp_path, fixtures.spec({"alpha": "test"}, fusions={}), [cell], [], {})
    assert "heatmap-alpha.svg" in _draw(run, tmp_path / "figures")


def test_the_size_is_that_of_a_column():
    cells = {("a", "b"): {"state": "ok", "value": 0.5, "low": 0.4, "high": 0.6}}
    width, _ = heatmap.draw(["a"], ["b"], cells, (0.0, 1.0)).get_size_inches()
    assert width * 25.4 == pytest.approx(canvas.SINGLE_MM)


def test_colour_scale_is_never_narrower_than_twenty_points():
    assert results.colour_scale([fixtures.score("a", "d", "m", 0.7), fixtures.score("a", "d", "n", 0.667)]) == pytest.approx((0.5, 0.7))
    assert results.colour_scale([]) == (0.0, 1.0)


def test_coverage_is_that_of_the_detector_not_of_a_failing_model():
    failed = fixtures.without_scores("a", "whole", "broken", "error", "Segmentation fault")
    rows = results.DatasetResults("a", {}, [failed, fixtures.score("a", "whole", "net")], None).coverage
    assert [(row["detector"], row["ok"], row["error"], row["reason"]) for row in rows] == [("whole", 196, 0, None)]
