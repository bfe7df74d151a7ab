"""One set of predictions under several label rules."""

import json
from pathlib import Path

import numpy as np
import pytest

from faceoff.datasets.ferplus import readings
from faceoff.plan import config
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.label_rules import Universe
from faceoff.scoring import metrics, multiverse
from faceoff.stages.multiverse import write_multiverse
from faceoff.stages.samples import write_samples
from faceoff.storage import columns, parquet

SPACE = ("neutral", "happiness", "sadness")


def universe(*rows: tuple[str, str], **factors: str) -> Universe:
    return Universe(
        factors or {"rule": "majority"},
        tuple((sample, frozenset(labels.split("|"))) for sample, labels in rows),
    )


def test_rows_may_repeat_a_sample_and_know_sets() -> None:
    found = multiverse.over(
        universe(("b", "happiness"), ("a", "neutral|sadness"), ("b", "sadness")), ("a", "b"), SPACE
    )
    assert found.sample.tolist() == [1, 0, 1]
    assert found.correct(np.array([2, 1])).tolist() == [True, True, False]
    assert found.correct(np.array([metrics.NO_FACE, 2])).tolist() == [False, False, True]


def test_samples_that_are_not_there_and_labels_outside_the_space_are_left_out() -> None:
    found = multiverse.over(
        universe(("gone", "neutral"), ("a", "contempt"), ("b", "contempt|neutral")),
        ("a", "b"),
        SPACE,
    )
    assert found.sample.tolist() == [1]
    assert multiverse.over(universe(), ("a",), SPACE).correct(np.array([0])).shape == (0,)


@pytest.mark.parametrize(
    ("accuracies", "home", "expected"),
    [
        ((0.9, 0.8), (0.7, 0.6), 0),
        ((0.8, 0.9), (0.7, 0.6), 1),
        ((0.8, 0.8), (0.7, 0.6), 0),
        ((3, 2, 1), (1, 2, 3), 3),
        ((0.5,), (0.5,), 0),
    ],
)
def test_swapped_pairs(
    accuracies: tuple[float, ...], home: tuple[float, ...], expected: int
) -> None:
    assert multiverse.swapped(np.array(accuracies), np.array(home)) == expected


def test_table_rows() -> None:
    found = {
        "home": 1,
        "pipelines": ["whole/a", "fusion/b"],
        "universes": [
            {
                "factors": {"rule": rule},
                "n": 10,
                "n_correct": [6, 7],
                "accuracy": [0.6, 0.7],
                "low": [0, 0],
                "high": [1, 1],
                "best": ["fusion/b"],
                "swapped": 0,
            }
            for rule in ("x", "y")
        ],
    }
    rows = multiverse.rows(found)
    assert len(rows) == 4
    assert rows[3] == {
        "rule": "y",
        "home": True,
        "n": 10,
        "pipeline": "fusion/b",
        "n_correct": 7,
        "accuracy": 0.7,
        "low": 0,
        "high": 1,
        "best": True,
        "swapped": 0,
    }


@pytest.mark.parametrize(
    ("rule", "votes", "expected"),
    [
        ("majority", (6, 4, 0, 0, 0, 0, 0, 0, 0, 0), {"label": (0,)}),
        ("majority", (5, 5, 0, 0, 0, 0, 0, 0, 0, 0), {}),
        ("argmax8", (4, 4, 2, 0, 0, 0, 0, 0, 0, 0), {"label": (0,), "last": (1,), "set": (0, 1)}),
        (
            "argmax8",
            (3, 0, 0, 0, 0, 0, 0, 0, 7, 0),
            {"label": (0,), "last": (0,), "untied": (0,), "set": (0,)},
        ),
        ("argmax8", (0, 0, 0, 0, 0, 0, 0, 0, 1, 9), {"label": (0,), "last": (7,)}),
        ("argmax10", (5, 0, 0, 0, 0, 0, 0, 0, 5, 0), {"label": (0,), "set": (0,)}),
        ("argmax10", (3, 0, 0, 0, 0, 0, 0, 0, 7, 0), {}),
        (
            "multi_target",
            (6, 4, 0, 0, 0, 0, 0, 0, 0, 0),
            {"label": (0,), "last": (0,), "untied": (0,), "set": (0, 1)},
        ),
        (
            "probability",
            (5, 5, 0, 0, 0, 0, 0, 0, 0, 0),
            {"label": (0,), "last": (1,), "set": (0, 1)},
        ),
    ],
)
def test_readings(rule: str, votes: tuple[int, ...], expected: dict[str, tuple[int, ...]]) -> None:
    assert readings(rule, np.array(votes, float)) == expected


