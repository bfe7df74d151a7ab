"""The tables over several datasets, of variance and of cost, from the fixtures' score files."""

import csv
from pathlib import Path

import pytest
import report_fixtures as fixtures

from faceoff.figures import agreement, critical_difference
from faceoff.results import dataset_results
from faceoff.results.across_datasets import rank_across
from faceoff.results.tables.printing import in_print
from faceoff.results.tables.table import Sources, load
from faceoff.stages.tables import write_tables
from faceoff.storage import files


def many(count: int, **task: object) -> list[dict]:
    """Score files of `count` datasets on which the same three cells keep their order."""
    scores = []
    for index in range(count):
        for model, accuracy in (("a", 0.8), ("b", 0.7), ("c", 0.5)):
            score = fixtures.score(f"d{index}", "whole", model, accuracy + index / 100)
            score["task"] |= {"type": f"kind{index}", "headline": True, **task}
            scores.append(score)
    return scores


def made(
    folder: Path, scores: list[dict], comparisons: list[dict], timings: list[dict] = ()
) -> dict[str, list[dict[str, str]]]:
    run = fixtures.write_run(
        folder,
        fixtures.spec({item["dataset"]: "test" for item in comparisons}),
        scores,
        comparisons,
        {},
    )
    timed = []
    for index, timing in enumerate(timings):
        timed.append(folder / f"{index}.timing.json")
        files.write_json(timed[-1], timing)
    write_tables(run.scores, run.comparisons, timed, folder / "tables", run.jobs().tables)
    read = {}
    for path in (folder / "tables").glob("*.csv"):
        with open(path, newline="", encoding="utf-8") as file:
            read[path.stem] = list(csv.DictReader(file))
        assert path.with_suffix(".md").exists()
        assert path.with_suffix(".tex").exists()
    return read


def test_ranks_over_seven_datasets(tmp_path: Path) -> None:
    rows = made(tmp_path, many(7), [fixtures.comparison(f"d{index}") for index in range(7)])[
        "ranks"
    ]
    assert [(row["cell"], float(row["mean_rank"])) for row in rows] == [
        ("whole/a", 1.0),
        ("whole/b", 2.0),
        ("whole/c", 3.0),
    ]
    assert float(rows[0]["p"]) < 0.01
    # Nemenyi for three pipelines on seven datasets: 2.343 √(3·4/42) = 1.2524
    # (Demšar 2006, table 5a)
    assert float(rows[0]["critical_difference"]) == pytest.approx(1.2524, abs=1e-3)
    assert [row["tied_with_best"] for row in rows] == ["True", "True", "False"]


def test_too_few_datasets_have_ranks_and_a_reason(tmp_path: Path) -> None:
    rows = made(tmp_path, many(3), [fixtures.comparison(f"d{index}") for index in range(3)])[
        "ranks"
    ]
    assert {(row["datasets"], row["p"], row["tied_with_best"]) for row in rows} == {("3", "", "")}
    assert all("too few datasets: 3" in row["reason"] for row in rows)


def test_every_row_says_whether_its_dataset_is_limited(tmp_path: Path) -> None:
    scores = [
        fixtures.score(name, "whole", model)
        for name in ("alpha", "beta")
        for model in ("net", "geometry")
    ]
    run = fixtures.write_run(
        tmp_path,
        fixtures.spec({"alpha": "test", "beta": "test"}),
        scores,
        [fixtures.comparison(name) for name in ("alpha", "beta")],
        {},
    )
    run.spec["config"]["datasets"]["beta"]["limit"] = 100
    files.write_json(
        tmp_path / "t.json",
        {
            "dataset": "beta",
            "stage": "detect",
            "detector": "whole",
            "items": 1,
            "items_per_s": 1.0,
            "compute_s": 1.0,
        },
    )
    write_tables(
        run.scores, run.comparisons, [tmp_path / "t.json"], tmp_path / "tables", run.jobs().tables
    )
    found = {}
    for path in (tmp_path / "tables").glob("*.csv"):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found[path.stem] = {(row.get("dataset", row.get("on")), row["limited"]) for row in rows}
        for suffix in (".md", ".tex"):
            note = "limited: not for reporting" in path.with_suffix(suffix).read_text(
                encoding="utf-8"
            )
            assert note == any(row["limited"] == "True" for row in rows), path.stem
    both = {("alpha", "False"), ("beta", "True")}
    assert {
        name: said for name, said in found.items() if said and name not in {"speed", "ranks"}
    } == dict.fromkeys(
        (
            "accuracy",
            "per_class",
            "confusion",
            "comparisons",
            "coverage",
            "cost",
            "decomposition",
            "gaps",
            "subgroups",
        ),
        both,
    )
    assert found["speed"] == {("beta", "True")}


