"""TensorFlow.js models of other people give what their layers in plain numpy give.

The bytes are read here a second time, from the format's description.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorflow_layers as tf

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from faceoff.inference.tfjs.network import open_network


def files(mirror: Path, manifest: str, weights: str) -> tuple[Path, Path]:
    found = mirror / manifest, mirror / weights
    if not all(path.is_file() for path in found):
        pytest.skip(f"{manifest} or {weights} is not in {mirror}")
    return found


def tensors(described: list[dict[str, Any]], raw: bytes) -> dict[str, np.ndarray]:
    """Return the values of a manifest's only group, float64."""
    found, start = {}, 0
    for item in described[0]["weights"]:
        how = item.get("quantization", {})
        dtype = np.dtype(how.get("dtype", item["dtype"])).newbyteorder("<")
        count = int(np.prod(item["shape"], dtype=int))
        values = np.frombuffer(raw, dtype, count, start)
        start += values.nbytes
        if "scale" in how:
            values = np.float32(values * how["scale"] + how["min"])
        found[item["name"]] = values.astype(float).reshape(item["shape"])
    assert start == len(raw)
    return found


@pytest.mark.parametrize(
    ("name", "architecture", "outputs", "side", "scale"),
    [
        ("face_expression_model", "face_api_expression", ("logits",), 112, 1),
        ("face_landmark_68_model", "face_api_landmarks", ("landmarks",), 112, 1),
        ("age_gender_model", "face_api_age_gender", ("age", "gender"), 112, 100),
        ("face_recognition_model", "face_api_recognition", ("descriptor",), 150, 1),
    ],
)
def test_face_api_gives_what_its_sources_say(
    mirror: Path, name: str, architecture: str, outputs: tuple[str, ...], side: int, scale: int
) -> None:
    """Differences stay below 1e-5; an age, in years, differs by less than 1e-5 centuries."""
    manifest, weights = files(mirror, f"{name}-weights_manifest.json", f"{name}.bin")
    judge = tf.FaceApi(tensors(json.loads(manifest.read_bytes()), weights.read_bytes()))
    compute = {
        "face_api_expression": judge.expression,
        "face_api_landmarks": judge.landmarks,
        "face_api_age_gender": judge.age_gender,
        "face_api_recognition": judge.descriptor,
    }[architecture]
    x = np.random.default_rng(3).uniform(-0.48, 0.6, (2, side, side, 3)).astype(np.float32)
    wanted = compute(x)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    network = open_network(manifest, [weights], architecture, outputs)
    assert network.output_names == outputs
    for made, expected in zip(network.run(x), wanted, strict=True):
        assert made.shape == expected.shape
        assert np.isfinite(made).all()
        assert np.abs(made - expected).max() < 1e-5 * scale


def walk(model: dict[str, Any], values: dict[str, np.ndarray], x: np.ndarray) -> None:
    """Compute every node of faceres into `values`."""
    for node in model["modelTopology"]["node"]:
        name, kind, attr = node["name"], node["op"], node.get("attr", {})
        if kind == "Placeholder":
            values[name] = x
        if kind in ("Placeholder", "Const"):
            continue
        inputs = [values[one] for one in node["input"]]
        stride = [int(one) for one in attr.get("strides", {"list": {"i": []}})["list"]["i"][1:3]]
        if kind == "_FusedMatMul":
            fused = attr["fused_ops"]["list"]["s"]  # BiasAdd and Relu in base64
            made = inputs[0] @ inputs[1] + inputs[2]
            assert fused in (["Qmlhc0FkZA=="], ["Qmlhc0FkZA==", "UmVsdQ=="])
            values[name] = tf.relu(made) if len(fused) == 2 else made
            continue
        values[name] = {
            "Add": lambda i: i[0] + i[1],
            "Mul": lambda i: i[0] * i[1],
            "Minimum": lambda i: np.minimum(*i),
            "Maximum": lambda i: np.maximum(*i),
            "Relu": lambda i: tf.relu(i[0]),
            "Sigmoid": lambda i: 1 / (1 + np.exp(-i[0])),
            "Softmax": lambda i: tf.softmax(i[0]),
            "Mean": lambda i: i[0].mean(axis=tuple(np.atleast_1d(i[1]).astype(int))),
            "Conv2D": lambda i, stride=stride: tf.conv(*i, stride=stride, padding="SAME"),
            "DepthwiseConv2dNative": lambda i, stride=stride: tf.depthwise(
                *i, stride=stride, padding="SAME"
            ),
        }[kind](inputs)


def test_faceres_gives_what_its_graph_says(mirror: Path) -> None:
    manifest, weights = files(mirror, "faceres.json", "faceres.bin")
    model = json.loads(manifest.read_bytes())
    x = np.random.default_rng(5).uniform(-120, 150, (1, 224, 224, 3)).astype(np.float32)
    values = tensors(model["weightsManifest"], weights.read_bytes())
    walk(model, values, x.astype(float))
    names = ("global_pooling/Mean", "age_pred/Softmax", "gender_pred/Sigmoid")
    network = open_network(manifest, [weights], outputs=names)
    for made, name in zip(network.run(x), names, strict=True):
        assert made.shape == values[name].shape
        assert np.abs(made - values[name]).max() < 1e-5
    assert np.abs(values["global_pooling/Mean"]).max() > 1
