"""Two runs side by side, on hand-made results whose every difference is known."""

import json
from pathlib import Path
from typing import Any

import pytest
from report_fixtures import HOSTILE
from typer.testing import CliRunner

from faceoff.cli import app
from faceoff.layout import VERSION
from faceoff.results.run_comparison import compare, words
from faceoff.results.run_comparison.compare import changed_provenance, compare_runs, read_run
from faceoff.results.run_comparison.page import render
from faceoff.storage import columns, files, parquet

SPACE = ("happiness", "sadness", "anger")
RIGHT, WRONG, OTHER, LOST = (
    "r",
    "w",
    "o",
    "n",
)  # per sample: the label, the next class, the one after, no face


def make_run(
    folder: Path,
    cells: dict[str, str],
    ids: list[str] | None = None,
    labels: dict[str, str] | None = None,
    subjects: int | None = None,
    space: tuple[str, ...] = SPACE,
    dataset: str = "mine",
    reasons: dict[str, str] | None = None,
    affect: dict[str, dict[str, Any]] | None = None,
    labelled: bool = True,
    skipped: str | None = None,
    limited: bool = False,
    **manifest: Any,
) -> Path:
    """Write a run whose cells are right and wrong as the letters say.

    cells: detector/model or fusion/name -> a letter per sample.
    """
    ids = ids or [f"s{number:03d}" for number in range(len(next(iter(cells.values()))))]
    truth = {
        sample: (labels or {}).get(sample, SPACE[number % 3]) for number, sample in enumerate(ids)
    }
    common = {"kind": "image", "path": "x.png", "split": "test", "groups": []}
    rows = [
        {
            "sample_id": sample,
            "label": truth[sample] if labelled else None,
            "subject": f"p{number % subjects}" if subjects else None,
            **common,
        }
        for number, sample in enumerate(ids)
    ]
    task = {
        "name": dataset,
        "type": "folder",
        "version": "1",
        "space": space,
        "limited": limited,
        "headline": True,
    }
    parquet.write_rows(
        folder / f"samples/{dataset}.parquet",
        columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}),
        rows,
    )
    for name, letters in cells.items():
        detector, _, model = name.partition("/")
        place = (
            f"fusion/{dataset}/{model}" if detector == "fusion" else f"predictions/{dataset}/{name}"
        )
        predicted = [
            _row(sample, truth[sample], letter)
            for sample, letter in zip(ids, letters, strict=False)
        ]
        parquet.write_rows(
            folder / f"{place}.parquet", columns.predictions_schema(SPACE), predicted
        )
        about = (
            {"kind": "fusion", "fusion": model}
            if detector == "fusion"
            else {"kind": "cell", "detector": detector, "model": model}
        )
        state = (
            {"state": "error", "reason": reasons[name]}
            if name in (reasons or {})
            else {"state": "ok", "reason": None}
        )
        if not labelled:
            state = {"state": "skipped", "reason": "no sample has a label in its space"}
        score = {
            "dataset": dataset,
            "task": {"hash": "?"},
            "affect": (affect or {}).get(name, {}),
            **about,
            **state,
        }
        if name == skipped:
            score = {
                "dataset": dataset,
                "task": None,
                **about,
                "state": "skipped",
                "reason": "no weights",
            }
        files.write_json(folder / f"scores/{dataset}/{name}.json", score)
    detectors = {name.split("/")[0]: {} for name in cells if not name.startswith("fusion/")}
    models = {name.split("/")[1]: {} for name in cells if not name.startswith("fusion/")}
    fusions = {name.split("/")[1]: {} for name in cells if name.startswith("fusion/")}
    config = {
        "run": folder.name,
        "seed": 3,
        "datasets": {dataset: {}},
        "detectors": detectors,
        "models": models,
        "fusions": fusions,
    }
    files.write_json(
        folder / "manifest.json",
        {
            "layout": VERSION,
            "config": config,
            "faceoff": {"commit": "c1", "dirty": False},
            "versions": {"numpy": "1"},
        }
        | manifest,
    )
    return folder


