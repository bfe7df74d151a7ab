"""Figures of calibration, rejection, people and the multiverse.

They are drawn from what the scores hold, in every shape that they can have.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import report_fixtures as fixtures

from faceoff.figures import canvas
from faceoff.figures import human as people_figure
from faceoff.figures import multiverse as multiverse_figure
from faceoff.figures import rejection as rejection_figure
from faceoff.figures import reliability as reliability_figure
from faceoff.results import words
from faceoff.results.dataset_results import DatasetResults
from faceoff.scoring import calibration
from faceoff.scoring import human as human_scores
from faceoff.scoring.rejection import describe, threshold
from faceoff.scoring.task import share_interval
from faceoff.stages.figures import write_figures
from faceoff.stages.tables import write_tables
from faceoff.statistics.intervals import Interval
from faceoff.storage import files

K = len(fixtures.SPACE)
PARTS = {"calibration", "rejection", "human"}


def plain(value: object) -> object:
    """As a score file gives it back."""
    return json.loads(
        json.dumps(value, default=lambda array: array.tolist()).replace("NaN", "null")
    )


def parts(n: int, seed: int = 0) -> dict[str, object]:
    """`calibration`, `rejection` and `human` of n samples, a tenth of them without a face."""
    random = np.random.default_rng(seed)
    posterior = random.dirichlet(np.full(K, 0.3), n)
    truth = np.where(random.random(n) < 0.6, posterior.argmax(axis=1), random.integers(0, K, n))
    posterior[: n // 10] = np.nan
    tempered = calibration.cross_fit(truth, posterior, np.arange(n) % 5)
    correct = np.nan_to_num(posterior, nan=-1).argmax(axis=1) == truth
    correct[: n // 10] = False
    votes = np.stack(
        [random.multinomial(10, share) for share in random.dirichlet(np.full(K + 1, 0.2), n)]
    ).astype(float)
    at = [
        {
            "coverage": c,
            "threshold": 0.5,
            "n": round(0.905 * n),
            "accuracy": 0.8,
            "interval": [0.7, 0.9],
            "outliers_rejected": 0.1,
        }
        for c in (0.8, 0.9)
    ]
    at.append(
        {
            "coverage": 0.95,
            "threshold": None,
            "n": None,
            "accuracy": None,
            "interval": None,
            "outliers_rejected": None,
        }
    )
    found = {
        "calibration": {
            "temperature": tempered.temperature,
            "before": calibration.describe(truth, posterior, share_interval, seed=1),
            "after": calibration.describe(truth, tempered.posterior, share_interval, seed=1),
        },
        "rejection": {
            **describe(posterior.max(axis=1), correct),
            "at": at,
            "outliers": {"auroc": 0.7},
        },
        "human": human_scores.describe(
            votes, truth, posterior, lambda values, here: Interval(0.5, 0.4, 0.6)
        ),
    }
    return plain(found)


def dataset(*more: dict[str, object]) -> DatasetResults:
    whole = [fixtures.score("alpha", f"d{place}", "net") for place in range(len(more))]
    scores = [
        {key: value for key, value in score.items() if key not in PARTS} | extra
        for score, extra in zip(whole, more, strict=True)
    ]
    return DatasetResults("alpha", {}, scores, None)


DRAWERS = {"reliability": reliability_figure, "rejection": rejection_figure, "human": people_figure}
EMPTY = {
    "old files": {},
    "nothing": {"calibration": None, "rejection": None, "human": None},
    "no folds": {"calibration": {**parts(60)["calibration"], "temperature": None, "after": None}},
}


@pytest.mark.parametrize("kind", DRAWERS)
def test_best_single_and_fusions_are_drawn_with_their_numbers(kind: str, tmp_path: Path) -> None:
    single = fixtures.score("alpha", "whole", "net", 0.7, **parts(200))
    fusions = [
        fixtures.score("alpha", "", "", 0.6, fusion=f"vote{i}", **parts(200, seed=i))
        for i in range(7)
    ]
    figure, rows = DRAWERS[kind].of_dataset(DatasetResults("alpha", {}, [single, *fusions], None))
    shown = list(dict.fromkeys(row["pipeline"] for row in rows if row["pipeline"] != "people"))
    assert len(shown) == 6
    assert shown[0] == "whole/net"
    assert canvas.save(figure, tmp_path / kind, ["svg", "pdf"])[0].stat().st_size > 1000


@pytest.mark.parametrize("kind", DRAWERS)
@pytest.mark.parametrize("extra", EMPTY.values(), ids=EMPTY)
def test_what_is_not_there_is_not_drawn(
    kind: str, extra: dict[str, object], tmp_path: Path
) -> None:
    figure, rows = DRAWERS[kind].of_dataset(dataset(extra))
    canvas.save(figure, tmp_path / kind, ["svg"])
    assert bool(rows) == (
        kind == "reliability" and "calibration" in extra and extra["calibration"] is not None
    )
    canvas.save(
        DRAWERS[kind].of_dataset(DatasetResults("alpha", {}, [], None))[0],
        tmp_path / "empty",
        ["svg"],
    )


def test_pipelines_of_one_beginning_have_lines_of_their_own() -> None:
    names = [f"mediapipe_full_range_upscaled_{number}" for number in range(6)]
    scores = [
        fixtures.score("alpha", "", "", 0.7 - number / 100, fusion=name, **parts(80, seed=number))
        for number, name in enumerate(names)
    ]
    left, right = rejection_figure.of_dataset(DatasetResults("alpha", {}, scores, None))[0].axes
    drawn = [line for line in left.get_lines() if len(line.get_xdata()) > 10]
    assert (
        len({line.get_color() for line in drawn})
        == len({str(line.get_linestyle()) + str(line._dash_pattern) for line in drawn})
        == 6
    )
    dots = [line for line in right.get_lines() if len(line.get_xdata()) == 1]
    assert [line.get_color() for line in dots] == [
        line.get_color() for line in drawn for _ in (0.8, 0.9)
    ]
    assert len({line.get_marker() for line in dots}) == 6
    labels = [tick.get_text() for tick in right.get_yticklabels()]
    assert len(set(labels)) == len(labels)


def test_the_share_that_was_answered_is_named_where_it_is_another() -> None:
    figure, rows = rejection_figure.of_dataset(dataset({**parts(200), "calibration": None}))
    labels = [tick.get_text().replace("\u00a0", " ") for tick in figure.axes[1].get_yticklabels()]
    assert labels == ["d0 × net, ≥ 80 % (90 %)", "d0 × net, ≥ 90 %", "d0 × net, ≥ 95 %"]
    assert [row["reached"] for row in rows if row["part"] == "at"] == [0.905, 0.905, None]


def test_a_hard_votes_share_is_not_the_one_asked_for() -> None:
    """All confidences alike: whoever asks for 80 % gets all."""
    everything = threshold(np.ones(20), 0.8)
    assert (
        words.reached({"coverage": 0.8, "n": int(everything.accepted.sum())}, 20).replace(
            "\u00a0", " "
        )
        == "≥ 80 % (100 %)"
    )


def test_csv_of_reliability_holds_the_bins_of_both_modes_before_and_after() -> None:
    found = parts(150)
    rows = reliability_figure.of_dataset(dataset(found))[1]
    before = found["calibration"]["before"]["bins"]
    assert [
        row["accuracy"] for row in rows if row["scaling"] == "before" and row["bins"] == "mass"
    ] == before["mass"]["accuracy"]
    assert sum(
        row["n"] for row in rows if row["scaling"] == "after" and row["bins"] == "width"
    ) == sum(before["width"]["n"])


def multiverse(folder: Path, pipelines: list[str], home: int | None = 0) -> Path:
    universes = [
        {
            "name": f"{rule}, {answer}",
            "factors": {"rule": rule, "answer": answer},
            "n": 10 * place,
            "n_correct": [5 * place] * len(pipelines),
            "accuracy": [0.5 if place else None] * len(pipelines),
            "low": [0.4 if place else None] * len(pipelines),
            "high": [0.6 if place else None] * len(pipelines),
            "best": pipelines if place else [],
            "swapped": None if home is None else place % 2,
        }
        for place, (rule, answer) in enumerate(
            (rule, answer) for rule in ("majority", "argmax8") for answer in ("label", "set")
        )
    ]
    files.write_json(
        folder / "alpha.json",
        {
            "dataset": "alpha",
            "task": None,
            "pipelines": pipelines,
            "home": home,
            "universes": universes,
        },
    )
    return folder / "alpha.json"


@pytest.mark.parametrize(
    ("pipelines", "home"), [(["d0/net", "fusion/vote"], 1), (["d0/net"], None), ([], None)]
)
def test_multiverse_is_drawn(tmp_path: Path, pipelines: list[str], home: int | None) -> None:
    shown = dataclasses.replace(dataset({}), multiverse=multiverse(tmp_path, pipelines, home))
    figure, rows = multiverse_figure.of_dataset(shown)
    canvas.save(figure, tmp_path / "m", ["svg"])
    assert len(rows) == 4 * len(pipelines)
    assert sum(row["home"] for row in rows) == (0 if home is None else len(pipelines))
    assert sum(row["best"] for row in rows) == 3 * len(pipelines), (
        "those that tie are all the best, of no sample none is"
    )
    title = figure.axes[0].get_title(loc="left")
    assert ("dashed" in title) == (home is not None)


def test_a_run_with_votes_and_a_multiverse_has_their_figures_and_table(tmp_path: Path) -> None:
    spec = fixtures.spec({"alpha": "test"}, fusions={})
    spec["config"]["datasets"]["alpha"]["multiverse"] = True
    spec["datasets"]["alpha"]["votes"] = True
    run = fixtures.write_run(
        tmp_path, spec, [fixtures.score("alpha", "d0", "net", **parts(100))], [], {}
    )
    jobs = run.jobs()
    wanted = jobs.figure_files
    assert {"human-alpha.csv", "multiverse-alpha.csv"} <= set(wanted)
    path = multiverse(tmp_path, ["d0/net"])
    write_figures(
        run.scores,
        run.comparisons,
        run.examples,
        tmp_path / "figures",
        jobs.figures,
        multiverse=[path],
    )
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == sorted(wanted)
    write_tables(run.scores, [], [], tmp_path / "tables", jobs.tables, multiverse=[path])
    assert (
        "alpha,label,majority,True,0,d0/net,0,,,,False,0,False"
        in (tmp_path / "tables/multiverse.csv").read_text()
    )
    assert (
        "| alpha | d0/net | – | 50.00 | 50.00 | 3 of 4 |"
        in (tmp_path / "tables/multiverse.md").read_text()
    )
    header, line = (tmp_path / "tables/accuracy.csv").read_text().splitlines()
    row = dict(zip(header.split(","), line.split(","), strict=True))
    expected = parts(100)
    assert float(row["temperature"]) == expected["calibration"]["temperature"]
    assert float(row["ece_after"]) == expected["calibration"]["after"]["ece"]
    assert float(row["aurc"]) == expected["rejection"]["aurc"]
    assert (row["accuracy_at_80"], row["accuracy_at_95"], row["outlier_auroc"]) == (
        "0.8",
        "",
        "0.7",
    )
    assert (row["reached_at_80"], row["reached_at_90"], row["reached_at_95"]) == ("0.9", "0.9", "")
    assert float(row["one_person"]) == expected["human"]["one_person"]
    assert float(row["as_tagger_over_one_person"]) == pytest.approx(
        float(row["accuracy_as_tagger"]) / float(row["one_person"])
    )
