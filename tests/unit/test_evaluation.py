"""From prediction rows to one posterior per sample, and the identity of a task."""

import json
from pathlib import Path

import numpy as np
import pytest

from faceoff.scoring.cell_scores import cell_scores, clips
from faceoff.scoring.task import (
    SamplePosteriors,
    Task,
    UnlabelledError,
    cell_name,
    owners,
    read_task,
    sample_posteriors,
    share_interval,
)
from faceoff.statistics.intervals import cluster_interval, wilson
from faceoff.storage import columns, parquet

CLASSES = ("happiness", "sadness")


def predictions(path: Path, rows: list[tuple[str, int, str, list[float] | None]]) -> Path:
    def row(sample: str, frame: int, state: str, p: list[float] | None) -> dict:
        values = dict(zip((f"p_{emotion}" for emotion in CLASSES), p or (None, None), strict=True))
        return {
            "sample_id": sample,
            "frame": frame,
            "face_id": 0,
            "success": int(state == "ok"),
            "state": state,
            "reason": None if state == "ok" else f"{state}!",
        } | values

    parquet.write_rows(path, columns.predictions_schema(CLASSES), (row(*item) for item in rows))
    return path


def samples(
    path: Path, rows: list[dict], space: tuple[str, ...] = ("happiness", "sadness")
) -> Path:
    task = {
        "name": "mine",
        "type": "folder",
        "version": "1",
        "space": space,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "image", "path": "x", "split": "test", "groups": []}
    parquet.write_rows(
        path,
        columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}),
        (common | row for row in rows),
    )
    return path


def test_mean_over_frames_with_a_face(tmp_path: Path) -> None:
    path = predictions(
        tmp_path / "p.parquet",
        [
            ("b", 0, "ok", [0.9, 0.1]),
            ("a", 0, "no_face", None),
            ("a", 1, "ok", [0.2, 0.8]),
            ("a", 2, "ok", [0.6, 0.4]),
            ("b", 1, "error", None),
        ],
    )
    cell = sample_posteriors(path, ["a", "b"])
    assert cell.own == pytest.approx(np.array([[0.4, 0.6], [0.9, 0.1]]))
    assert cell.states == ("ok", "ok")
    assert cell.reasons == (None, None)


@pytest.mark.parametrize("state", ["no_face", "unreadable", "error"])
def test_sample_without_a_face_has_no_posterior_but_a_reason(tmp_path: Path, state: str) -> None:
    path = predictions(
        tmp_path / "p.parquet",
        [("a", 0, state, None), ("a", 1, "no_face", None), ("b", 0, "ok", [1.0, 0.0])],
    )
    cell = sample_posteriors(path, ["a", "b"])
    assert np.isnan(cell.own[0]).all()
    assert cell.states == (state, "ok")
    assert cell.reasons[0] == f"{state}!"


def test_sample_without_a_row_is_an_error(tmp_path: Path) -> None:
    path = predictions(tmp_path / "p.parquet", [("a", 0, "ok", [1.0, 0.0])])
    with pytest.raises(ValueError, match=r"2 of 3 samples have no row, the first is 'b'"):
        sample_posteriors(path, ["a", "b", "c"])


def test_rows_of_samples_that_are_not_scored_do_not_matter(tmp_path: Path) -> None:
    path = predictions(
        tmp_path / "p.parquet", [("x", 0, "ok", [1.0, 0.0]), ("a", 0, "ok", [0.0, 1.0])]
    )
    assert sample_posteriors(path, ["a"]).own.tolist() == [[0.0, 1.0]]


def test_posterior_in_a_wider_and_a_narrower_space(tmp_path: Path) -> None:
    cell = sample_posteriors(
        predictions(tmp_path / "p.parquet", [("a", 0, "ok", [0.25, 0.75])]), ["a"]
    )
    wide, outside = cell.in_space(("neutral", "happiness", "sadness"))
    assert wide.tolist() == [[0.0, 0.25, 0.75]]
    assert outside.tolist() == [0.0]
    narrow, outside = cell.in_space(("neutral", "happiness"))
    assert narrow.tolist() == [[0.0, 1.0]]
    assert outside.tolist() == [0.75]


def test_task_keeps_labelled_samples_in_order(tmp_path: Path) -> None:
    rows = [
        {"sample_id": "a", "label": "sadness"},
        {"sample_id": "b", "label": None},
        {"sample_id": "c", "label": "anger"},
        {"sample_id": "d", "label": "happiness"},
    ]
    task = read_task(samples(tmp_path / "s.parquet", rows))
    assert task.ids == ("a", "d")
    assert task.truth.tolist() == [1, 0]
    assert task.people is None
    assert task.clusters is None
    assert task.describe()["n"] == 2


def test_task_without_a_scored_sample_is_unlabelled(tmp_path: Path) -> None:
    with pytest.raises(UnlabelledError, match="predictions only, nothing to score"):
        read_task(samples(tmp_path / "s.parquet", [{"sample_id": "a", "label": "fear"}]))