def test_names_are_text_in_markdown(tmp_path: Path) -> None:
    """Read as GitHub reads it, by a parser of CommonMark with tables."""
    markdown = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")
    name = "<b>a_b_c*d*</b> & `e` \\| f~~g~~ [h](javascript:x) &lt; ![i](j)"
    rows = [
        {
            "dataset": name,
            "detector": "_x_",
            "model": "**m**",
            "n": 3,
            "coverage": 0.5,
            "no_face": 1,
            "unreadable": 0,
            "error": 0,
        }
    ]
    text, _ = in_print(load("coverage"), rows)
    parsed = [
        token
        for token in markdown.MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .parse(text)
        if token.type == "inline"
    ]
    cells = [token for token in parsed if token.content][10:]
    assert ["".join(part.content for part in cell.children) for cell in cells[:3]] == [
        name,
        "_x_",
        "**m**",
    ]
    assert {part.type for cell in cells for part in cell.children} <= {"text", "text_special"}


def test_only_independent_datasets_count() -> None:
    scores = many(6)
    for score in scores:
        if score["dataset"] in ("d1", "d2"):
            score["task"]["type"] = {"d1": "ferplus", "d2": "fer2013"}[score["dataset"]]
        if score["dataset"] == "d3":
            score["task"]["headline"] = False
    found = rank_across(scores)
    assert found.datasets == ("d0", "d1", "d4", "d5")
    assert found.left_out == {
        "d2": "of the same collection as d1",
        "d3": "drawn, not for headline rankings",
    }
    assert rank_across(many(1)) is None
    assert rank_across([score for score in many(3) if score["model"] == "a"]) is None
    assert rank_across([]) is None


def test_folders_and_tables_are_collections_of_their_own() -> None:
    """Seven folders are seven datasets.

    One that is given twice, with the same samples and labels, counts once.
    """
    scores = many(7)
    for score in scores:
        score["task"] |= {
            "type": "table" if score["dataset"] == "d0" else "folder",
            "hash": score["dataset"],
        }
    assert rank_across(scores).datasets == tuple(f"d{index}" for index in range(7))
    for score in scores:
        if score["dataset"] == "d6":
            score["task"]["hash"] = "d2"
    found = rank_across(scores)
    assert found.left_out == {"d6": "of the same collection as d2"}
    assert found.ranks.datasets == 6


def test_two_parts_of_one_collection_of_people_count_once() -> None:
    scores = many(2)
    for score in scores:
        score["task"]["type"] = "ravdess"
    assert rank_across(scores) is None


def test_a_flagged_pipeline_has_no_rank_over_datasets_either(tmp_path: Path) -> None:
    scores = many(6)
    next(score for score in scores if (score["dataset"], score["model"]) == ("d3", "a")).update(
        flags=["collapsed onto one class"], ranked=False
    )
    found = rank_across(scores)
    assert (found.names, found.flagged) == (("whole/b", "whole/c"), ("whole/a",))
    rows = made(tmp_path, scores, [fixtures.comparison(f"d{index}") for index in range(6)])["ranks"]
    assert [(row["cell"], row["flagged"]) for row in rows] == [
        ("whole/b", "whole/a"),
        ("whole/c", "whole/a"),
    ]


def test_what_is_not_ranked_stands_last_and_is_never_the_best(tmp_path: Path) -> None:
    scores = [
        fixtures.score("alpha", "whole", name, level)
        for name, level in (("good", 0.7), ("weak", 0.5))
    ]
    scores.append(
        fixtures.score(
            "alpha", "whole", "flat", 0.9, flags=["collapsed onto one class"], ranked=False
        )
    )
    rows = made(tmp_path, scores, [fixtures.comparison("alpha")])["accuracy"]
    assert [(row["model"], row["ranked"]) for row in rows] == [
        ("good", "True"),
        ("weak", "True"),
        ("flat", "False"),
    ]
    lines = (tmp_path / "tables" / "accuracy.tex").read_text(encoding="utf-8").splitlines()
    assert [
        name
        for name in ("good", "weak", "flat")
        if any(f"& {name} &" in line and "textbf{" in line for line in lines)
    ] == ["good"]


def test_one_p_is_printed_and_it_has_a_name(tmp_path: Path) -> None:
    """Three pipelines stand in one order on seven datasets: F is infinite.

    The chance of that is (1/3!)⁶.
    """
    rows = made(tmp_path, many(7), [fixtures.comparison(f"d{index}") for index in range(7)])[
        "ranks"
    ]
    assert (rows[0]["f"], float(rows[0]["p_f"])) == ("", pytest.approx(6**-6))
    printed = (tmp_path / "tables" / "ranks.md").read_text(encoding="utf-8")
    assert "Iman–Davenport p" in printed
    assert "| < 0.0001 |" in printed


def test_variance_components_with_what_could_not_be_told(tmp_path: Path) -> None:
    rows = {
        row["component"]: row
        for row in made(
            tmp_path, [fixtures.score("alpha", "whole", "net")], [fixtures.comparison("alpha")]
        )["decomposition"]
    }
    assert (rows["detector"]["p"], rows["detector"]["levels"], rows["sample"]["p"]) == (
        "0.001",
        "2",
        "",
    )
    assert rows["crop"]["reason"] == "all pipelines have the same"
    assert rows["detector"]["high"] == "", "an interval without an upper end"
    assert "[0.010, –]" in (tmp_path / "tables" / "decomposition.md").read_text(encoding="utf-8")


