"""One new file adds a detector and one YAML adds a model, with nothing else edited: the plan knows
them and the stages run them.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from faceoff.media.images import encode_png
from faceoff.plan import preflight
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins.plugin import RegistryError
from faceoff.plugins.registry import discover
from faceoff.stages.detect import write_faces
from faceoff.stages.predict import write_predictions
from faceoff.storage import columns, parquet

DETECTOR = '''
"""Finds the brightest pixel and calls what is around it a face."""
import numpy as np
from faceoff.plugins.protocols import Face

DETECTORS = {
    "lighthouse": {
        "class": "Lighthouse", "framework": "core", "options": {"side": 12},
        "threshold": 0.2, "min_size": 4,
        "calibration": {"dx": 0.0, "dy": 0.0, "sx": 1.0, "sy": 1.0}, "licence": "MIT",
    }
}


class Lighthouse:
    """One face per picture that is not black."""

    def __init__(self, card, assets):
        self.side = card["options"]["side"]

    def detect(self, images):
        return [self._detect(image) for image in images]

    def _detect(self, image):
        light = image.sum(axis=2, dtype=int)
        y, x = np.unravel_index(light.argmax(), light.shape)
        side = float(self.side)
        box = (float(x) - side / 2, float(y) - side / 2, side, side)
        return [Face(box, float(light.max()) / 765)]
'''

CARD = """
name: redness
file: redness.onnx
sha256: {sha256}
runtime: onnx
input: {{size: [8, 8], channels: 3, layout: nchw}}
activation: softmax
emotions: [angry, happy, neutral]
lineage: redness
licence: MIT
source: made by this test
"""


def redness_network() -> bytes:
    """The mean of each colour channel, times 10, as the logits of three classes."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Mul", ["flat", "ten"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "redness",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array([10.0], np.float32), "ten")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A run with both plug-ins in one scratch folder."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "lighthouse.py").write_text(DETECTOR, encoding="utf-8")
    weights = redness_network()
    (folder / "redness.onnx").write_bytes(weights)
    (folder / "redness.yaml").write_text(
        CARD.format(sha256=hashlib.sha256(weights).hexdigest()), encoding="utf-8"
    )
    return Plan({
        "run": "scratch", "plugins": [str(folder)], "datasets": {"posed": {}},
        "detectors": {"whole": {}, "lighthouse": {"options": {"side": 16}}},
        "models": {"fer": {}, "redness": {}},
        "fusions": {"vote": {"members": ["lighthouse/*"]}},
    })  # fmt: skip


def picture(colour: tuple[int, int, int], x: int, y: int) -> np.ndarray:
    """A coloured square around (x, y) with a white dot in its middle, on black."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[y - 10 : y + 10, x - 10 : x + 10] = colour
    image[y, x] = 255
    return image


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A red, a green and a blue square, a black picture, an unreadable file."""
    pictures = [
        picture((250, 0, 0), 20, 20),
        picture((0, 250, 0), 50, 40),
        picture((0, 0, 250), 30, 30),
        np.zeros((60, 80, 3), np.uint8),
    ]
    rows = [
        {
            "sample_id": f"s{index}",
            "frame": 0,
            "timestamp_s": 0.0,
            "state": "ok",
            "width": 80,
            "height": 60,
            "image": {"bytes": encode_png(image), "path": "x"},
        }
        for index, image in enumerate(pictures)
    ]
    rows.append(
        {
            "sample_id": "s4",
            "frame": 0,
            "timestamp_s": 0.0,
            "state": "unreadable",
            "reason": "empty file",
            "image": {"bytes": None, "path": "y"},
        }
    )
    parquet.write_rows(tmp_path / "frames.parquet", columns.FRAMES, rows)
    return tmp_path / "frames.parquet"


@pytest.mark.parametrize(
    "key", ["framework", "options", "threshold", "min_size", "calibration", "dx", "licence"]
)
def test_a_misspelt_key_of_its_header_is_no_key_of_its_own(tmp_path: Path, key: str) -> None:
    misspelt = f"{key[:-2]}{key[-1]}{key[-2]}"
    (tmp_path / "lighthouse.py").write_text(
        DETECTOR.replace(f'"{key}":', f'"{misspelt}":'), encoding="utf-8"
    )
    with pytest.raises(
        RegistryError,
        match=rf"lighthouse\.py: lighthouse: unknown key (calibration\.)?{misspelt}(, did you mean "
        rf"'{key}'|; valid: .*{key})",
    ):
        discover((tmp_path,))


def test_a_misspelt_option_of_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lighthouse.py").write_text(DETECTOR, encoding="utf-8")
    raw = {
        "plugins": [str(tmp_path)],
        "datasets": {"posed": {}},
        "detectors": {"lighthouse": {"options": {"sied": 16}}},
        "models": {"fer": {}},
    }
    with pytest.raises(
        ConfigError,
        match=r"detectors\.lighthouse\.options: detector 'lighthouse' has no option 'sied', did "
        r"you mean 'side'\?",
    ):
        Plan(raw)


