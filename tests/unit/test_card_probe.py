"""Model cards that contradict their networks: `faceoff config` says so, before any run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from faceoff.assets.asset import hash_of
from faceoff.cli import app
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins.model_cards import read_card
from faceoff.scoring.doubts import softmax_twice

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CLASSES = ["happy", "sad", "neutral"]


def network(
    path: Path, side: int | str = 48, *, last: bool = False, ending: str = "", channels: int = 3
) -> Path:
    """Save means of the channels, three logits of them, and perhaps a softmax.

    side: fixed or a name (any); last: channels come last.
    """
    shape = [None, side, side, channels] if last else [None, channels, side, side]
    random = np.random.default_rng(0)
    weight = onnx.numpy_helper.from_array(
        random.normal(0, 9, (channels, 3)).astype(np.float32), "w"
    )
    axes = onnx.numpy_helper.from_array(np.array([1, 2] if last else [2, 3]), "axes")
    nodes = [
        onnx.helper.make_node("ReduceMean", ["x", "axes"], ["means"], keepdims=0),
        onnx.helper.make_node("MatMul", ["means", "w"], ["logits"]),
    ]
    if ending == "softmax":
        nodes.append(onnx.helper.make_node("Softmax", ["logits"], ["p"]))
    value = onnx.helper.make_tensor_value_info
    out = value("p" if ending else "logits", onnx.TensorProto.FLOAT, [None, 3])
    graph = onnx.helper.make_graph(
        nodes, "g", [value("x", onnx.TensorProto.FLOAT, shape)], [out], [weight, axes]
    )
    made = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8
    )
    onnx.save(made, path)
    return path


def card(weights: Path, **keys: Any) -> Path:
    text = {
        "name": "mine", "file": weights.name, "sha256": hash_of(weights, "sha256"),
        "runtime": "onnx", "emotions": CLASSES, "lineage": "mine", "input": {"size": [48, 48]},
    }  # fmt: skip
    path = weights.parent / "mine.yaml"
    path.write_text(yaml.safe_dump({**text, **keys}), encoding="utf-8")
    return path


def checked(folder: Path) -> tuple[int, str]:
    (folder / "c.yaml").write_text(
        "run: t\ndatasets: {posed: {}}\ndetectors: {whole: {}}\n"
        f"models: {{mine: {{model: {folder / 'mine.yaml'}}}}}\n"
    )
    result = CliRunner().invoke(app, ["config", str(folder / "c.yaml")])
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize(
    ("made", "given", "says"),
    [
        ({}, {"input": {"size": [32, 32]}}, "the network takes 3 x 48 x 48, the card describes "
         "3 x 32 x 32: write input.size: [48, 48]"),
        ({}, {"input": {"size": [48, 48], "layout": "nhwc"}}, "write input.layout: nchw"),
        ({"last": True}, {}, "the network takes 48 x 48 x 3, the card describes 3 x 48 x 48: "
         "write input.layout: nhwc"),
        ({"last": True, "side": "any"}, {}, "write input.layout: nhwc"),
        ({"channels": 1}, {}, "the network takes 1 x 48 x 48"),
        ({"ending": "softmax"}, {}, "outputs are probabilities already .* activation: none"),
        ({}, {"activation": "none"}, "activation: none, but the outputs are no probabilities"),
        ({}, {"emotions": [*CLASSES, "fear"]}, "the network has 3 outputs, the card names 4"),
    ],
)  # fmt: skip
def test_a_card_that_contradicts_its_network_is_refused(
    tmp_path: Path, made: dict, given: dict, says: str
) -> None:
    path = card(network(tmp_path / "w.onnx", **made), **given)
    code, said = checked(tmp_path)
    assert code == 1
    assert "c.yaml: models.mine: " in said
    assert says in said or re.search(says, said)
    if "the network takes" in said:  # its cells say so too
        with pytest.raises(ValueError, match="the network takes"):
            load_plugin(read_card(path).job(), Clock())


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ({}, {}),
        ({"side": "any"}, {"input": {"size": [32, 32]}}),
        ({"last": True}, {"input": {"size": [48, 48], "layout": "nhwc"}}),
        ({"ending": "softmax"}, {"activation": "none"}),
    ],
)
def test_a_right_card_passes(tmp_path: Path, made: dict, given: dict) -> None:
    card(network(tmp_path / "w.onnx", **made), **given)
    assert checked(tmp_path) == (0, f"{tmp_path / 'c.yaml'}: valid")


def test_without_its_weights_a_card_is_not_tried_and_the_file_is_named(tmp_path: Path) -> None:
    path = card(network(tmp_path / "w.onnx", side=64))
    (tmp_path / "w.onnx").unlink()
    assert path.exists()
    status, said = checked(tmp_path)
    assert status == 1
    assert "valid, but a run would stop here" in said
    assert "w.onnx" in said


# -- in the cell -----------------------------------------------------------------------------------


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def test_a_softmax_over_probabilities_shows_in_the_posteriors() -> None:
    once = softmax(np.random.default_rng(0).normal(0, 3, (300, 7)))
    twice = softmax(once)
    assert softmax_twice(twice)
    assert softmax_twice(np.vstack([twice, np.full((1, 7), np.nan)]))
    assert softmax_twice(twice.astype(np.float32).astype(float))
    assert not softmax_twice(once)
    # A network that never is sure, one that never learnt, votes, and nothing at all.
    assert not softmax_twice(softmax(np.random.default_rng(0).normal(0, 0.4, (300, 7))))
    assert not softmax_twice(np.full((9, 7), 1 / 7))
    assert not softmax_twice(np.eye(7))
    assert not softmax_twice(np.full((3, 7), np.nan))
    # Clips: the mean over several frames of one face.
    frames = np.random.default_rng(1).normal(0, 3, (100, 1, 7)) + np.random.default_rng(2).normal(
        0, 0.5, (100, 9, 7)
    )
    of_frames = softmax(softmax(frames.reshape(900, 7))).reshape(100, 9, 7)
    assert softmax_twice(of_frames.mean(axis=1))