def _row(sample: str, label: str, letter: str) -> dict[str, Any]:
    about = {"sample_id": sample, "frame": 0, "timestamp_s": 0.0, "face_id": 0}
    if letter == LOST:
        return about | {"success": 0, "state": "no_face"}
    guess = (SPACE.index(label) + {RIGHT: 0, WRONG: 1, OTHER: 2}[letter]) % 3
    return (
        about
        | {"success": 1, "state": "ok"}
        | {f"p_{emotion}": 0.8 if index == guess else 0.1 for index, emotion in enumerate(SPACE)}
    )


def compared(a: Path, b: Path, **options: Any) -> compare.Comparison:
    return compare_runs(read_run(a), read_run(b), **options)


def test_identical_runs_differ_in_nothing(tmp_path):
    a, b = (make_run(tmp_path / name, {"d/m": "rrwo" * 5}) for name in "ab")
    found = compared(a, b)
    assert not found.results_differ
    assert not found.provenance
    assert (
        found.cells[0].verdict,
        found.cells[0].paired.difference,
        found.cells[0].p_adjusted,
    ) == ("no difference", 0.0, 1.0)


def test_changed_predictions_are_counted_by_what_they_were_and_became(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rrrwwwoonr"})
    b = make_run(tmp_path / "b", {"d/m": "rwnrwowoor"})
    (cell,) = compared(a, b).cells
    assert (cell.lost, cell.gained, cell.other) == (2, 1, 3)
    assert cell.states == {"no_face → ok": 1, "ok → no_face": 1}
    assert (cell.a.n_correct, cell.b.n_correct, cell.n) == (4, 3, 10)
    assert cell.paired.difference == pytest.approx(-0.1)


def test_sign_and_verdict_are_about_b(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "w" * 20 + "r" * 20})
    b = make_run(tmp_path / "b", {"d/m": "r" * 40})
    better, worse = compared(a, b), compared(b, a)
    assert better.cells[0].verdict == "better"
    assert worse.cells[0].verdict == "worse"
    assert better.cells[0].paired.difference == 0.5 == -worse.cells[0].paired.difference
    # 20 discordant pairs, all one way: exact p = 2 / 2^20, mid-p half of it
    assert better.cells[0].paired.p == pytest.approx(2**-20)
    assert better.cells[0].paired.test == "mid-p McNemar"
    assert (better.worse, worse.worse) == ([], ["mine: d/m"])


def test_holm_is_over_the_cells_of_the_dataset(tmp_path):
    weak = (
        "r" * 6 + "w" * 34
    )  # six more right of 40: mid-p 1/64 alone, 3/64 … after Holm over three
    a = make_run(tmp_path / "a", {"d/m": "w" * 40, "d/n": "w" * 40, "fusion/f": "r" * 40})
    b = make_run(tmp_path / "b", {"d/m": weak, "d/n": weak, "fusion/f": "r" * 40})
    cells = {cell.name: cell for cell in compared(a, b).cells}
    assert cells["d/m"].paired.p == pytest.approx(1 / 64)
    assert cells["d/m"].p_adjusted == pytest.approx(3 / 64)
    assert cells["fusion/f"].p_adjusted == 1.0


def test_subjects_are_clusters(tmp_path):
    cells = {"d/m": "w" * 32}, {"d/m": "r" * 32}
    a, b = (
        make_run(tmp_path / name, cell, subjects=8) for name, cell in zip("ab", cells, strict=True)
    )
    (cell,) = compared(a, b).cells
    assert cell.paired.test == "sign-flip over clusters"
    assert cell.paired.p == pytest.approx(2 / 2**8)
    few = compared(
        *(
            make_run(tmp_path / f"few{name}", cell, subjects=3)
            for name, cell in zip("ab", cells, strict=True)
        )
    )
    assert (few.cells[0].verdict, few.cells[0].p_adjusted) == ("too few clusters", None)
    json.dumps(few.as_dict(), allow_nan=False)


