"""What stands in comparisons/<dataset>.json, from prediction files whose truth is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from faceoff import tables
from faceoff.power import detectable_difference
from faceoff.stages.compare import write_comparisons

CLASSES = ("neutral", "happiness", "sadness")


def run(folder: Path, right: dict[str, np.ndarray], subjects: np.ndarray | None = None) -> dict:
    """Comparisons of cells (and fusion/…) that are right where `right` says so, n samples each."""
    n = len(next(iter(right.values())))
    truth = np.arange(n) % 3
    task = {"name": "d", "type": "folder", "version": "1", "space": CLASSES, "limited": False, "headline": True}
    common = {"kind": "image", "path": "x", "split": "test", "groups": []}
    labelled = [{"sample_id": f"s{i:04}", "label": CLASSES[t], "subject": None if subjects is None else f"p{subjects[i]}"} for i, t in enumerate(truth)]
    tables.write_rows(folder / "samples.parquet", tables.SAMPLES.with_metadata({b"faceoff_task": json.dumps(task)}), (common | row for row in labelled))
    paths = []
    for name, hit in right.items():
        detector, model = name.split("/")
        paths.append(folder / ("fusion/d" if detector == "fusion" else f"predictions/d/{detector}") / f"{model}.parquet")
        said = np.where(hit, truth, (truth + 1) % 3)
        p = np.where(np.arange(3) == said[:, None], 0.6, 0.2)
        rows = [
            {"sample_id": f"s{i:04}", "frame": 0, "face_id": 0, "success": 1, "state": "ok", **{f"p_{c}": float(v) for c, v in zip(CLASSES, row, strict=True)}}
            for i, row in enumerate(p)
        ]
        tables.write_rows(paths[-1], tables.predictions_schema(CLASSES), rows)
    cells = [name for name in right if not name.startswith("fusion/")]
    factors = {name: {"detector": name.split("/")[0], "crop": "{}", "model": name.split("/")[1]} for name in cells}
    write_comparisons(folder / "samples.parquet", paths, [], folder / "out.json", {"dataset": "d", "factors": factors, "variants": {"b/m": "a/m"}, "seed": 0})
    return tables.read_json(folder / "out.json")


@pytest.fixture
def right() -> dict[str, np.ndarray]:
    random = np.random.default_rng(6)
    easy = random.normal(0, 1.5, 120)
    levels = {"a/m": 1.5, "a/n": 0.5, "b/m": 1.4, "b/n": 0.4, "fusion/vote": 1.8}
    return {name: random.random(120) < 1 / (1 + np.exp(-easy - level)) for name, level in levels.items()}


def test_a_variant_is_held_against_its_original(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    (found,) = run(tmp_path, right)["variants"]
    assert (found["variant"], found["original"]) == ("b/m", "a/m")
    assert found["difference"] == pytest.approx(right["b/m"].mean() - right["a/m"].mean())
    assert any("predictions agree on" in fault for fault in found["faults"])


def test_what_each_comparison_could_have_shown(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    found = run(tmp_path, right)
    top = found["hindsight"]["name"]
    pair = next(row for row in found["comparisons"] if row["a"] == "b/n")
    assert pair["minimum_detectable"] == pytest.approx(detectable_difference(right["b/n"], right[top]))
    assert pair["design_effect"] is None
    assert all(0 < row["minimum_detectable"] < 1 for row in found["comparisons"])


def test_decomposition_and_cochrans_q(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    found = run(tmp_path, right)
    assert [part["name"] for part in found["decomposition"]["components"]] == [
        "detector", "model", "interaction", "sample", "detector × sample", "model × sample", "residual",
    ]  # fmt: skip
    assert sum(part["share"] for part in found["decomposition"]["components"]) == pytest.approx(1)
    assert {effect["factor"] for effect in found["decomposition"]["effects"]} == {"detector", "model"}
    assert found["decomposition"]["left_out"] == {"crop": "all pipelines have the same"}
    assert (found["cochran_q"]["df"], found["cochran_q"]["test"]) == (3, "chi-square")


def test_subjects_are_drawn_whole(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
    found = run(tmp_path, right, subjects=np.arange(120) // 10)
    assert found["cochran_q"]["test"] == "permutation within clusters"
    assert all(row["design_effect"] > 0 for row in found["comparisons"])
    assert found["decomposition"]["components"]


def test_kappa_has_an_interval_and_the_greedy_order_is_told(tmp_path: Path, right: dict[str, np.ndarray]) -> None:
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
