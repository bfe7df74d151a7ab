"""Keras files in PyTorch: every layer agrees with plain numpy, in both dialects.

Faults name file and layer.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("h5py")

import h5py
import torch

import keras_files as judge
from faceoff.inference import hardware, torch_devices
from faceoff.inference.keras_h5 import KerasFileError, KerasNetwork, Layer, sequence

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(0, 0.5, shape).astype(np.float32)


def batch_norm(channels: int) -> dict[str, np.ndarray]:
    return {
        "gamma": normal(channels),
        "beta": normal(channels),
        "moving_mean": normal(channels),
        "moving_variance": np.abs(normal(channels)) + 0.1,
    }


def images(*shape: int) -> np.ndarray:
    return RNG.random((3, *shape), np.float32)


def result(path: Path, x: np.ndarray, **options: Any) -> np.ndarray:
    return KerasNetwork(path, **options).run(x)[0]


def test_separable_network_of_keras_two(tmp_path: Path) -> None:
    """It has strides and "same" on odd sides, normalisation, leaky rectifier and average pooling.

    The border does not count in the average.
    """
    weights = {
        "conv": {"kernel": normal(3, 3, 2, 4), "bias": normal(4)},
        "bn": batch_norm(4),
        "sep": {
            "depthwise_kernel": normal(3, 3, 4, 2),
            "pointwise_kernel": normal(1, 1, 8, 5),
            "bias": normal(5),
        },
        "dense": {"kernel": normal(3 * 2 * 5, 4), "bias": normal(4)},
    }
    layers = [
        ("InputLayer", "in", {}),
        (
            "Conv2D",
            "conv",
            {"kernel_size": [3, 3], "strides": [2, 2], "padding": "same", "activation": "relu"},
        ),
        ("BatchNormalization", "bn", {"epsilon": 0.001}),
        ("LeakyReLU", "leaky", {"alpha": 0.02}),
        (
            "SeparableConv2D",
            "sep",
            {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "depth_multiplier": 2},
        ),
        ("AveragePooling2D", "pool", {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}),
        ("SpatialDropout2D", "drop", {"rate": 0.1}),
        ("Flatten", "flat", {}),
        ("Dense", "dense", {"activation": "softmax"}),
    ]
    x = images(11, 7, 2)
    y = judge.relu(judge.convolution(x, **weights["conv"], stride=2, same=True))
    y = judge.normalisation(y, **weights["bn"], epsilon=0.001)
    y = np.where(y > 0, y, 0.02 * y)
    y = judge.depthwise(y, weights["sep"]["depthwise_kernel"], same=True)
    y = judge.convolution(y, weights["sep"]["pointwise_kernel"], weights["sep"]["bias"])
    y = judge.average(y, 3, 2, same=True).reshape(3, -1)
    expected = judge.softmax(y @ weights["dense"]["kernel"] + weights["dense"]["bias"])
    assert (
        np.abs(result(judge.write(tmp_path / "a.h5", layers, weights), x) - expected).max() < 1e-6
    )


@pytest.mark.parametrize("dialect", [2, 3])
def test_joined_network(tmp_path: Path, dialect: int) -> None:
    """A residual block as in mini_XCEPTION, the layers in an order in which they do not compute."""
    weights = {
        "aside": {"kernel": normal(1, 1, 3, 4)},
        "deep": {"depthwise_kernel": normal(3, 3, 3, 1), "bias": normal(3)},
        "up": {"kernel": normal(1, 1, 3, 4)},
    }
    layers = [
        ("InputLayer", "in", {}),
        (
            "Conv2D",
            "aside",
            {"kernel_size": [1, 1], "strides": [2, 2], "padding": "same", "use_bias": False},
        ),
        ("Add", "add", {}),
        (
            "DepthwiseConv2D",
            "deep",
            {"kernel_size": [3, 3], "padding": "valid", "activation": "relu6"},
        ),
        ("ZeroPadding2D", "frame", {"padding": [[1, 1], [1, 1]]}),
        ("Conv2D", "up", {"kernel_size": 1, "use_bias": False}),
        ("MaxPooling2D", "pool", {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}),
        ("Concatenate", "cat", {"axis": -1}),
        ("GlobalAveragePooling2D", "mean", {"keepdims": True}),
        ("Flatten", "flat", {}),
        ("Activation", "out", {"activation": "softmax"}),
    ]
    joined = {
        "aside": ["in"],
        "deep": ["in"],
        "frame": ["deep"],
        "up": ["frame"],
        "pool": ["up"],
        "add": ["pool", "aside"],
        "cat": ["add", "aside"],
        "mean": ["cat"],
        "flat": ["mean"],
        "out": ["flat"],
    }
    x = 20 * images(8, 9, 3)  # so that relu6 cuts
    aside = judge.convolution(x, weights["aside"]["kernel"], stride=2, same=True)
    deep = np.clip(
        judge.depthwise(x, weights["deep"]["depthwise_kernel"]) + weights["deep"]["bias"], 0, 6
    )
    up = judge.convolution(np.pad(deep, ((0, 0), (1, 1), (1, 1), (0, 0))), weights["up"]["kernel"])
    added = judge.maximum(up, 3, 2, same=True) + aside
    expected = judge.softmax(np.concatenate([added, aside], axis=3).mean(axis=(1, 2)))
    path = judge.write(tmp_path / "a.h5", layers, weights, joined, dialect)
    assert np.abs(result(path, x) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("Activation", {"activation": "sigmoid"}, lambda x: 1 / (1 + np.exp(-x))),
        ("Activation", {"activation": "swish"}, lambda x: x / (1 + np.exp(-x))),
        ("Activation", {"activation": "tanh"}, np.tanh),
        ("ReLU", {"max_value": 0.5}, lambda x: np.clip(x, 0, 0.5)),
        ("ELU", {"alpha": 0.7}, lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
        ("Rescaling", {"scale": 2.0, "offset": -1.0}, lambda x: 2 * x - 1),
        ("MaxPooling2D", {"pool_size": 2}, lambda x: judge.maximum(x, 2, 2)),
        ("AveragePooling2D", {"pool_size": [3, 3], "strides": 1}, lambda x: judge.average(x, 3, 1)),
        ("GlobalMaxPooling2D", {}, lambda x: x.max(axis=(1, 2))),
        ("Reshape", {"target_shape": [3, 8, 1]}, lambda x: x),
        ("Dropout", {"rate": 0.5}, lambda x: x),
    ],
)
def test_layers_without_weights(tmp_path: Path, kind: str, options: dict, expected: Any) -> None:
    x = images(4, 3, 2) - 0.5
    path = judge.write(tmp_path / "a.h5", [("InputLayer", "in", {}), (kind, "layer", options)], {})
    assert np.abs(result(path, x) - expected(x).reshape(3, -1)).max() < 1e-6


@pytest.mark.parametrize(("dialect", "slope"), [(2, 1 / 5), (3, 1 / 6)])
def test_hard_sigmoid_is_that_of_the_keras_that_wrote_the_file(
    tmp_path: Path, dialect: int, slope: float
) -> None:
    """Keras 2: clip(0.2 x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6."""
    x = 8 * images(4, 3, 2) - 4
    path = judge.write(
        tmp_path / "a.h5",
        [("InputLayer", "in", {}), ("Activation", "a", {"activation": "hard_sigmoid"})],
        {},
        dialect=dialect,
    )
    assert np.abs(result(path, x) - np.clip(slope * x + 0.5, 0, 1).reshape(3, -1)).max() < 1e-6
    with h5py.File(path, "a") as file:
        del file.attrs["keras_version"]
    assert np.abs(result(path, x) - np.clip(0.2 * x + 0.5, 0, 1).reshape(3, -1)).max() < 1e-6, (
        "files from before there was that attribute"
    )


@pytest.mark.parametrize(("axis", "fine"), [(-1, True), (3, True), (1, False), (2, False)])
@pytest.mark.parametrize("kind", ["Concatenate", "Softmax", "BatchNormalization"])
def test_only_the_last_axis_is_that_of_the_channels(
    tmp_path: Path, kind: str, axis: int, fine: bool
) -> None:
    weights = {"l": batch_norm(2)} if kind == "BatchNormalization" else {}
    options = {"axis": [axis] if kind == "BatchNormalization" else axis}
    path = judge.write(
        tmp_path / "a.h5",
        [("InputLayer", "in", {}), (kind, "l", options)],
        weights,
        {"l": ["in", "in"] if kind == "Concatenate" else ["in"]},
    )
    if fine:
        assert result(path, images(4, 3, 2)).shape == (3, 48 if kind == "Concatenate" else 24)
    else:
        with pytest.raises(
            KerasFileError, match=f"layer 'l': {kind} along axis {axis} of 4 is not supported"
        ):
            result(path, images(4, 3, 2))
    flat = [("InputLayer", "in", {}), ("Flatten", "f", {}), ("Concatenate", "l", {"axis": 1})]
    path = judge.write(tmp_path / "b.h5", flat, {}, {"f": ["in"], "l": ["f", "f"]})
    assert result(path, images(4, 3, 2)).shape == (3, 48), "of two axes, the second is the last"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{cut", "its model_config is no description of Keras layers"),
        ("[]", "its model_config is no description of Keras layers"),
        ("{}", "its model_config lacks 'class_name'"),
        ('{"class_name": "Sequential"}', "its model_config lacks 'config'"),
        (
            '{"class_name": "Sequential", "config": {"name": "m"}}',
            "its model_config lacks 'layers'",
        ),
        (
            '{"class_name": "Sequential", "config": [{"config": {}}]}',
            "its model_config lacks 'class_name'",
        ),
        (
            '{"class_name": "Functional", "config": {"layers": []}}',
            "its model_config lacks 'output_layers'",
        ),
        (
            '{"class_name": "Functional", "config": {"layers": [], "output_layers": [["gone", 0, '
            "0]]}}",
            "its model_config lacks 'gone'",
        ),
        (
            '{"class_name": "Mine", "config": {}}',
            "a model of class 'Mine' is written in Python code",
        ),
        (
            '{"class_name": "Sequential", "config": [{"class_name": "Reshape", "config": {"name": '
            '"r"}}]}',
            r"layer 'r' \(Reshape\): .* lacks 'target_shape'",
        ),
    ],
)
def test_a_description_that_is_none_is_named(tmp_path: Path, config: str, says: str) -> None:
    path = judge.write(tmp_path / "odd.h5", [], {})
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = config
    with pytest.raises(KerasFileError, match=says) as caught:
        KerasNetwork(path)
    assert "odd.h5" in str(caught.value)


def test_prelu_and_rows_alone_or_together(tmp_path: Path) -> None:
    weights = {"p": {"alpha": normal(1, 1, 2)}}
    x = images(4, 3, 2) - 0.5
    path = judge.write(tmp_path / "a.h5", [("PReLU", "p", {"shared_axes": [1, 2]})], weights)
    together = result(path, x, batch=2)
    assert (
        np.abs(together - np.where(x > 0, x, weights["p"]["alpha"] * x).reshape(3, -1)).max() < 1e-6
    )
    assert np.array_equal(
        np.concatenate([result(path, x[i : i + 1], batch=2) for i in range(3)]), together
    )
    assert result(path, x[:0], batch=2).shape == (0, 24)


CONV = ("Conv2D", "c", {"kernel_size": [3, 3]})
GOOD = {"c": {"kernel": normal(3, 3, 1, 2), "bias": normal(2)}}


@pytest.mark.parametrize(
    ("layers", "weights", "says"),
    [
        (
            [("LSTM", "l", {})],
            {},
            r"layer 'l': layers of class 'LSTM' are not supported; supported: .*Conv2D",
        ),
        ([("Lambda", "l", {"function": "cos"})], {}, "'Lambda' are not supported"),
        (
            [("Activation", "a", {"activation": "mish"})],
            {},
            "layer 'a': activation 'mish' is not supported",
        ),
        ([CONV], {}, r"layer 'c' \(Conv2D\): weight 'kernel' is missing; the file has no weights"),
        ([CONV], {"c": {"kernel": GOOD["c"]["kernel"]}}, "'bias' is missing"),
        (
            [CONV],
            {"c": {**GOOD["c"], "gamma": normal(2)}},
            r"layer 'c' \(Conv2D\): unexpected weights \['gamma'\]",
        ),
        (
            [CONV],
            GOOD | {"d": {"kernel": normal(2, 2)}},
            r"weights of layers that are not in the description: \['d'\]",
        ),
        (
            [("Conv2D", "c", {"kernel_size": [5, 5]})],
            GOOD,
            r"layer 'c': its kernel is \(3, 3\), the description says \(5, 5\)",
        ),
        ([("Conv2D", "c", {"kernel_size": [3, 3], "padding": "causal"})], GOOD, "padding 'causal'"),
        (
            [("Conv2D", "c", {"kernel_size": [3, 3], "data_format": "channels_first"})],
            GOOD,
            "only channels_last",
        ),
        (
            [("Conv2D", "c", {"kernel_size": [3, 3], "filters": 5})],
            GOOD,
            r"layer 'c' \(Conv2D\): its weights make 2 values, its description says filters 5",
        ),
        (
            [("Dense", "d", {"units": 7})],
            {"d": {"kernel": normal(4, 3), "bias": normal(3)}},
            "its weights make 3 values, its description says units 7",
        ),
        (
            [("DepthwiseConv2D", "c", {"kernel_size": [3, 3], "depth_multiplier": 2})],
            {"c": {"depthwise_kernel": normal(3, 3, 2, 1), "bias": normal(2)}},
            "says depth_multiplier 2",
        ),
        (
            [("Dense", "d", {"units": 3})],
            {"d": {"kernel": normal(4, 3), "bias": normal(2)}},
            r"weight 'bias' has the shape \(2,\), \(3,\) is expected",
        ),
        (
            [("Dense", "d", {"units": 3})],
            {"d": {"kernel": normal(2, 4, 3), "bias": normal(3)}},
            r"weight 'kernel' has the shape \(2, 4, 3\), 2 sides are expected",
        ),
        (
            [("BatchNormalization", "b", {})],
            {
                "b": {
                    "moving_mean": normal(2),
                    "moving_variance": normal(3),
                    "gamma": normal(2),
                    "beta": normal(2),
                }
            },
            r"weight 'moving_variance' has the shape \(3,\), \(2,\) is expected",
        ),
    ],
)
def test_faults_name_file_and_layer(tmp_path: Path, layers: list, weights: dict, says: str) -> None:
    path = judge.write(tmp_path / "bad.h5", layers, weights)
    with pytest.raises(KerasFileError, match=says) as caught:
        KerasNetwork(path)
    assert "bad.h5" in str(caught.value)


def test_input_of_another_shape_names_the_layer(tmp_path: Path) -> None:
    path = judge.write(
        tmp_path / "a.h5",
        [CONV, ("Flatten", "f", {}), ("Dense", "d", {})],
        GOOD | {"d": {"kernel": normal(8, 2), "bias": normal(2)}},
    )
    with pytest.raises(KerasFileError, match="layer 'c'"):
        result(path, images(4, 4, 3))
    with pytest.raises(KerasFileError, match="layer 'd': takes 8 values, gets"):
        result(path, images(6, 6, 1))


def test_files_that_are_no_model(tmp_path: Path) -> None:
    torn = tmp_path / "torn.h5"
    torn.write_bytes(judge.write(tmp_path / "a.h5", [CONV], GOOD).read_bytes()[:1000])
    with pytest.raises(KerasFileError, match=r"torn\.h5: not a readable Keras HDF5 file"):
        KerasNetwork(torn)
    with pytest.raises(KerasFileError, match="holds weights only"):
        KerasNetwork(judge.write(tmp_path / "w.h5", None, GOOD))


@pytest.mark.parametrize("how", ["external", "virtual", "link", "link_to_all"])
def test_values_in_another_file_are_refused(tmp_path: Path, how: str) -> None:
    """The card's sha256 says nothing of the bytes of the other file."""
    path, other = (
        judge.write(tmp_path / "a.h5", [CONV], GOOD),
        judge.write(tmp_path / "other.h5", [CONV], GOOD),
    )
    kernel = GOOD["c"]["kernel"]
    assert result(path, images(4, 4, 1)).shape == (3, 8)
    with h5py.File(path, "a") as file:
        if how == "external":
            del file["model_weights/c/c/kernel:0"]
            file["model_weights/c/c"].create_dataset(
                "kernel:0",
                kernel.shape,
                np.float32,
                external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)],
            )
            (tmp_path / "raw").write_bytes(kernel.tobytes())
        elif how == "virtual":
            del file["model_weights/c/c/kernel:0"]
            layout = h5py.VirtualLayout(kernel.shape, np.float32)
            layout[...] = h5py.VirtualSource(other, "model_weights/c/c/kernel:0", kernel.shape)
            file["model_weights/c/c"].create_virtual_dataset("kernel:0", layout)
        else:
            place = "model_weights/c" if how == "link" else "model_weights"
            names = file["model_weights"].attrs["layer_names"]
            del file[place]
            file[place] = h5py.ExternalLink(other, place)
            assert file["model_weights/c/c/kernel:0"].shape == kernel.shape
            if how == "link":
                file["model_weights"].attrs["layer_names"] = names
    with pytest.raises(
        KerasFileError,
        match=r"a\.h5: .*c.*: keeps its values in another file, which the sha256 of this one does "
        r"not cover",
    ):
        KerasNetwork(path)