def test_plan_knows_them(plan: Plan) -> None:
    assert {("lighthouse", "redness"), ("lighthouse", "fer"), ("whole", "redness")} <= set(
        plan.cells
    )
    assert (plan.env("detector", "lighthouse"), plan.env("model", "redness")) == ("core", "onnx")
    assert plan.skip("lighthouse", "redness") is None
    assert plan.fusions["vote"][1] == [("lighthouse", "fer"), ("lighthouse", "redness")]
    assert "results/scratch/scores/posed/lighthouse/redness.json" in plan.score_files()
    detector, model = (
        plan.detect_job("posed", "lighthouse"),
        plan.predict_job("posed", "lighthouse", "redness"),
    )
    assert detector.plugin.card["options"] == {"side": 16}
    assert model.plugin.card["emotions"] == ["anger", "happiness", "neutral"]
    assert len(detector.code) == len(model.code) == 16
    preflight.check(plan)


def test_stages_run_them(plan: Plan, frames: Path, tmp_path: Path) -> None:
    faces, predictions, timing = (
        tmp_path / "faces.parquet",
        tmp_path / "predictions.parquet",
        tmp_path / "timing.json",
    )
    write_faces(frames, faces, timing, plan.detect_job("posed", "lighthouse"))
    found = list(parquet.rows(faces))
    assert [row["state"] for row in found] == ["ok", "ok", "ok", "no_face", "unreadable"]
    assert (found[1]["x"], found[1]["y"], found[1]["w"], found[1]["h"]) == (42.0, 32.0, 16.0, 16.0)

    write_predictions(
        frames,
        faces,
        predictions,
        timing,
        plan.predict_job("posed", "lighthouse", "redness"),
    )
    rows = list(parquet.rows(predictions))
    assert [row["state"] for row in rows] == ["ok", "ok", "ok", "no_face", "unreadable"]
    assert [row["emotion"] for row in rows] == ["anger", "happiness", "neutral", None, None], (
        "the card's order is RGB's"
    )
    for row in rows[:3]:
        assert row["p_neutral"] + row["p_happiness"] + row["p_anger"] == pytest.approx(1)
        assert row["confidence"] > 0.99
    assert [row["reason"] for row in rows[3:]] == ["no face found", "empty file"]
    assert parquet.failed_files(predictions) == []


def test_same_bytes_when_run_again(plan: Plan, frames: Path, tmp_path: Path) -> None:
    made = []
    for turn in ("a", "b"):
        faces, predictions = (
            tmp_path / turn / "faces.parquet",
            tmp_path / turn / "predictions.parquet",
        )
        write_faces(frames, faces, tmp_path / "t.json", plan.detect_job("posed", "lighthouse"))
        write_predictions(
            frames,
            faces,
            predictions,
            tmp_path / "t.json",
            plan.predict_job("posed", "lighthouse", "redness"),
        )
        made.append(faces.read_bytes() + predictions.read_bytes())
    assert made[0] == made[1]


def test_weights_that_are_not_the_cards_are_refused(
    plan: Plan, frames: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "plugins" / "redness.onnx"
    weights.write_bytes(weights.read_bytes() + b"x")
    from faceoff.assets.asset import AssetError

    with pytest.raises(preflight.PreflightError, match=r"model redness: weights: .*sha256"):
        preflight.check(plan)
    write_faces(
        frames,
        tmp_path / "faces.parquet",
        tmp_path / "t.json",
        plan.detect_job("posed", "lighthouse"),
    )
    with pytest.raises(AssetError, match="sha256"):
        write_predictions(
            frames,
            tmp_path / "faces.parquet",
            tmp_path / "p.parquet",
            tmp_path / "t.json",
            plan.predict_job("posed", "lighthouse", "redness"),
        )
    assert not (tmp_path / "p.parquet").exists()


def test_editing_the_file_reruns_its_cells_only(plan: Plan, tmp_path: Path) -> None:
    from faceoff.plan import job_specs
    from faceoff.plugins import code_hash, registry

    before = (
        plan.detect_job("posed", "lighthouse"),
        plan.detect_job("posed", "whole"),
        plan.predict_job("posed", "whole", "redness"),
    )
    source = tmp_path / "plugins" / "lighthouse.py"
    edited = DETECTOR.replace("class Lighthouse:", "class Lighthouse:\n    edited = True\n")
    source.write_text(edited, encoding="utf-8")
    code_hash.forget()
    for cache in (job_specs.code, registry.discover):
        cache.cache_clear()
    after = (
        plan.detect_job("posed", "lighthouse"),
        plan.detect_job("posed", "whole"),
        plan.predict_job("posed", "whole", "redness"),
    )
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True, True]
