"""Valence and arousal: agreement by hand, with intervals by subject, from the tables of a run."""

from pathlib import Path

import numpy as np
import pytest

from faceoff.inference.prediction_rows import prediction_rows
from faceoff.plan.jobs import CellIdentity, ScoreJob
from faceoff.plugins.protocols import Prediction
from faceoff.scoring import affect, metrics
from faceoff.scoring.affect import Moments, moments, score
from faceoff.stages.score import write_score
from faceoff.storage import columns, files, parquet


def noisy(clips: int, each: int, noise: float, seed: int = 0) -> Moments:
    """Clips that differ in level, read with this much error."""
    random = np.random.default_rng(seed)
    sample = np.repeat(np.arange(clips), each)
    truth = np.clip(
        random.normal(0, 0.3, clips)[sample] + random.normal(0, 0.2, clips * each), -1, 1
    )
    return Moments(truth, np.clip(truth + random.normal(0, noise, clips * each), -1, 1), sample)


def test_by_hand() -> None:
    """truth 0 .5 1, predicted 0 0 1: means .5, 1/3; variances 1/6, 2/9; covariance 1/6; CCC = (1/3)
    / (1/6 + 2/9 + 1/36) = 0.8.
    """
    found = score(
        Moments(np.array([0, 0.5, 1.0]), np.array([0, 0, 1.0]), np.array([0, 0, 0])), ["a"], seed=0
    )
    assert found["ccc"] == found["ccc_within_clips"] == pytest.approx(0.8)
    assert found["pearson"] == pytest.approx(np.corrcoef([0, 0.5, 1], [0, 0, 1])[0, 1])
    assert found["rmse"] == pytest.approx(np.sqrt(0.25 / 3))
    assert found["sign_agreement"] == pytest.approx(2 / 3)
    assert (found["n"], found["coverage"]) == (3, 1.0)


def test_unread_moments_lower_coverage_not_agreement() -> None:
    found = noisy(20, 5, 0.1)
    gaps = found.predicted.copy()
    gaps[::4] = np.nan
    values = score(Moments(found.truth, gaps, found.sample), [None] * 20, seed=0)
    assert values["coverage"] == pytest.approx(0.75)
    assert values["covered_ccc"] == pytest.approx(metrics.ccc(found.truth, gaps))
    assert values["ccc"] < values["covered_ccc"], "gaps cost, end to end"
    nothing = score(Moments(found.truth, np.full(100, np.nan), found.sample), [None] * 20, seed=0)
    assert (nothing["coverage"], nothing["ccc"], nothing["ccc_low"]) == (0.0, 0.0, None)
    assert np.isnan(nothing["covered_ccc"])


def test_an_unread_moment_holds_the_last_reading() -> None:
    """0 before a clip's first reading; nothing passes from one clip to the next."""
    nan = float("nan")
    read = np.array([nan, 0.4, nan, 0.6, nan, nan, 0.2])
    sample = np.array([0, 0, 0, 1, 0, 1, 1])
    held = Moments(np.zeros(7), read, sample).held
    assert held.tolist() == [0.0, 0.4, 0.4, 0.6, 0.4, 0.6, 0.2]
    late = Moments(np.zeros(4), np.array([0.9, nan, nan, 0.3]), np.array([0, 1, 1, 1])).held
    assert late.tolist() == [0.9, 0.0, 0.0, 0.3]


def test_within_clips_counts_clips_of_two_moments() -> None:
    """By hand: a clip that is followed perfectly (CCC 1), one held at one reading (0), one not read
    at all (0), one that is read as its mirror (−1).
    """
    truth = np.array([0.1, 0.5, 0.2, 0.6, 0.3, 0.7, -0.2, 0.2])
    predicted = np.array([0.1, 0.5, 0.2, np.nan, np.nan, np.nan, 0.2, -0.2])
    found = score(Moments(truth, predicted, np.repeat(np.arange(4), 2)), [None] * 4, seed=0)
    assert (found["ccc_within_clips"], found["clips"]) == (pytest.approx(0.0), 4)
    without = score(
        Moments(truth[:6], predicted[:6], np.repeat(np.arange(3), 2)), [None] * 3, seed=0
    )
    assert (without["ccc_within_clips"], without["clips"]) == (pytest.approx(1 / 3), 3)


def test_stills_have_no_agreement_within_clips() -> None:
    assert score(noisy(30, 1, 0.1), [None] * 30, seed=0)["ccc_within_clips"] is None


def test_a_constant_prediction_scores_nothing() -> None:
    found = noisy(30, 3, 0.1)
    values = score(Moments(found.truth, np.full(90, 0.2), found.sample), [None] * 30, seed=0)
    assert values["ccc"] == 0.0


def test_the_interval_is_by_subject() -> None:
    """Ten subjects of ten clips tell less than a hundred independent clips; more noise, lower
    agreement.
    """
    found = noisy(100, 4, 0.2)
    free = score(found, [None] * 100, seed=1)
    tied = score(found, [f"s{number // 10}" for number in range(100)], seed=1)
    assert free["ccc_low"] < free["ccc"] < free["ccc_high"]
    assert tied["ccc"] == free["ccc"]
    assert score(noisy(100, 4, 0.6), [None] * 100, seed=1)["ccc_high"] < free["ccc_low"]
    assert score(found, [None] * 100, seed=1) == free