def test_a_shared_detector_is_paid_once(tmp_path: Path) -> None:
    """A model's time adds up with the detector's.

    It is spent on the 5 faces that there are, and is over all 10 pictures.
    """
    timings = [
        {
            "dataset": "alpha",
            "stage": "detect",
            "detector": "yunet",
            "model": None,
            "items": 10,
            "items_per_s": 90.0,
            "compute_s": 0.1,
        },
        {
            "dataset": "alpha",
            "stage": "predict",
            "detector": "yunet",
            "model": "net",
            "items": 5,
            "items_per_s": 25.0,
            "compute_s": 0.2,
        },
        {
            "dataset": "alpha",
            "stage": "predict",
            "detector": "yunet",
            "model": "geometry",
            "items": 5,
            "items_per_s": 250.0,
            "compute_s": 0.02,
        },
        {
            "dataset": "beta",
            "stage": "detect",
            "detector": "yunet",
            "model": None,
            "items": 10,
            "items_per_s": 1.0,
            "compute_s": 10.0,
        },
    ]
    comparison = fixtures.comparison("alpha")
    comparison["ensemble"]["order"] = [["yunet/net", "yunet/geometry"]] * 4 + [
        ["yunet/geometry", "yunet/net"]
    ]
    comparison["ensemble"]["members"][1]["name"] = "yunet/geometry"
    rows = made(tmp_path, [fixtures.score("alpha", "yunet", "net")], [comparison], timings)["cost"]
    curve = {row["size"]: float(row["ms"]) for row in rows if row["part"] == "curve"}
    assert curve == {"1": pytest.approx((4 * 30 + 12) / 5), "2": pytest.approx(32)}
    net = next(row for row in rows if row["part"] == "member" and row["name"] == "yunet/net")
    assert (float(net["ms"]), float(net["worth_per_ms"])) == (
        pytest.approx(30),
        pytest.approx(0.4 / 30),
    )


def test_without_times_cost_is_empty(tmp_path: Path) -> None:
    rows = made(
        tmp_path, [fixtures.score("alpha", "yunet", "net")], [fixtures.comparison("alpha")]
    )["cost"]
    assert {row["ms"] for row in rows} == {""}


def test_critical_difference_is_drawn_from_six_datasets_on() -> None:
    spec = fixtures.spec({"d0": "test"})
    assert "critical_difference" not in fixtures.Jobs(spec).figure_names
    spec = fixtures.spec({f"d{index}": "test" for index in range(6)})
    assert "critical_difference" in fixtures.Jobs(spec).figure_names
    datasets = [
        dataset_results.DatasetResults(
            f"d{index}", {}, [score for score in many(6) if score["dataset"] == f"d{index}"], None
        )
        for index in range(6)
    ]
    figure, rows = critical_difference.of_run(datasets)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert any("critical difference" in text and "6 datasets" in text for text in words)
    assert [row["cell"] for row in rows] == ["whole/a", "whole/b", "whole/c"]
    few, _ = critical_difference.of_run(datasets[:4])
    assert "too few datasets: 4" in few.axes[0].texts[0].get_text()


def test_bars_join_what_cannot_be_told_apart() -> None:
    assert critical_difference._bars([1.0, 1.5, 2.2, 4.0], 0.8) == [(1.0, 1.5), (1.5, 2.2)]
    assert critical_difference._bars([1.0, 1.1, 1.2], 0.8) == [(1.0, 1.2)]
    assert critical_difference._bars([1.0, 3.0], 0.8) == []


def test_agreement_shows_every_two_of_the_leading_pairs() -> None:
    scores = [
        fixtures.score("alpha", "whole", "net", 0.6),
        fixtures.score("alpha", "yunet", "net", 0.7),
    ]
    figure, rows = agreement.of_dataset(
        dataset_results.DatasetResults("alpha", {}, scores, fixtures.comparison("alpha"))
    )
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == [
        "yunet × net",
        "whole × net",
    ], "best first"
    assert [text.get_text() for text in figure.axes[0].texts] == [".70", ".70"]
    assert rows[0]["kappa_low"] == 0.6
    empty, _ = agreement.of_dataset(dataset_results.DatasetResults("alpha", {}, [], None))
    assert "fewer than two" in empty.axes[0].texts[0].get_text()


def test_coverage_counts_boxes_on_the_true_faces() -> None:
    """One detector lies on 8 of 10 true faces; whole frames and votes have no box (§9)."""
    seen = {"dataset": "d", "detectors": [
        {"detector": "yunet", "with_face": 10, "on_face": 8, "false_alarms": 1}
    ]}  # fmt: skip
    cells = [
        fixtures.score("d", "yunet", "net", 0.7),
        fixtures.score("d", "whole", "net", 0.6),
        fixtures.score("d", "", "", 0.7, "vote"),
    ]
    rows = load("coverage").rows(Sources(cells=cells, overlaps=[seen]))
    assert [row["coverage_on_face"] for row in rows] == [0.8, None, None]
    assert rows[0]["false_alarms"] == 1
