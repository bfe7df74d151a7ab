"""Groups from a table and from a signal, stage by stage, to gaps that another sum agrees to."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from faceoff.plan.job_specs import Plan
from faceoff.stages.compare import write_comparisons
from faceoff.stages.detect import write_faces
from faceoff.stages.frames import write_frames
from faceoff.stages.groups import write_groups
from faceoff.stages.predict import write_predictions
from faceoff.stages.samples import write_samples
from faceoff.stages.score import write_score
from faceoff.stages.signals import write_signals
from faceoff.stages.tables import write_tables
from faceoff.storage import files, parquet

pytestmark = pytest.mark.slow
DATASET, DETECTOR, MODEL, SIGNAL = "posed", "given", "faceoff_small", "skin_tone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the results of a model on the 192 evenly lit faces of 16 people.

    A table says of every person, but for the first sample, on which side they stand.
    """
    folder = tmp_path_factory.mktemp("gaps")
    plan = Plan({
        "run": "t",
        "datasets": {DATASET: {"rungs": ["plain"], "groups_from": str(folder / "sides.csv")}},
        "detectors": {DETECTOR: {}},
        "models": {MODEL: {}},
        "signals": {SIGNAL: {}},
        "groups": {"skin_tone": {"bins": [10]}, "face_size": {}},
    })  # fmt: skip

    def path(name: str) -> Path:
        found = folder / name
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    layout, timing = plan.layout, folder / "timing.json"
    samples, frames = path(layout.samples(DATASET)), path(layout.frames(DATASET))
    faces = path(layout.faces(DATASET, DETECTOR))
    predictions = path(layout.predictions(DATASET, DETECTOR, MODEL))
    signals = path(layout.signals(DATASET, DETECTOR, SIGNAL))
    score = path(layout.score(DATASET, DETECTOR, MODEL))
    groups, comparison = path(layout.groups(DATASET)), path(layout.comparison(DATASET))
    people = [(sample.sample_id, sample.subject) for sample in plan.open(DATASET).samples()]
    rows = [f"{name};{'ab'[int(who[-2:]) % 2]}" for name, who in people[1:]]
    (folder / "sides.csv").write_text("\n".join(["sample_id;side", *rows]), encoding="utf-8-sig")
    write_samples(samples, plan.samples_job(DATASET))
    write_frames(samples, frames, plan.frames_job(DATASET))
    write_faces(frames, faces, timing, plan.detect_job(DATASET, DETECTOR))
    job = plan.predict_job(DATASET, DETECTOR, MODEL)
    write_predictions(frames, faces, predictions, timing, job)
    write_signals(frames, faces, signals, timing, plan.signals_job(DATASET, DETECTOR, SIGNAL))
    write_groups(samples, frames, [faces], [signals], groups, plan.groups_job(DATASET))
    told = plan.score_job(DATASET, DETECTOR, MODEL)
    write_score(samples, frames, predictions, score, told, groups=groups)
    compared = plan.compare_job(DATASET)
    write_comparisons(
        samples, frames, [faces], [predictions], [], comparison, compared, groups=groups
    )
    write_tables([score], [comparison], [], folder / "tables", plan.tables_job())
    return folder


def _expected(folder: Path, group: str) -> dict[str, Any]:
    """Compute a gap from the predictions, in another way than the package: by dictionaries."""
    run = folder / "results/t"
    samples = {row["sample_id"]: row for row in parquet.rows(run / "samples/posed.parquet")}
    levels = {name: dict(row["groups"]) for name, row in samples.items()}
    for row in parquet.rows(run / "groups/posed.parquet"):
        levels[row["sample_id"]] |= dict(row["groups"])
    right = {
        row["sample_id"]: row["emotion"] == samples[row["sample_id"]]["label"]
        for row in parquet.rows(run / "predictions/posed/given/faceoff_small.parquet")
    }
    counted: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for name, own in levels.items():
        if group in own:
            counted[own[group], samples[name]["label"]].append(right[name])
    names = sorted({level for level, _ in counted})
    classes = sorted({label for _, label in counted})
    common = [c for c in classes if all(len(counted[level, c]) >= 10 for level in names)]
    own = {level: [x for c in classes for x in counted[level, c]] for level in names}
    score = {level: float(np.mean(own[level])) for level in names}
    if common:
        size = {c: sum(len(counted[level, c]) for level in names) for c in common}
        score = {
            level: sum(size[c] * float(np.mean(counted[level, c])) for c in common)
            / sum(size.values())
            for level in names
        }
    return {"score": score, "n": {level: len(own[level]) for level in names}, "common": common}


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with open(folder / "tables/gaps.csv", newline="", encoding="utf-8") as file:
        return {row["group"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("group", "standardised"), [("side", False), ("skin_tone (predicted)", True)]
)
def test_gaps_are_those_of_another_computation(
    folder: Path, group: str, standardised: bool
) -> None:
    row, expected = _rows(folder)[group], _expected(folder, group)
    assert bool(expected["common"]) == standardised
    assert len(expected["score"]) == 2
    worst, best = sorted(expected["score"], key=lambda level: expected["score"][level])
    assert (row["worst"], row["best"]) == (worst, best)
    for end, level in (("worst", worst), ("best", best)):
        assert float(row[f"{end}_score"]) == pytest.approx(expected["score"][level])
        assert int(row[f"{end}_n"]) == expected["n"][level]
    gap = expected["score"][best] - expected["score"][worst]
    assert float(row["gap"]) == pytest.approx(gap)
    assert float(row["gap_low"]) <= gap <= float(row["gap_high"])


def test_sources_and_a_family_of_all_groups(folder: Path) -> None:
    rows = _rows(folder)
    assert rows["side"]["source"] == "file sides.csv"
    assert rows["skin_tone (predicted)"]["source"] == "predicted by skin_tone of given"
    assert rows["skin_tone (predicted)"]["stated_error"].startswith("3° on evenly lit drawn faces")
    assert rows["face_size (predicted)"]["source"] == "predicted by the box of given"
    assert rows["face_size (predicted)"]["stated_error"] == "unknown"
    tested = [row for row in rows.values() if row["p"]]
    order = sorted(tested, key=lambda row: float(row["p"]))
    adjusted = np.maximum.accumulate(
        [min(1.0, (len(order) - place) * float(row["p"])) for place, row in enumerate(order)]
    )
    np.testing.assert_allclose([float(row["p_adjusted"]) for row in order], adjusted)


def test_skin_tone_is_that_of_the_drawing(folder: Path) -> None:
    """Predicted levels follow the painted skin of 192 faces."""
    samples = parquet.rows(folder / "results/t/samples/posed.parquet")
    painted = {row["sample_id"]: dict(row["groups"])["skin_tone"] for row in samples}
    found = {
        row["sample_id"]: dict(row["groups"])["skin_tone (predicted)"]
        for row in parquet.rows(folder / "results/t/groups/posed.parquet")
    }
    table = [
        [sum(painted[name] in tones and found[name] == level for name in painted)
         for level in ("10 and over", "under 10")]
        for tones in (("light", "medium"), ("dark",))
    ]  # fmt: skip
    assert stats.contingency.association(table, method="cramer") > 0.95


def test_every_pair_is_scored_by_them(folder: Path) -> None:
    found = files.read_json(folder / "results/t/scores/posed/given/faceoff_small.json")
    assert {"side", "skin_tone (predicted)"} <= {group["name"] for group in found["groups"]}