def test_hash_is_about_ids_order_labels_and_space(tmp_path: Path) -> None:
    rows = [{"sample_id": "a", "label": "sadness"}, {"sample_id": "b", "label": "happiness"}]

    def hashed(rows: list[dict], **more: object) -> str:
        return read_task(samples(tmp_path / "s.parquet", rows, **more)).hash

    same = hashed(rows)
    assert hashed([*rows, {"sample_id": "c", "label": None}]) == same, (
        "what is not scored is no part of the task"
    )
    others = [
        hashed(rows[::-1]),
        hashed([{**rows[0], "label": "happiness"}, rows[1]]),
        hashed([{**rows[0], "sample_id": "z"}, rows[1]]),
        hashed(rows, space=("sadness", "happiness")),
        hashed(rows[:1]),
    ]
    assert len({same, *others}) == 6


def test_a_sample_without_a_subject_is_its_own_among_people(tmp_path: Path) -> None:
    rows = [
        {"sample_id": name, "label": "sadness", "subject": who}
        for name, who in (("a", "x"), ("b", "y"), ("c", "x"))
    ]
    clusters = read_task(samples(tmp_path / "s.parquet", rows)).clusters
    assert clusters[0] == clusters[2] != clusters[1]
    more = [*rows, {"sample_id": "d", "label": "sadness"}, {"sample_id": "x", "label": "sadness"}]
    clusters = read_task(samples(tmp_path / "s.parquet", more)).clusters
    assert clusters[0] == clusters[2]
    assert len(set(clusters.tolist())) == 4, (
        "x and y, the sample d, and a sample that is called as a person is"
    )
    nobody = [row | {"subject": None} for row in more]
    assert read_task(samples(tmp_path / "s.parquet", nobody)).clusters is None


def test_owners_keep_the_order_of_names() -> None:
    assert np.argsort(owners("abc", ["p2", "p10", "p1"])).tolist() == [2, 1, 0]
    assert np.unique(owners([1, 2, 3], [None, "", "1"])).tolist() == [
        "sample 1",
        "sample 2",
        "subject 1",
    ]


@pytest.mark.parametrize("run", ["demo", "predictions", "fusion"])
def test_the_name_of_a_cell_is_in_its_path_whatever_the_run_is_called(run: str) -> None:
    assert cell_name(Path("results", run, "predictions/d/whole/net.parquet")) == "whole/net"
    assert cell_name(Path("results", run, "fusion/d/vote.mtcnn.parquet")) == "fusion/vote.mtcnn"


def test_label_sets_of_rules_that_keep_several_labels(tmp_path: Path) -> None:
    rows = [{"sample_id": "a", "label": "sadness", "groups": [("label_set", "sadness|fear")]}]
    assert read_task(samples(tmp_path / "s.parquet", rows)).label_sets == (
        frozenset({"sadness", "fear"}),
    )


def test_a_class_that_a_model_lacks_bounds_its_accuracy():
    """Six of ten samples are of its two classes: 60 % is the most that it can reach (§36)."""
    info = {"space": ["anger", "fear", "happiness"], "name": "t", "type": "folder"}
    truth = np.array([0] * 3 + [1] * 4 + [2] * 3)
    task = Task(info, tuple("abcdefghij"), truth, None, None)
    own = np.tile([0.75, 0.25], (10, 1))
    cell = SamplePosteriors(
        ("anger", "happiness"), own, ("ok",) * 10, (None,) * 10, *2 * [np.ones(10, int)]
    )
    found = cell_scores(task, cell, hard=False, seed=1)
    assert found["lacks"] == ["fear"]
    assert found["metrics"]["ceiling"] == pytest.approx(0.6)
    own_loss = -(np.log(0.75) + np.log(0.25)) / 2
    assert found["metrics"]["log_loss_own"] == pytest.approx(own_loss, abs=1e-6)
    assert found["metrics"]["log_loss"] > 0.4 * 16
    full = cell_scores(
        task,
        SamplePosteriors(
            tuple(info["space"]),
            np.full((10, 3), 1 / 3),
            ("ok",) * 10,
            (None,) * 10,
            *2 * [np.ones(10, int)],
        ),
        hard=False,
        seed=1,
    )
    assert (full["lacks"], full["metrics"]["ceiling"]) == ([], 1.0)
    assert full["metrics"]["log_loss_own"] == full["metrics"]["log_loss"]


def test_clips_say_how_many_of_their_frames_were_read():
    frames, seen = np.array([4, 4, 10, 2]), np.array([0, 2, 10, 2])
    found = clips(frames, seen, np.array([False, True, True, False]), None)
    assert (found["frames"], found["seen"]) == (20, 14)
    assert [(third["n"], third["accuracy"]) for third in found["thirds"]] == [
        (1, 0.0),
        (1, 1.0),
        (2, 0.5),
    ]
    assert clips(np.ones(3, int), np.ones(3, int), np.ones(3, bool), None) is None


@pytest.mark.parametrize("right", [False, True])
def test_subjects_without_spread_have_an_interval_of_some_width(right: bool) -> None:
    """Three subjects of whom every sample is right tell little: t would say 100-100 %."""
    found = share_interval(np.full(30, right), np.arange(30) % 3)
    assert found == wilson(3 * right, 3)
    assert found.high - found.low > 0.5
    alone = share_interval(np.full(30, right), np.zeros(30, int))
    assert np.isnan([alone.low, alone.high]).all()


def test_subjects_with_spread_have_t() -> None:
    correct = np.array([True, False, True, True, True, False])
    people = np.array([0, 0, 1, 1, 2, 2])
    assert share_interval(correct, people) == cluster_interval(
        correct.astype(float), people, bounds=(0.0, 1.0)
    )