def test_other_tasks_are_named_and_compared_only_when_asked(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rrrrww"}, ids=["a", "b", "c", "d", "e", "f"])
    b = make_run(
        tmp_path / "b",
        {"d/m": "wwrrr"},
        ids=["f", "e", "c", "b", "z"],
        labels={"f": "anger", "e": "sadness", "c": "anger", "b": "happiness", "z": "anger"},
    )
    (dataset,) = compared(a, b).datasets
    assert {what for what, _, _ in dataset.differs} == {"n", "hash"}
    assert not dataset.compared
    assert not dataset.cells
    (dataset,) = compared(a, b, common=True).datasets
    assert dataset.common == compare.CommonSamples(
        n=3, only_a=2, only_b=1, relabelled=1
    )  # c, e, f; b has another label
    assert (dataset.cells[0].n, dataset.cells[0].a.n_correct, dataset.cells[0].b.n_correct) == (
        3,
        1,
        1,
    )


def test_a_dataset_that_is_another_task_is_not_passed_over_in_the_summary(tmp_path):
    a, b = (make_run(tmp_path / name, {"d/m": "rw"}) for name in "ab")
    for folder, letters in ((a, "rrr"), (b, "rr")):
        manifest = files.read_json(folder / "manifest.json")
        make_run(folder, {"d/m": letters}, dataset="other")
        manifest["config"]["datasets"]["other"] = {}
        files.write_json(folder / "manifest.json", manifest)
    assert (
        words.summary(compared(a, b))
        == "Of 1 cells: 1 unchanged. Not compared, as their samples differ: 1 of 2 datasets."
    )


def test_other_label_spaces_are_never_compared(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rrrr"})
    b = make_run(tmp_path / "b", {"d/m": "rrrr"}, space=SPACE[:2])
    (dataset,) = compared(a, b, common=True).datasets
    assert "label space" in {what for what, _, _ in dataset.differs}
    assert not dataset.cells


def test_what_only_one_run_has(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rw", "d/old": "rr"})
    b = make_run(tmp_path / "b", {"d/m": "rw", "new/m": "rr", "fusion/f": "rr"})
    files.write_json(
        b / "scores/more/d/m.json",
        {
            "dataset": "more",
            "kind": "cell",
            "detector": "d",
            "model": "m",
            "state": "skipped",
            "reason": "x",
        },
    )
    made = files.read_json(b / "manifest.json")
    made["config"]["datasets"]["more"] = {}
    files.write_json(b / "manifest.json", made)
    found = compared(a, b)
    assert found.only_b == ["more"]
    assert (found.datasets[0].only_a, found.datasets[0].only_b) == (
        ["d/old"],
        ["fusion/f", "new/m"],
    )
    assert found.results_differ


def test_a_cell_that_failed_in_b_counts_as_worse(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rw", "d/n": "rr"})
    b = make_run(tmp_path / "b", {"d/m": "rw", "d/n": "rr"}, reasons={"d/n": "out of memory"})
    (b / "scores/mine/d/m.json").unlink()  # as the check leaves a failed cell
    found = compared(a, b)
    assert found.worse == ["mine: d/m", "mine: d/n"]
    assert [cell.b.state for cell in found.cells] == ["error", "error"]
    assert found.cells[1].b.reason == "out of memory"
    assert not compared(b, a).worse


def test_gone_predictions_are_a_note_and_gone_samples_an_error(tmp_path):
    a, b = (make_run(tmp_path / name, {"d/m": "rw"}) for name in "ab")
    (b / "predictions/mine/d/m.parquet").unlink()
    (cell,) = compared(a, b).cells
    assert str(b / "predictions/mine/d/m.parquet") in cell.note
    assert cell.paired is None
    (b / "samples/mine.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"samples/mine\.parquet is gone"):
        compared(a, b)


def test_valence_and_arousal(tmp_path):
    def affect(ccc):
        return {
            "d/m": {"valence": {"ccc": ccc, "ccc_low": ccc - 0.1, "ccc_high": ccc + 0.1, "n": 7}}
        }

    a, b, c = (
        make_run(tmp_path / name, {"d/m": "rw"}, affect=affect(ccc))
        for name, ccc in (("a", 0.5), ("b", 0.6), ("c", 0.5))
    )
    (cell,) = compared(a, b).cells
    assert [(row.dimension, row.ccc_a, row.ccc_b) for row in cell.affect] == [("valence", 0.5, 0.6)]
    assert cell.changed
    assert not compared(a, c).results_differ


def test_provenance_names_every_changed_key_and_no_other():
    a = {
        "faceoff": {"commit": "c1", "code": "x"},
        "config": {"run": "a", "models": {"fer": {"margin": None}}, "detectors": {"d": {}}},
        "weights": {"model fer: w": {"sha256": "1", "licence": "MIT"}},
        "versions": {"numpy": "1", "scipy": "2"},
        "host": {"n": 1},
        "time": "t",
    }
    b = {
        "faceoff": {"commit": "c2", "code": "y"},
        "config": {"run": "b", "models": {"fer": {"margin": 0.4}}, "detectors": {}},
        "weights": {"model fer: w": {"sha256": "2", "licence": "MIT"}},
        "versions": {"numpy": "1", "torch": "3"},
        "host": {"n": 2},
        "time": "u",
    }
    assert [(row.kind, row.key, row.a, row.b) for row in changed_provenance(a, b)] == [
        ("commit", "faceoff", "c1", "c2"),
        ("config", "detectors", None, {}),
        ("config", "detectors.d", {}, None),
        ("config", "models.fer.margin", None, 0.4),
        ("weights", "model fer: w", "1", "2"),
        ("versions", "scipy", "2", None),
        ("versions", "torch", None, "3"),
    ]


def test_a_run_without_a_manifest_is_compared_and_says_so(tmp_path):
    a, b = (make_run(tmp_path / name, {"d/m": "rw"}) for name in "ab")
    (b / "manifest.json").unlink()
    found = compared(a, b)
    assert found.notes == [f"{b} has no manifest.json: what made it is not known"]
    assert found.cells[0].verdict == "no difference"


def test_unlabelled_predictions_are_compared_sample_by_sample(tmp_path):
    a, same, b = (
        make_run(tmp_path / name, {"d/m": letters}, labelled=False)
        for name, letters in (("a", "rrwn"), ("same", "rrwn"), ("b", "rwnw"))
    )
    found = compared(a, same)
    assert (found.results_differ, found.cells[0].n, found.cells[0].paired) == (False, 4, None)
    assert words.summary(found) == "Nothing differs: all 1 cells predict the same for every sample."
    found = compared(a, b)
    (cell,) = found.cells
    assert (found.results_differ, cell.other, cell.lost, cell.gained) == (True, 3, 0, 0)
    assert cell.states == {"no_face → ok": 1, "ok → no_face": 1}
    assert words.summary(found) == "Of 1 cells: 1 changed, not tested."
    assert "d × m: 3 of 4 predictions differ" in words.remarks(found.datasets[0])


def test_other_unlabelled_samples_are_another_task(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rrr"}, ids=["a", "b", "c"], labelled=False)
    b = make_run(tmp_path / "b", {"d/m": "rr"}, ids=["c", "x"], labelled=False)
    (dataset,) = compared(a, b).datasets
    assert dataset.differs == [
        ("set of unlabelled samples", "2 of its own, such as a", "1 of its own, such as x")
    ]
    assert not dataset.cells
    assert words.task_remarks(dataset)[1] == "not compared: not the same question"


def test_what_has_no_predictions_is_not_called_the_same(tmp_path):
    """A skipped cell may have files of an earlier run.

    Neither they nor absent ones say anything.
    """
    a, b = (
        make_run(tmp_path / name, {"d/m": "rw", "d/off": letters}, skipped="d/off")
        for name, letters in (("a", "rr"), ("b", "ww"))
    )
    found = compared(a, b)
    assert found.results_differ is None
    assert [cell.compared for cell in found.cells] == [True, False]
    assert (
        words.summary(found)
        == "The 1 cells that could be compared predict the same for every sample; 1 not compared."
    )
    assert words.remarks(found.datasets[0]) == [
        "not compared, without predictions in either run: d × off"
    ]
    assert words.verdict(found.cells[1]) == "not compared"
    for folder in (a, b):
        (folder / "predictions/mine/d/m.parquet").unlink()
    gone = compared(a, b)
    assert gone.results_differ is None
    assert (
        words.summary(gone)
        == "Nothing could be compared: none of the 2 cells has predictions in both runs."
    )


def test_a_limited_run_is_said_to_be(tmp_path):
    a = make_run(tmp_path / "a", {"d/m": "rw"})
    b = make_run(tmp_path / "b", {"d/m": "rw"}, limited=True)
    found = compared(b, b)
    assert found.as_dict()["datasets"][0]["limited"] == ["A", "B"]
    assert words.dataset_title(found.datasets[0]).endswith(
        "; limited in A and B: not for reporting"
    )
    assert "limited in A and B: not for reporting" in render(found)
    assert words.dataset_title(compared(a, b).datasets[0]).endswith(
        "; limited in B: not for reporting"
    )
    assert "not for reporting" not in render(compared(a, a))


# ---------------------------------------------------------------- the command


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run `faceoff compare` below tmp_path and return (exit code, output)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["compare", *arguments])
        return result.exit_code, result.output

    return run


def test_runs_are_named_by_name_or_by_path(call, tmp_path):
    make_run(tmp_path / "results/a", {"d/m": "rw"})
    make_run(tmp_path / "elsewhere/b", {"d/m": "rw"})
    code, output = call("a", "elsewhere/b")
    assert code == 0
    assert "Nothing differs: all 1 cells" in output
    code, output = call("a", "nowhere")
    assert code == 1
    assert "neither results/nowhere nor nowhere" in output
    code, output = call("elsewhere/b", "elsewhere/b", "--json")
    assert json.loads(output)["results_differ"] is False
    (tmp_path / "results/a/scores/mine/d/m.json").write_text("{")
    code, output = call("a", "elsewhere/b")
    assert code == 1
    assert "results/a/scores/mine/d/m.json is no JSON" in output


def test_fail_on_worse(call, tmp_path):
    make_run(tmp_path / "results/a", {"d/m": "r" * 30})
    make_run(tmp_path / "results/b", {"d/m": "w" * 30})
    make_run(tmp_path / "results/c", {"d/m": "r" * 20})
    assert call("a", "b")[0] == 0
    code, output = call("a", "b", "--fail-on-worse")
    assert (code, "worse in B: mine: d/m" in output) == (1, True)
    assert call("b", "a", "--fail-on-worse")[0] == 0
    code, output = call("a", "c", "--fail-on-worse")
    assert (code, "nothing could be compared" in output) == (1, True)
    assert call("a", "c", "--fail-on-worse", "--common")[0] == 0
    for name, letters in (("u", "r" * 9), ("v", "w" * 9)):
        make_run(tmp_path / "results" / name, {"d/m": letters}, labelled=False)
    assert call("u", "u", "--fail-on-worse")[0] == 0
    code, output = call("u", "v", "--fail-on-worse")
    assert (code, "nothing has labels to judge it by" in output) == (1, True)


def test_terminal_and_json_say_the_same(call, tmp_path):
    make_run(
        tmp_path / "results/a",
        {"d/m": "w" * 20 + "r" * 20, "d/n": "r" * 40},
        faceoff={"commit": "c1", "dirty": True},
    )
    make_run(
        tmp_path / "results/b",
        {"d/m": "r" * 40, "d/n": "r" * 40},
        faceoff={"commit": "c2", "dirty": True},
    )
    code, shown = call("a", "b")
    assert code == 0
    for part in (
        "1 significantly better in B, 1 unchanged",
        "d × m",
        "50.00",
        "100.00",
        "+50.00 [",
        "better",
        "0 / 20 / 0",
        "c2",
        "uncommitted changes",
    ):
        assert part in shown
    assert "d × n" not in shown
    code, text = call("a", "b", "--json")
    found = json.loads(text)
    assert found["datasets"][0]["cells"][0]["paired"]["difference"] == 0.5
    assert found["provenance"] == [{"kind": "commit", "key": "faceoff", "a": "c1", "b": "c2"}]


def test_page_is_self_contained_and_shows_hostile_text_as_text(call, tmp_path):
    make_run(tmp_path / "results/a", {"d/m": "rw", "d/n": "rr"}, versions={HOSTILE: "1"})
    make_run(
        tmp_path / "results/b",
        {"d/m": "wr", "d/n": "rr"},
        reasons={"d/n": HOSTILE},
        versions={HOSTILE: HOSTILE},
    )
    assert call("a", "b", "--output", "diff.html")[0] == 0
    page = (tmp_path / "diff.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == render(compared(Path("results/a"), Path("results/b")))
    assert "A" * 200 not in page