def test_sums_of_moments_give_the_ccc() -> None:
    found = noisy(7, 6, 0.3)
    sums = affect._sums(found, ["a", "a", "b", None, None, "c", "c"])
    assert len(sums) == 5, "three subjects, two clips without"
    assert affect._ccc_of_sums(sums.sum(axis=0, keepdims=True))[0] == pytest.approx(
        metrics.ccc(found.truth, found.predicted)
    )
    assert len(affect._sums(noisy(3000, 1, 0.3), [None] * 3000)) == 1000, (
        "no more units than that, however many pictures"
    )


def tables_of(
    folder: Path,
    valence: list[float | None],
    predicted: list[float | None],
    label: str | None = None,
) -> dict[str, Path]:
    """Two clips of two annotated frames each, without a label unless one is given."""
    paths = {name: folder / f"{name}.parquet" for name in ("samples", "frames", "predictions")}
    keys = [
        {"sample_id": name, "frame": frame, "timestamp_s": 0.5 * frame}
        for name in "ab"
        for frame in (0, 1)
    ]
    task = (
        b'{"name": "d", "type": "send", "version": "1", "space": ["neutral", "happiness"], '
        b'"limited": false, "headline": true}'
    )
    samples = [
        {
            "sample_id": name,
            "kind": "video",
            "path": name,
            "split": "test",
            "subject": name,
            "groups": [],
            "label": label,
        }
        for name in "ab"
    ]
    parquet.write_rows(
        paths["samples"], columns.SAMPLES.with_metadata({b"faceoff_task": task}), samples
    )
    parquet.write_rows(
        paths["frames"],
        columns.FRAMES,
        (key | {"state": "ok", "valence": value} for key, value in zip(keys, valence, strict=True)),
    )
    rows = (
        {
            **key,
            "face_id": 0,
            "success": 1,
            "state": "ok",
            "valence": value,
            "p_neutral": 1.0,
            "p_happiness": 0.0,
        }
        for key, value in zip(keys, predicted, strict=True)
    )
    parquet.write_rows(
        paths["predictions"], columns.predictions_schema(["neutral", "happiness"]), rows
    )
    return paths


JOB = ScoreJob(
    dataset="d",
    cell=CellIdentity(detector="whole", model="m", lineage="m"),
    train_status="unknown",
    circular=False,
    seed=0,
)


def test_a_dataset_without_emotions_is_scored_by_valence(tmp_path: Path) -> None:
    paths = tables_of(tmp_path, [0.1, 0.5, None, -0.4], [0.2, 0.4, 0.9, -0.3])
    write_score(**paths, output=tmp_path / "score.json", job=JOB)
    written = files.read_json(tmp_path / "score.json")
    assert written["state"] == "skipped"
    assert set(written["affect"]) == {"valence"}, "nobody annotates or reads arousal"
    assert written["affect"]["valence"]["n"] == 3, "a moment without annotation is not scored"
    assert written["affect"]["valence"]["ccc"] == pytest.approx(
        metrics.ccc(np.array([0.1, 0.5, -0.4]), np.array([0.2, 0.4, -0.3]))
    )


def test_a_model_that_reads_none_has_none(tmp_path: Path) -> None:
    paths = tables_of(tmp_path, [0.1, 0.5, 0.2, -0.4], [None] * 4)
    write_score(**paths, output=tmp_path / "score.json", job=JOB)
    assert files.read_json(tmp_path / "score.json")["affect"] == {}


def test_tables_that_do_not_belong_together(tmp_path: Path) -> None:
    paths = tables_of(tmp_path, [0.1, 0.5, 0.2, -0.4], [0.1] * 4)
    other = list(parquet.rows(paths["predictions"]))
    parquet.write_rows(
        paths["predictions"], columns.predictions_schema(["neutral", "happiness"]), other[::-1]
    )
    with pytest.raises(ValueError, match="does not belong"):
        moments(paths["frames"], paths["predictions"], {"a": 0, "b": 1})


@pytest.mark.parametrize(
    ("readings", "share"),
    [([0.2, -0.99, 1.0, -1.0], 0.5), ([0.2, None, 0.999, -0.5], 0.0), ([None] * 4, None)],
)
def test_readings_that_were_clipped_are_counted_and_flagged(
    tmp_path: Path, readings: list[float | None], share: float | None
) -> None:
    paths = tables_of(tmp_path, [0.1, 0.5, None, -0.4], readings, label="neutral")
    write_score(**paths, output=tmp_path / "score.json", job=JOB)
    written = files.read_json(tmp_path / "score.json")
    assert written["state"] == "ok"
    assert written["affect_clipped"] == share
    assert [flag for flag in written["flags"] if "valence" in flag] == (
        ["50% of its valence and arousal lay at ±1 or beyond, and was clipped"] if share else []
    )


def test_what_a_model_reads_outside_the_scale_is_clipped_when_it_is_written() -> None:
    """In the rows of the predictions table: no model can leave it out; NaN is no reading."""
    posterior = np.tile([0.25, 0.75], (3, 1))
    found = prediction_rows(
        Prediction(
            posterior=posterior,
            valence=np.array([1.4, -0.2, np.nan]),
            arousal=np.array([-3, 1, 0.5]),
        ),
        ("happiness", "neutral"),
        ("neutral", "happiness"),
        ("", ""),
    )
    assert [row.get("valence") for row in found] == [1.0, -0.2, None]
    assert [row["arousal"] for row in found] == [-1.0, 1.0, 0.5]