PLUGIN = """
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.protocols import Sample
from faceoff.plugins.label_rules import Universe

DATASETS = {
    "twofold": {"class": "Twofold", "title": "two rules", "terms": "none", "how_to_get": "drawn"}
}


class Twofold:
    Options = DatasetConfig
    space = ("neutral", "happiness")
    version = "1"

    def __init__(self, options, seed=0):
        pass

    def samples(self):
        for sample, label in (("a", "neutral"), ("b", "happiness"), ("c", None)):
            groups = {} if label else {"outlier": "unknown"}
            yield Sample(sample_id=sample, path=sample, label=label, groups=groups)

    def universes(self):
        strict = (("a", frozenset({"neutral"})), ("b", frozenset({"happiness"})))
        loose = (*strict, ("c", frozenset({"neutral", "happiness"})))
        rules = {"loose": loose, "strict": strict, "none": ()}
        return [Universe({"rule": name}, rows) for name, rows in rules.items()]

    def read(self, sample):
        raise OSError

    def fingerprint(self):
        return None
"""


def predicted(path: Path, chosen: dict[str, str | None]) -> Path:
    def row(sample: str, emotion: str | None) -> dict:
        about = {
            "sample_id": sample,
            "frame": 0,
            "face_id": 0,
            "success": int(emotion is not None),
            "state": "ok" if emotion else "no_face",
        }
        return about | {f"p_{name}": emotion and float(name == emotion) for name in SPACE[:2]}

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_rows(
        path, columns.predictions_schema(SPACE[:2]), (row(*item) for item in chosen.items())
    )
    return path


def test_the_stage_scores_cells_and_fusions_and_finds_home(tmp_path: Path) -> None:
    source = tmp_path / "twofold.py"
    source.write_text(PLUGIN)
    job = DatasetJob(
        dataset="two",
        type="twofold",
        source=str(source),
        class_name="Twofold",
        options={},
        seed=0,
        headline=True,
    )
    write_samples(tmp_path / "samples.parquet", job)
    cell = predicted(
        tmp_path / "predictions/two/whole/net.parquet", {"a": "neutral", "b": "neutral", "c": None}
    )
    fusion = predicted(tmp_path / "fusion/two/vote.parquet", {"a": None, "b": None, "c": "neutral"})
    write_multiverse(tmp_path / "samples.parquet", [cell, fusion], tmp_path / "out.json", job)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["pipelines"] == ["whole/net", "fusion/vote"]
    assert found["home"] == 1
    loose, strict, empty = found["universes"]
    assert (loose["n"], loose["n_correct"]) == (3, [1, 1])
    assert (strict["n"], strict["n_correct"], strict["best"], strict["swapped"]) == (
        2,
        [1, 0],
        ["whole/net"],
        0,
    )
    assert loose["best"] == ["whole/net", "fusion/vote"], "as many are right"
    assert (empty["n"], empty["accuracy"], empty["best"]) == (0, [None, None], [])


def test_intervals_of_universes_follow_the_subjects() -> None:
    """Twenty people of ten pictures: all of a person's pictures are right, or none."""
    ids = [str(number) for number in range(200)]
    people = np.repeat(np.arange(20), 10)
    universe = Universe({}, tuple((sample, frozenset({"neutral"})) for sample in ids))
    predicted = {"net": np.where(people % 2, 0, 1)}
    space = ["neutral", "sadness"]

    def width(owners: np.ndarray | None) -> float:
        found = multiverse.multiverse("d", None, [universe], [], predicted, ids, space, owners)
        (scored,) = found["universes"]
        assert scored["accuracy"] == [0.5]
        return scored["high"][0] - scored["low"][0]

    assert width(people) > 3 * width(None)


@pytest.mark.parametrize(
    ("options", "n"), [({"limit": 2}, 1), ({"part": "train"}, 1), ({"space": "basic6"}, 1)]
)
def test_home_is_found_in_a_run_on_some_of_the_samples(
    tmp_path: Path, options: dict, n: int
) -> None:
    """And is the run's own rule, not the first one that says the same of these samples."""
    source = tmp_path / "twofold.py"
    source.write_text(PLUGIN)
    job = DatasetJob(
        dataset="two",
        type="twofold",
        source=str(source),
        class_name="Twofold",
        options=options,
        seed=0,
        headline=True,
    )
    write_samples(tmp_path / "samples.parquet", job)
    cell = predicted(
        tmp_path / "predictions/two/whole/net.parquet", dict.fromkeys("abc", "neutral")
    )
    write_multiverse(tmp_path / "samples.parquet", [cell], tmp_path / "out.json", job)
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["home"] == 1
    assert found["universes"][1]["n"] == n


def test_a_dataset_with_one_rule_is_refused(tmp_path: Path) -> None:
    raw = {
        "datasets": {"posed": {"multiverse": True}},
        "detectors": {"whole": {}},
        "models": {"fer": {}},
    }
    with pytest.raises(
        config.ConfigError, match=r"datasets\.posed\.multiverse.*one label rule only"
    ):
        config.parse(raw)


def test_ferplus_needs_every_row(tmp_path: Path) -> None:
    raw = {
        "datasets": {"ferplus": {"path": str(tmp_path), "multiverse": True}},
        "detectors": {"whole": {}},
        "models": {"fer": {}},
    }
    with pytest.raises(config.ConfigError, match="keep: all"):
        config.parse(raw)
