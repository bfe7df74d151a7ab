"""The figures: same data, same bytes.

Every shape of data that a run can have draws something.
"""

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
import warnings
from itertools import combinations
from pathlib import Path

import matplotlib
import pytest
import report_fixtures as fixtures
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from faceoff.figures import canvas, confusion, coverage, examples, heatmap
from faceoff.figures.paper_figure import load
from faceoff.plan import figure_list
from faceoff.plan.figure_list import listed
from faceoff.results import dataset_results
from faceoff.scoring.records import nothing_to_compare
from faceoff.stages.figures import write_figures
from faceoff.storage import parquet
from faceoff.storage.files import write_json

STYLE = Path(canvas.__file__).with_name("look.mplstyle")
DETECTORS = ["mediapipe", "whole", "yunet"]
SCRIPTS = Path(parquet.__file__).parents[2]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def _draw(run: fixtures.Run, output: Path) -> dict[str, bytes]:
    write_figures(run.scores, run.comparisons, run.examples, output, run.jobs().figures)
    return _bytes(output)


def test_the_files_are_those_named_before_the_run(tmp_path):
    run = fixtures.typical(tmp_path, ("svg", "png"))
    assert sorted(_draw(run, tmp_path / "figures")) == sorted(run.jobs().figure_files)
    assert "heatmap-alpha.csv" in run.jobs().figure_files


def test_readers_of_a_finished_run_load_no_scipy():
    """To show a verdict needs no test of pipelines."""
    code = (
        "import sys\n"
        "import faceoff.results.leaderboard, faceoff.results.headline, faceoff.stages.check\n"
        "assert not {'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}
    )
    assert asked.returncode == 0


def test_names_need_no_matplotlib():
    code = (
        "import sys; from faceoff.plan import figure_list, table_list\n"
        "assert 'heatmap' in figure_list.listed() and 'accuracy' in table_list.table_names(())\n"
        "assert not {'matplotlib', 'numpy', 'jinja2', 'pyarrow'} & set(sys.modules)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}
    )
    assert asked.returncode == 0


def test_fusion_and_examples_are_left_out_where_there_are_none():
    spec = fixtures.spec({"alpha": "test", "train": "train"}, fusions={}, faces=False)
    kinds = (
        "heatmap",
        "confusion",
        "ensemble",
        "agreement",
        "per_class",
        "reliability",
        "rejection",
        "gaps",
    )
    assert fixtures.Jobs(spec).figure_names == (*(f"{kind}-alpha" for kind in kinds), "coverage")
    spec["config"] |= {"detectors": {"whole": {}}, "models": {"net": {}}}
    assert "ensemble-alpha" not in fixtures.Jobs(spec).figure_names, "one pair is no ensemble"


def test_every_figure_is_listed_as_its_module_says():
    """The plan reads, without running a module, what the module says."""
    for kind, told in listed().items():
        figure = load(kind)
        assert (figure.title, figure.place, figure.needs) == (told.title, told.place, told.needs)
        assert [figure.of_dataset is None, figure.of_run is None] == [
            told.whole_run,
            not told.whole_run,
        ]
    assert len({(figure.whole_run, figure.place) for figure in listed().values()}) == len(listed())


def test_an_unknown_need_is_named(monkeypatch):
    entry = dataclasses.replace(listed()["fusion"], needs=("fusion",))
    monkeypatch.setattr(figure_list, "listed", lambda: {"fusion": entry})
    with pytest.raises(ValueError, match=r"figures/fusion\.py: unknown need 'fusion'.*fusions"):
        fixtures.Jobs(fixtures.spec({"alpha": "test"}))


def test_bytes_do_not_depend_on_process_hash_seed_or_the_users_settings(tmp_path):
    run = fixtures.typical(tmp_path, ("svg", "pdf", "png"))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.hashsalt": None}):
        first = _draw(run, tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; import report_fixtures as f\n"
        "from faceoff.stages.figures import write_figures\n"
        "run = f.typical(Path(sys.argv[1]), ('svg', 'pdf', 'png'))\n"
        "results = run.scores[::-1], run.comparisons[::-1], run.examples[::-1]\n"
        "write_figures(*results, Path(sys.argv[2]), run.jobs().figures)"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{Path(__file__).parent}",
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Tokyo",
    }
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "again"), str(tmp_path / "there")],
        check=True,
        env=environment,
    )
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
    comparison = nothing_to_compare("alpha", None)
    run = fixtures.write_run(
        tmp_path,
        declared,
        [fixtures.without_scores("alpha", "whole", "net", "skipped", "no licence")],
        [comparison],
        {"alpha": []},
    )
    assert sorted(_draw(run, tmp_path / "figures")) == sorted(run.jobs().figure_files)


