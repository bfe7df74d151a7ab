"""The intervals in a score file, from prediction files whose answers are known."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from faceoff.emotions import EMOTIONS
from faceoff.plan.jobs import CellIdentity, ScoreJob
from faceoff.scoring import metrics
from faceoff.scoring.records import Score
from faceoff.stages.score import write_score
from faceoff.statistics import bootstrap
from faceoff.statistics.intervals import mean_share
from faceoff.storage import columns, files, parquet

CLASSES = ("neutral", "happiness", "sadness")


def scored(
    folder: Path,
    truth: np.ndarray,
    predicted: np.ndarray,
    subjects: np.ndarray | None = None,
    sure: float = 0.6,
    classes: tuple[str, ...] = CLASSES,
    notes: tuple[str, ...] = (),
    labelled: bool = True,
) -> dict:
    """The score file of a cell that answers `predicted` with probability `sure`, -1 for no face."""
    other = (1 - sure) / (len(classes) - 1)
    task = {
        "name": "d",
        "type": "folder",
        "version": "1",
        "space": CLASSES,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "image", "path": "x", "split": "test", "groups": []}
    ids = [f"s{number:04}" for number in range(len(truth))]
    people = [None] * len(ids) if subjects is None else [f"p{subject}" for subject in subjects]
    listed = [
        common | {"sample_id": i, "label": CLASSES[t] if labelled else None, "subject": who}
        for i, t, who in zip(ids, truth, people, strict=True)
    ]
    parquet.write_rows(
        folder / "samples.parquet",
        columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}),
        listed,
    )
    frames = [{"sample_id": i, "frame": 0, "width": 1, "height": 1, "state": "ok"} for i in ids]
    parquet.write_rows(folder / "frames.parquet", columns.FRAMES, frames)
    rows = [
        {
            "sample_id": i,
            "frame": 0,
            "face_id": 0,
            "success": 1,
            "state": "ok",
            **{f"p_{name}": sure if p == c else other for c, name in enumerate(classes)},
        }
        if p >= 0
        else {"sample_id": i, "frame": 0, "face_id": -1, "success": 0, "state": "no_face"}
        for i, p in zip(ids, predicted, strict=True)
    ]
    schema = parquet.with_notes(columns.predictions_schema(classes), notes)
    parquet.write_rows(folder / "predictions.parquet", schema, rows)
    cell = CellIdentity(detector="x", model="y", lineage="y")
    job = ScoreJob(dataset="d", cell=cell, train_status="unknown", circular=False, seed=3)
    write_score(
        folder / "samples.parquet",
        folder / "frames.parquet",
        folder / "predictions.parquet",
        folder / "score.json",
        job,
    )
    return files.read_json(folder / "score.json")


def test_of_independent_samples(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [60, 50, 5])
    predicted = np.where(random.random(115) < 0.8, truth, random.integers(-1, 3, 115))
    predicted[110:] = 2
    found = scored(tmp_path, truth, predicted)
    right = predicted == truth
    assert found["intervals"]["accuracy"] == pytest.approx(
        proportion_confint(right.sum(), 115, method="wilson")
    )
    uar = mean_share([right[truth == label].sum() for label in range(3)], [60, 50, 5])
    assert found["intervals"]["balanced_accuracy"] == pytest.approx([uar.low, uar.high])
    assert uar.estimate == pytest.approx(found["metrics"]["balanced_accuracy"])
    f1 = bootstrap.bootstrap_t_confusion(metrics.macro_f1_of, truth, predicted, 3, seed=3)
    assert found["intervals"]["macro_f1"] == pytest.approx([f1.low, f1.high])
    assert found["design_effect"] is None


def test_everything_right_is_no_certainty(tmp_path: Path) -> None:
    found = scored(tmp_path, np.arange(12) % 3, np.arange(12) % 3)
    assert found["metrics"]["macro_f1"] == 1
    assert found["intervals"]["accuracy"][0] < 0.8
    assert found["intervals"]["balanced_accuracy"][0] < 0.9
    assert found["intervals"]["macro_f1"] == [None, None]


@pytest.mark.parametrize("groups", [2, 6])
def test_of_subjects(tmp_path: Path, groups: int) -> None:
    """One subject of 100 samples and some of 10: the accuracy lies in its interval; below six
    subjects nothing is resampled.
    """
    random = np.random.default_rng(groups)
    subjects = np.concatenate([np.zeros(100, int), np.repeat(np.arange(1, groups), 10)])
    truth = np.arange(len(subjects)) % 3
    right = random.random(len(subjects)) < np.where(subjects == 0, 0.9, 0.3)
    found = scored(tmp_path, truth, np.where(right, truth, (truth + 1) % 3), subjects)
    low, high = found["intervals"]["accuracy"]
    assert low <= found["metrics"]["accuracy"] <= high
    assert found["design_effect"] > 1
    resampled = [found["intervals"][name][0] for name in ("balanced_accuracy", "macro_f1")]
    assert [low is None for low in resampled] == [groups < 6] * 2


def test_without_labels_the_states_are_counted(tmp_path: Path) -> None:
    """They say how often a detector found a face, whatever anyone scores."""
    found = scored(tmp_path, np.array([0, 1, 2, 0]), np.array([0, -1, 2, 0]), labelled=False)
    assert (found["state"], found["task"]) == ("skipped", None)
    assert found["counts"] == {"ok": 3, "no_face": 1, "unreadable": 0, "error": 0}


def test_doubts_about_the_input_stand_beside_the_score(tmp_path: Path) -> None:
    """They do not cost the rank: the decisions may be right."""
    truth = np.arange(40) % 3
    twice = np.e / (np.e + 6)  # the most that a softmax over seven probabilities gives
    found = scored(tmp_path, truth, truth, sure=twice, classes=EMOTIONS[:7], notes=("a note",))
    assert [flag.split(":")[0] for flag in found["flags"]] == [
        "a note",
        "its posteriors are a softmax over probabilities",
    ]
    assert found["ranked"]
    assert scored(tmp_path, truth, truth, sure=0.5, classes=EMOTIONS[:7])["flags"] == []


def test_a_score_file_has_the_keys_and_types_of_its_record(tmp_path: Path) -> None:
    """Keys that the record lacks are dropped on reading, so that the two would differ."""
    random = np.random.default_rng(5)
    truth = random.integers(0, 3, 40)
    found = scored(tmp_path, truth, np.where(random.random(40) < 0.7, truth, -1), truth % 8)
    assert msgspec.to_builtins(msgspec.convert(found, Score)) == found
    with pytest.raises(msgspec.ValidationError, match=r"\$.metrics.accuracy"):
        msgspec.convert(found | {"metrics": found["metrics"] | {"accuracy": "0.7"}}, Score)