def test_weights_only_goes_by_order(tmp_path: Path) -> None:
    """As Keras' load_weights: the names in the file do not matter, the order does."""
    path = judge.write(tmp_path / "w.h5", None, {"conv2d_17": GOOD["c"]})
    x = images(5, 5, 1)
    found = result(path, x, layers=sequence([Layer("Conv2D", "first", {"kernel_size": 3})]))
    assert np.abs(found - judge.convolution(x, **GOOD["c"]).reshape(3, -1)).max() < 1e-6
    with pytest.raises(
        KerasFileError, match=r"1 layers with weights, 2 expected: missing \['second'\]"
    ):
        KerasNetwork(
            path, layers=sequence([Layer("Conv2D", "first", {}), Layer("Dense", "second", {})])
        )
    with pytest.raises(KerasFileError, match=r"unexpected \['conv2d_17'\]"):
        KerasNetwork(path, layers=sequence([Layer("Flatten", "f")]))


# -- the machine -----------------------------------------------------------------------------------


def test_reduced_precision_is_close_and_not_the_same(tmp_path: Path) -> None:
    weights = {
        "conv": {"kernel": normal(3, 3, 2, 4), "bias": normal(4)},
        "bn": batch_norm(4),
        "pre": {"alpha": normal(1, 1, 4)},
        "sep": {
            "depthwise_kernel": normal(3, 3, 4, 2),
            "pointwise_kernel": normal(1, 1, 8, 5),
            "bias": normal(5),
        },
        "dense": {"kernel": normal(5, 4), "bias": normal(4)},
    }
    layers = [
        ("InputLayer", "in", {}),
        ("Conv2D", "conv", {"kernel_size": [3, 3], "strides": [2, 2], "padding": "same"}),
        ("BatchNormalization", "bn", {"epsilon": 0.001}),
        ("PReLU", "pre", {}),
        (
            "SeparableConv2D",
            "sep",
            {"kernel_size": [3, 3], "padding": "same", "depth_multiplier": 2},
        ),
        ("MaxPooling2D", "max", {"pool_size": [2, 2], "padding": "same"}),
        ("GlobalAveragePooling2D", "mean", {}),
        ("Dense", "dense", {"activation": "linear"}),
    ]
    network, pictures = (
        KerasNetwork(judge.write(tmp_path / "a.h5", layers, weights)),
        images(11, 7, 2),
    )
    (full,) = network.run(pictures)
    hardware.set_hardware(hardware.Hardware(precision="bfloat16"))
    try:
        with torch_devices.autocast():
            (reduced,) = network.run(pictures)
    finally:
        hardware.set_hardware(hardware.Hardware())
    assert reduced.dtype == np.float32
    assert 0 < np.abs(full - reduced).max() < 0.05 * np.abs(full).max()


def test_memory_that_runs_out_in_a_layer_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """The batch is halved until it fits; what is wrong with the file still names its layer."""
    path = judge.write(tmp_path / "a.h5", [("InputLayer", "in", {}), ("Flatten", "flat", {})], {})
    network, pictures = KerasNetwork(path, batch=16), images(2, 2, 1)
    step, asked = network.module.steps[-1], []
    flatten = step.forward

    def limited(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        if len(x) > 4:
            raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
        return flatten(x)

    step.forward = limited
    np.testing.assert_array_equal(network.run(pictures)[0], pictures.reshape(3, -1))
    assert asked == [16, 8, 4]
    step.forward = lambda x: x.reshape(7, 7)
    with pytest.raises(KerasFileError, match="layer 'flat'"):
        network.run(pictures)
