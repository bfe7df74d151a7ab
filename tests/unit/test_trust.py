"""The parts of a score file about trust, as the score stage writes them."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.plan.jobs import CellIdentity, FusionIdentity, ScoreJob
from faceoff.scoring import metrics
from faceoff.scoring.task import folds_for
from faceoff.stages.score import write_score
from faceoff.statistics.temperature import fit_temperature, temper
from faceoff.storage import files, parquet
from faceoff.storage.columns import FRAMES, OK, SAMPLES, predictions_schema

SPACE = ("neutral", "happiness", "sadness")
JOB = ScoreJob(
    dataset="d",
    cell=CellIdentity(detector="whole", model="m", lineage="m"),
    train_status="unknown",
    circular=False,
    seed=3,
)


def write(
    folder: Path,
    posterior: np.ndarray,
    truth: list[str | None],
    name: str = "d",
    space: tuple[str, ...] = SPACE,
    **columns: Any,
) -> tuple[Path, Path]:
    """(samples, predictions) of pictures s0, s1 …; a row of NaN has no face. `columns`: one value
    per sample.
    """
    folder.mkdir(exist_ok=True)
    task = {
        "name": name,
        "type": "folder",
        "version": "1",
        "space": space,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "image", "path": "x", "split": "test", "groups": []}
    rows = [
        common
        | {"sample_id": f"s{i}", "label": label}
        | {key: values[i] for key, values in columns.items()}
        for i, label in enumerate(truth)
    ]
    parquet.write_rows(
        folder / "samples.parquet", SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}), rows
    )
    found = (
        {
            "sample_id": f"s{i}",
            "frame": 0,
            "face_id": 0,
            "success": int(not np.isnan(p[0])),
            "state": "no_face" if np.isnan(p[0]) else "ok",
        }
        | {
            f"p_{emotion}": None if np.isnan(value) else float(value)
            for emotion, value in zip(SPACE, p, strict=True)
        }
        for i, p in enumerate(posterior)
    )
    parquet.write_rows(folder / "predictions.parquet", predictions_schema(SPACE), found)
    return folder / "samples.parquet", folder / "predictions.parquet"


def scored(
    folder: Path, samples: Path, predictions: Path, validation: tuple[Path, ...] = (), **more: Any
) -> dict[str, Any]:
    frames = folder / "frames.parquet"
    moments = list(parquet.rows(predictions, ["sample_id", "frame"]))
    parquet.write_rows(frames, FRAMES, ({**moment, "state": OK} for moment in moments))
    write_score(
        samples, frames, predictions, folder / "score.json", replace(JOB, **more), validation
    )
    return files.read_json(folder / "score.json")


def drawn(n: int, sharpness: float = 2.0, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.ones(3), n)
    truth = (random.random(n)[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    return temper(honest, 1 / sharpness), [SPACE[c] for c in truth]


def test_temperature_is_cross_fitted_over_the_folds_of_the_seed(tmp_path: Path) -> None:
    posterior, labels = drawn(200)
    found = scored(tmp_path, *write(tmp_path, posterior, labels))["calibration"]
    truth = np.array([SPACE.index(label) for label in labels])
    folds = folds_for(truth, None, JOB.seed)
    assert found["temperatures"] == pytest.approx(
        [fit_temperature(posterior[folds != fold], truth[folds != fold]) for fold in range(5)]
    )
    assert found["fitted_on"] == "the other folds of 5"
    assert (
        found["after"]["log_loss"]
        < found["before"]["log_loss"]
        == pytest.approx(metrics.log_loss(truth, posterior))
    )


def test_no_subject_teaches_its_own_temperature(tmp_path: Path) -> None:
    posterior, labels = drawn(60)
    samples, predictions = write(
        tmp_path, posterior, labels, subject=[f"p{i % 3}" for i in range(60)]
    )
    found = scored(tmp_path, samples, predictions)["calibration"]
    assert len(found["temperatures"]) == 3, "three people make three folds"


def test_temperature_of_a_validation_dataset(tmp_path: Path) -> None:
    """Its space may hold more, and samples of those classes teach nothing."""
    held, held_labels = drawn(150, seed=1)
    held_labels[0] = "anger"
    held[1] = np.nan
    validation = write(tmp_path / "v", held, held_labels, "held", (*SPACE, "anger"))[::-1]
    posterior, labels = drawn(40)
    found = scored(tmp_path, *write(tmp_path, posterior, labels), validation)["calibration"]
    expected = fit_temperature(
        held[2:], np.array([SPACE.index(label) for label in held_labels[2:]])
    )
    assert found["fitted_on"] == "held"
    assert found["temperatures"] == [pytest.approx(expected)]
    assert found["temperature"] == pytest.approx(expected)


@pytest.mark.parametrize("useless", ["nobody covered", "no labels"])
def test_a_validation_that_teaches_nothing_leaves_it_to_the_folds(
    tmp_path: Path, useless: str
) -> None:
    held = np.full((3, 3), np.nan) if useless == "nobody covered" else drawn(3)[0]
    validation = write(
        tmp_path / "v", held, ["neutral"] * 3 if useless == "nobody covered" else [None] * 3
    )[::-1]
    found = scored(tmp_path, *write(tmp_path, *drawn(40)), validation)["calibration"]
    assert found["fitted_on"] == "the other folds of 5"


def test_hard_votes_have_no_calibration_but_can_be_rejected(tmp_path: Path) -> None:
    found = scored(
        tmp_path,
        *write(tmp_path, *drawn(40)),
        fusion=FusionIdentity(fusion="v", rule="majority", members=(), hard=True),
        cell=None,
    )
    assert found["calibration"] is None
    assert found["rejection"]["aurc"] > 0


def test_one_sample_one_class_and_nobody(tmp_path: Path) -> None:
    one = scored(tmp_path, *write(tmp_path, np.array([[0.6, 0.3, 0.1]]), ["neutral"]))
    assert (one["calibration"]["temperature"], one["calibration"]["after"]) == (None, None)
    assert one["calibration"]["before"]["brier"] == pytest.approx(0.16 + 0.09 + 0.01)
    expected = {
        "coverage": 0.8,
        "threshold": pytest.approx(0.6),
        "n": 1,
        "accuracy": 1.0,
        "interval": [pytest.approx(0.2065, abs=1e-4), 1.0],
    }
    assert one["rejection"]["at"][0] == expected | {"outliers_rejected": None}
    same = scored(tmp_path, *write(tmp_path, np.tile([1.0, 0, 0], (20, 1)), ["neutral"] * 20))
    assert same["calibration"]["after"]["ece"] == pytest.approx(0)
    nobody = scored(tmp_path, *write(tmp_path, np.full((4, 3), np.nan), ["neutral", "sadness"] * 2))
    assert nobody["calibration"] is None
    assert nobody["rejection"]["aurc"] == 1.0
    assert [step["threshold"] for step in nobody["rejection"]["at"]] == [None, None, None]


def test_outliers_are_predicted_not_scored(tmp_path: Path) -> None:
    posterior = np.array(
        [
            [0.9, 0.1, 0],
            [0.2, 0.8, 0],
            [0.1, 0.2, 0.7],
            [0.4, 0.3, 0.3],
            [np.nan] * 3,
            [0.75, 0.2, 0.05],
        ]
    )
    groups = [[], [], [], [("outlier", "unknown")], [("outlier", "unknown")], [("outlier", "NF")]]
    samples, predictions = write(
        tmp_path, posterior, ["neutral", "happiness", "sadness", None, None, None], groups=groups
    )
    found = scored(tmp_path, samples, predictions)
    assert found["metrics"]["n"] == 3
    outliers = found["rejection"]["outliers"]
    assert (outliers["n"], outliers["n_covered"], outliers["kinds"]) == (
        3,
        2,
        {"NF": 1, "unknown": 2},
    )
    assert outliers["auroc"] == pytest.approx((3 + 3 + 2) / 9)
    assert found["rejection"]["at"][0]["outliers_rejected"] == pytest.approx(2 / 3), (
        "0.75 is above the threshold of 0.7"
    )
    plain = scored(tmp_path, *write(tmp_path, posterior[:3], ["neutral", "happiness", "sadness"]))
    assert plain["rejection"]["outliers"] is None
    assert plain["task"]["hash"] == found["task"]["hash"], "outliers do not change the task"


def test_votes_come_with_answers_outside_the_space(tmp_path: Path) -> None:
    votes = [[6, 1, 0, 0, 0, 0, 1, 0], [0] * 8, None]
    groups = [[("votes_unknown", "2")], [], []]
    samples, predictions = write(
        tmp_path, np.tile([0.6, 0.3, 0.1], (3, 1)), ["neutral"] * 3, votes=votes, groups=groups
    )
    found = scored(tmp_path, samples, predictions)["human"]
    assert (found["n"], found["votes_per_sample"], found["n_distribution"]) == (1, 10, 1)
    assert found["cross_entropy"] == pytest.approx(-(6 * np.log(0.6) + np.log(0.3)) / 7)
    assert found["with_own_vote"] == pytest.approx(0.6)
    assert found["confusion"][0] == pytest.approx([0.6, 0.1, 0, 0.3])


def test_without_votes_there_is_no_human_part(tmp_path: Path) -> None:
    assert scored(tmp_path, *write(tmp_path, *drawn(4)))["human"] is None
    assert scored(tmp_path, *write(tmp_path, *drawn(4), votes=[[0] * 8] * 4))["human"] is None


@pytest.mark.parametrize(
    ("votes", "groups"),
    [
        ([1, -1, 0, 0, 0, 0, 0, 0], []),
        ([1, 0], []),
        ([1, float("nan"), *[0] * 6], []),
        ([1] * 8, [("votes_unknown", "many")]),
        ([1] * 8, [("votes_x", "-1")]),
    ],
)
def test_impossible_votes_are_named(tmp_path: Path, votes: list[float], groups: list) -> None:
    samples, predictions = write(
        tmp_path, np.array([[0.6, 0.3, 0.1]]), ["neutral"], votes=[votes], groups=[groups]
    )
    with pytest.raises(ValueError, match=r"samples\.parquet: the votes of 's0'"):
        scored(tmp_path, samples, predictions)


@pytest.mark.slow
def test_ten_thousand_samples_take_less_than_three_seconds_of_processor_time(
    tmp_path: Path,
) -> None:
    posterior, labels = drawn(10_000)
    random = np.random.default_rng(1)
    votes = random.multinomial(10, np.full(8, 1 / 8), 10_000).astype(float).tolist()
    samples, predictions = write(tmp_path, posterior, labels, votes=votes)
    start = time.process_time()
    scored(tmp_path, samples, predictions)
    assert time.process_time() - start < 3
