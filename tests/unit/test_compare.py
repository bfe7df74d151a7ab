"""The contents of comparisons/<dataset>.json, from prediction files whose truth is known."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from faceoff.fusion.means import soft_mean
from faceoff.plan.jobs import CompareJob, Member
from faceoff.stages.compare import write_comparisons
from faceoff.statistics.power import detectable_difference
from faceoff.storage import columns, files, parquet

CLASSES = ("neutral", "happiness", "sadness")
NAN = float("nan")


def run(folder: Path, right: dict[str, np.ndarray], subjects: np.ndarray | None = None) -> dict:
    """Comparisons of cells (and fusion/…) that are right where `right` says so, n samples each."""
    n = len(next(iter(right.values())))
    truth = np.arange(n) % 3
    task = {
        "name": "d",
        "type": "folder",
        "version": "1",
        "space": CLASSES,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "image", "path": "x", "split": "test", "groups": []}
    labelled = [
        {
            "sample_id": f"s{i:04}",
            "label": CLASSES[t],
            "subject": None if subjects is None else f"p{subjects[i]}",
        }
        for i, t in enumerate(truth)
    ]
    parquet.write_rows(
        folder / "samples.parquet",
        columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}),
        (common | row for row in labelled),
    )
    paths = []
    for name, hit in right.items():
        detector, model = name.split("/")
        paths.append(
            folder
            / ("fusion/d" if detector == "fusion" else f"predictions/d/{detector}")
            / f"{model}.parquet"
        )
        said = np.where(hit, truth, (truth + 1) % 3)
        p = np.where(np.arange(3) == said[:, None], 0.6, 0.2)
        rows = [
            {
                "sample_id": f"s{i:04}",
                "frame": 0,
                "face_id": 0,
                "success": 1,
                "state": "ok",
                **{f"p_{c}": float(v) for c, v in zip(CLASSES, row, strict=True)},
            }
            for i, row in enumerate(p)
        ]
        parquet.write_rows(paths[-1], columns.predictions_schema(CLASSES), rows)
    cells = [name for name in right if not name.startswith("fusion/")]
    factors = {
        name: {"detector": name.split("/")[0], "crop": "{}", "model": name.split("/")[1]}
        for name in cells
    }
    write_comparisons(
        folder / "samples.parquet",
        *no_faces(folder, (name.split("/")[0] for name in cells), n),
        paths,
        [],
        folder / "out.json",
        CompareJob(
            dataset="d",
            factors=factors,
            variants={"b/m": "a/m"},
            voters=voters_of(cells),
            policy="largest",
            headline_fusion="vote",
            seed=0,
        ),
    )
    return files.read_json(folder / "out.json")


def voters_of(cells: Iterable[str]) -> tuple[Member, ...]:
    """Members that look at whole frames, each a lineage of its own."""
    pairs = [name.split("/") for name in cells]
    return tuple(
        Member(detector=detector, model=model, lineage=model, whole_frame=True)
        for detector, model in pairs
    )


def no_faces(folder: Path, detectors: Iterable[str] = (), n: int = 120) -> tuple[Path, list[Path]]:
    """Frames, and tables without a face: all members look at the whole frame."""
    keys = [{"sample_id": f"s{i:04}", "frame": 0} for i in range(n)]
    frames = folder / "frames.parquet"
    parquet.write_rows(
        frames,
        columns.FRAMES,
        (key | {"width": 9, "height": 9, "state": "ok"} for key in keys),
    )
    tables = [folder / f"faces/d/{name}.parquet" for name in sorted(set(detectors))]
    row = {"face_id": -1, "n_faces": 0, "success": 0, "state": "no_face"}
    for table in tables:
        parquet.write_rows(table, columns.FACES, (key | row for key in keys))
    return frames, tables


@pytest.fixture
def right() -> dict[str, np.ndarray]:
    random = np.random.default_rng(6)
    easy = random.normal(0, 1.5, 120)
    levels = {"a/m": 1.5, "a/n": 0.5, "b/m": 1.4, "b/n": 0.4, "fusion/vote": 1.8}
    return {
        name: random.random(120) < 1 / (1 + np.exp(-easy - level)) for name, level in levels.items()
    }


def test_a_variant_is_held_against_its_original(
    tmp_path: Path, right: dict[str, np.ndarray]
) -> None:
    (found,) = run(tmp_path, right)["variants"]
    assert (found["variant"], found["original"]) == ("b/m", "a/m")
    assert found["difference"] == pytest.approx(right["b/m"].mean() - right["a/m"].mean())
    assert any("predictions agree on" in fault for fault in found["faults"])


def test_what_each_comparison_could_have_shown(
    tmp_path: Path, right: dict[str, np.ndarray]
) -> None:
    found = run(tmp_path, right)
    top = found["hindsight"]["name"]
    family = [row for row in found["comparisons"] if row["family"] == "top"]
    pair = next(row for row in family if row["a"] == "b/n")
    shown = detectable_difference(right["b/n"], right[top], family=len(family))
    assert (pair["minimum_detectable"], pair["detectable_reason"]) == (
        pytest.approx(shown.difference),
        "",
    )
    assert pair["design_effect"] is None
    assert all(0 < row["minimum_detectable"] < 1 for row in found["comparisons"])


def test_decomposition_and_cochrans_q(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    found = run(tmp_path, right)
    assert [part["name"] for part in found["decomposition"]["components"]] == [
        "detector",
        "model",
        "interaction",
        "sample",
        "detector × sample",
        "model × sample",
        "residual",
    ]
    assert sum(part["share"] for part in found["decomposition"]["components"]) == pytest.approx(1)
    assert {effect["factor"] for effect in found["decomposition"]["effects"]} == {
        "detector",
        "model",
    }
    assert found["decomposition"]["left_out"] == {"crop": "all pipelines have the same"}
    assert (found["cochran_q"]["df"], found["cochran_q"]["test"]) == (3, "chi-square")


def test_subjects_are_drawn_whole(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    found = run(tmp_path, right, subjects=np.arange(120) // 10)
    assert found["cochran_q"]["test"] == "permutation within clusters"
    assert all(row["design_effect"] > 0 for row in found["comparisons"])
    assert found["decomposition"]["components"]


def test_too_few_subjects_have_no_test_rank_nor_decomposition(
    tmp_path: Path, right: dict[str, np.ndarray]
) -> None:
    found = run(tmp_path, right, subjects=np.arange(120) // 24)
    assert {row["verdict"] for row in found["comparisons"]} == {"too few clusters"}
    assert {
        (row["p"], row["minimum_detectable"], row["detectable_reason"])
        for row in found["comparisons"]
    } == {(None, None, "too few clusters: 5, and the test needs 6")}
    assert {row["name"] for row in found["ranking"]} == set(right)
    assert {
        (row["p_best"], row["rank_low"], row["tied_with_best"], row["reason"])
        for row in found["ranking"]
    } == {(None, None, None, "too few clusters: 5, and a ranking needs 6")}
    assert (found["cochran_q"]["p"], found["cochran_q"]["test"]) == (
        None,
        "too few clusters: 5, and the test needs 6",
    )
    assert found["decomposition"]["left_out"] == {
        "all": "too few clusters: 5, and a decomposition needs 6"
    }
    assert {(pair["kappa_low"], pair["kappa_high"]) for pair in found["pairs"]} == {(None, None)}


def test_kappa_has_an_interval_and_the_greedy_order_is_told(
    tmp_path: Path, right: dict[str, np.ndarray]
) -> None:
    found = run(tmp_path, right)
    assert len(found["pairs"]) == 6
    assert all(pair["kappa_low"] <= pair["kappa"] <= pair["kappa_high"] for pair in found["pairs"])
    order = found["ensemble"]["order"]
    assert len(order) == 5
    assert all(sorted(grown) == ["a/m", "a/n", "b/m", "b/n"] for grown in order)
    assert found["ensemble"]["curve"][0]["added"] in {grown[0] for grown in order}


def test_one_cell_and_few_samples(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    alone = run(tmp_path / "alone", {"a/m": right["a/m"]})
    assert (alone["decomposition"], alone["cochran_q"], alone["ensemble"]) == (None, None, None)
    few = run(tmp_path / "few", {name: hit[:12] for name, hit in right.items()})
    assert few["decomposition"]["components"] == []
    assert "too few samples: 12" in few["decomposition"]["left_out"]["all"]


def samples_of(path: Path, labels: list[str | None], space: tuple[str, ...] = CLASSES) -> Path:
    task = {
        "name": path.stem,
        "type": "folder",
        "version": "1",
        "space": space,
        "limited": False,
        "headline": True,
    }
    common = {"kind": "image", "path": "x", "split": "test", "groups": [], "subject": None}
    rows = [common | {"sample_id": f"s{i:04}", "label": label} for i, label in enumerate(labels)]
    parquet.write_rows(
        path, columns.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}), rows
    )
    return path


def cell_of(path: Path, classes: tuple[str, ...], posterior: np.ndarray, state: str = "ok") -> Path:
    """Predictions of one cell; rows of NaN are without a face, and all rows failed where `state` is
    error.
    """
    rows = []
    for i, p in enumerate(posterior):
        sound = state == "ok" and not np.isnan(p).any()
        told = {
            "success": int(sound),
            "state": "ok" if sound else state if state != "ok" else "no_face",
            "face_id": 0 if sound else -1,
        }
        rows.append(
            {
                "sample_id": f"s{i:04}",
                "frame": 0,
                **told,
                **({f"p_{c}": float(v) for c, v in zip(classes, p, strict=True)} if sound else {}),
            }
        )
    parquet.write_rows(path, columns.predictions_schema(classes), rows)
    return path


def compared(folder: Path, samples: Path, cells: list[Path], validation: list[Path] = ()) -> dict:
    factors = {
        f"{path.parent.name}/{path.stem}": {
            "detector": path.parent.name,
            "crop": "{}",
            "model": path.stem,
        }
        for path in cells
    }
    write_comparisons(
        samples,
        *no_faces(folder, (path.parent.name for path in cells)),
        cells,
        validation,
        folder / "out.json",
        CompareJob(
            dataset="d",
            factors=factors,
            variants={},
            voters=voters_of(factors),
            policy="largest",
            seed=0,
        ),
    )
    return files.read_json(folder / "out.json")


def test_the_last_greedy_step_is_the_soft_mean_of_the_same_cells(tmp_path: Path) -> None:
    """One member lacks contempt, one happiness, one has a class outside the space and misses faces:
    a class is averaged over those that have it (§21).
    """
    space = ("neutral", "happiness", "contempt")
    own = {"a": space[:2], "b": ("neutral", "contempt"), "c": (*space, "anger")}
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, 200)
    posteriors = {
        name: random.dirichlet(np.ones(len(classes)), 200) for name, classes in own.items()
    }
    posteriors["c"][::5] = NAN
    union = (*space, "anger")
    members = np.full((3, 200, 4), NAN)
    for member, (name, classes) in zip(members, own.items(), strict=True):
        member[:, [union.index(emotion) for emotion in classes]] = posteriors[name]
    voted = soft_mean(members)[:, :3].argmax(axis=1)
    samples = samples_of(tmp_path / "samples/d.parquet", [space[t] for t in truth], space)
    found = compared(
        tmp_path,
        samples,
        [
            cell_of(tmp_path / f"predictions/d/w/{name}.parquet", own[name], p)
            for name, p in posteriors.items()
        ],
    )
    assert found["ensemble"]["curve"][-1]["n_correct"] == (voted == truth).sum()


def test_a_class_that_one_member_lacks_is_not_halved(tmp_path: Path) -> None:
    """Neutral .6 and .3, happiness .4 and 0, contempt .7 of the one that has it: the mean says
    contempt (.7 of 1.35); a zero for the other, neutral.
    """
    space = ("neutral", "happiness", "contempt")
    samples = samples_of(tmp_path / "samples/d.parquet", ["contempt"] * 30, space)
    a = cell_of(tmp_path / "predictions/d/w/a.parquet", space[:2], np.tile([0.6, 0.4], (30, 1)))
    b = cell_of(tmp_path / "predictions/d/w/b.parquet", space, np.tile([0.3, 0.0, 0.7], (30, 1)))
    assert compared(tmp_path, samples, [a, b])["ensemble"]["curve"][-1]["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("labels", "state", "why"),
    [
        ([None] * 30, "ok", "as valid has no labels"),
        (["neutral"] * 30, "error", "as every cell failed on valid"),
    ],
)
def test_a_validation_dataset_of_no_use_leaves_the_choice_to_the_folds(
    tmp_path: Path, labels: list, state: str, why: str
) -> None:
    random = np.random.default_rng(0)
    samples = samples_of(tmp_path / "samples/d.parquet", [CLASSES[i % 3] for i in range(60)])
    valid = samples_of(tmp_path / "samples/valid.parquet", labels)
    cells = [
        cell_of(
            tmp_path / f"predictions/d/w/{name}.parquet", CLASSES, random.dirichlet(np.ones(3), 60)
        )
        for name in "ab"
    ]
    judges = [
        cell_of(
            tmp_path / f"predictions/valid/w/{name}.parquet",
            CLASSES,
            random.dirichlet(np.ones(3), 30),
            state,
        )
        for name in "ab"
    ]
    found = compared(tmp_path, samples, cells, [*judges, valid])["best_single"]
    alone = compared(tmp_path, samples, cells)["best_single"]
    assert found["how"] == f"chosen on the other folds of 5, {why}"
    assert {**found, "how": ""} == {**alone, "how": ""}


def test_what_collapsed_has_no_rank(tmp_path: Path) -> None:
    """Of three pipelines one always says neutral: two places are left, and the ranks' intervals
    count two.
    """
    random = np.random.default_rng(1)
    truth = np.arange(90) % 3
    samples = samples_of(tmp_path / "samples/d.parquet", [CLASSES[t] for t in truth])
    said = {
        "a": np.where(random.random(90) < 0.5, truth, (truth + 1) % 3),
        "b": np.where(random.random(90) < 0.4, truth, (truth + 2) % 3),
        "c": 0 * truth,
    }
    cells = [
        cell_of(tmp_path / f"predictions/d/w/{name}.parquet", CLASSES, np.eye(3)[answers])
        for name, answers in said.items()
    ]
    ranking = compared(tmp_path, samples, cells)["ranking"]
    assert [row["name"] for row in ranking] == ["w/a", "w/b"]
    assert max(row["rank_high"] for row in ranking) == 2
    assert sum(row["p_best"] for row in ranking) == pytest.approx(1)
    assert compared(tmp_path, samples, cells[2:])["ranking"] == []