def test_null_metrics_and_one_cell(tmp_path):
    cell = fixtures.score("alpha", "whole", "net")
    cell["metrics"] |= {"log_loss": None, "ece": None}
    cell["intervals"]["accuracy"] = [None, None]
    for row in cell["per_class"]:
        row |= {"recall": None, "f1": None}
    run = fixtures.write_run(tmp_path, fixtures.spec({"alpha": "test"}, fusions={}), [cell], [], {})
    assert "heatmap-alpha.svg" in _draw(run, tmp_path / "figures")


def _overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Texts that lie on each other, or not within the page."""
    with matplotlib.rc_context(fname=STYLE):
        figure.draw_without_rendering()
    page = figure.bbox
    texts = [
        text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()
    ]
    boxes = [
        (
            text.get_text(),
            Bbox.from_extents(*text.get_window_extent().padded(-0.5).extents),
            text.get_rotation(),
        )
        for text in texts
    ]
    outside = [
        (words, "the page's edge")
        for words, box, _ in boxes
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)
    ]
    upright = [
        (words, box) for words, box, rotation in boxes if rotation in (0.0, 90.0)
    ]  # a slanted text's box is larger than the text
    return outside + [
        (one, other) for (one, a), (other, b) in combinations(upright, 2) if a.overlaps(b)
    ]


@pytest.mark.parametrize("models", [1, 3, 9, 14, 18, 30, 90])
def test_a_heat_map_of_many_models_can_be_read(models):
    names = [f"a_model_with_a_name_{number}" for number in range(models)]
    cells = {
        (detector, name): {"state": "ok", "value": 0.654, "low": 0.6, "high": 0.7}
        for detector in DETECTORS
        for name in names
    }
    figure = heatmap.draw(DETECTORS, names, cells, (0.5, 0.8))
    assert _overlapping(figure) == []
    shown = [tick.get_text() for axes in figure.axes[:-1] for tick in axes.get_xticklabels()]
    assert shown == names, "every model has its name"
    assert sum(text.get_text() == "65.4" for axes in figure.axes for text in axes.texts) == (
        len(cells) if models <= 18 else 0
    )


def test_names_of_one_beginning_keep_their_own_numbers():
    """Names that are alike as far as there is room for them."""
    values = {"mediapipe_full_range_upscaled_2": 0.9, "mediapipe_full_range_upscaled_3": 0.3}
    scores = [fixtures.score("alpha", name, "net", value) for name, value in values.items()]
    figure, rows = heatmap.of_dataset(dataset_results.DatasetResults("alpha", {}, scores, None))
    axes = figure.axes[0]
    shown = {
        round(text.get_position()[1] + 0.12): text.get_text()
        for text in axes.texts
        if "±" not in text.get_text()
    }
    assert shown == {0: "90.0", 1: "30.0"}
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert [label[-2:] for label in labels] == ["_2", "_3"]
    assert all(len(label) <= 24 for label in labels)
    assert [row["accuracy"] for row in rows] == [0.9, 0.3]


@pytest.mark.parametrize(
    ("names", "length", "expected"),
    [
        (["short", "ends are cut off"], 8, ["short", "ends ar…"]),
        (["a_beginning_x", "a_beginning_y"], 9, ["a_be…ng_x", "a_be…ng_y"]),
        (
            ["the same_x_and the same", "the same_y_and the same", "other"],
            9,
            ["the … (1)", "the … (2)", "other"],
        ),
        (["twice the same name", "twice the same name"], 8, ["twice t…", "twice t…"]),
        (["a\nb\x07c", ""], 8, ["a b c", ""]),
    ],
)
def test_shortened_names_are_told_apart(names, length, expected):
    assert dataset_results.shorten_all(names, length) == expected


def test_letters_that_the_font_lacks_are_written_by_their_numbers(tmp_path):
    assert canvas.titles(["你好", "żółć é ß Ω я", "表" * 9], 13) == [
        "U+4F60U+597D",
        "żółć é ß Ω я",
        "U+8868U+8868…",
    ]
    space = [
        "中性",
        "快乐",
        "悲伤",
        "惊讶",
        "恐惧",
        "厌恶",
        "a very long label of an emotion, as users write",
    ]
    run = fixtures.typical(tmp_path, ("svg",))
    for path in run.scores:
        text = path.read_text()
        for old, new in {
            **dict(zip(fixtures.SPACE, space, strict=True)),
            "net": "网",
            "yunet": "脸",
        }.items():
            text = text.replace(json.dumps(old), json.dumps(new))
        write_json(path, json.loads(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of glyphs that are missing
        assert "confusion-alpha.svg" in _draw(run, tmp_path / "figures")


def test_long_labels_leave_confusion_matrices_their_size_and_their_titles():
    space = [f"a label of an emotion, number {number}" for number in range(7)]
    panels = [
        {
            "title": f"a detector × a model, which has a long name {number}",
            "accuracy": 0.5,
            "matrix": [[3] * 8] * 7,
        }
        for number in range(6)
    ]
    figure = confusion.draw(panels, space)
    assert _overlapping(figure) == []
    short = confusion.draw(panels, [f"label {number}" for number in range(7)])
    _overlapping(short)
    sides = [drawn.axes[0].get_window_extent().width for drawn in (figure, short)]
    assert sides[0] > 0.8 * sides[1]


def test_what_is_limited_is_stamped(tmp_path):
    files = _draw(fixtures.typical(tmp_path, ("svg",)), tmp_path / "figures")
    for name in ("heatmap", "confusion", "fusion"):
        for dataset, said in (("alpha", "False"), ("beta", "True")):
            assert {
                row["limited"]
                for row in csv.DictReader(files[f"{name}-{dataset}.csv"].decode().splitlines())
            } == {said}
    of_both = csv.DictReader(files["coverage.csv"].decode().splitlines())
    assert {(row["dataset"], row["limited"]) for row in of_both} == {
        ("alpha", "False"),
        ("beta", "True"),
    }
    heights = {
        name: float(re.search(rb'height="([\d.]+)pt"', files[f"ensemble-{name}.svg"]).group(1))
        for name in ("alpha", "beta")
    }
    assert heights["beta"] - heights["alpha"] == pytest.approx(5 * 72 / 25.4, abs=0.01), (
        "a band of its own"
    )


@pytest.mark.parametrize(
    "draw",
    [
        lambda: heatmap.draw(["a"], ["b"], {}, (0.0, 1.0)),
        lambda: coverage.draw([{"title": "t", "rows": []}]),
        lambda: examples.draw([]),
    ],
)
def test_a_stamp_leaves_everything_else_in_its_place(draw, tmp_path):
    plain, stamped = draw(), draw()
    canvas.save(plain, tmp_path / "plain", ["svg"])
    canvas.save(stamped, tmp_path / "stamped", ["svg"], stamp="not for reporting")
    assert [text.get_text() for text in stamped.texts][-1] == "not for reporting"
    with matplotlib.rc_context(fname=STYLE):
        plain.draw_without_rendering()
        stamped.draw_without_rendering()
    for one, other in zip(plain.axes, stamped.axes, strict=True):
        assert other.get_position().bounds[0] == pytest.approx(
            one.get_position().bounds[0], abs=1e-3
        )
        assert other.get_window_extent().height == pytest.approx(
            one.get_window_extent().height, abs=1
        )
    assert _overlapping(stamped) == []


def test_the_size_is_that_of_a_column():
    cells = {("a", "b"): {"state": "ok", "value": 0.5, "low": 0.4, "high": 0.6}}
    width, _ = heatmap.draw(["a"], ["b"], cells, (0.0, 1.0)).get_size_inches()
    assert width * 25.4 == pytest.approx(canvas.SINGLE_MM)


def test_colour_scale_is_never_narrower_than_twenty_points():
    assert dataset_results.colour_scale(
        [fixtures.score("a", "d", "m", 0.7), fixtures.score("a", "d", "n", 0.667)]
    ) == pytest.approx((0.5, 0.7))
    assert dataset_results.colour_scale([]) == (0.0, 1.0)


def test_coverage_is_that_of_the_detector_not_of_a_failing_model():
    failed = fixtures.without_scores("a", "whole", "broken", "error", "Segmentation fault")
    rows = dataset_results.DatasetResults(
        "a", {}, [failed, fixtures.score("a", "whole", "net")], None
    ).coverage
    assert [(row["detector"], row["ok"], row["error"], row["reason"]) for row in rows] == [
        ("whole", 196, 0, None)
    ]
