"""Models of TensorFlow.js: weights, nodes and cards, judged by plain numpy."""

import base64
import copy
import functools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import yaml
from typer.testing import CliRunner

import tensorflow_layers as tf
import tfjs_files
from tfjs_files import graph_model, node, save

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from faceoff.assets.asset import AssetError, hash_of
from faceoff.cli import app
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.inference.tfjs import weights
from faceoff.inference.tfjs.architectures import ARCHITECTURES
from faceoff.inference.tfjs.network import open_network
from faceoff.inference.tfjs.operations import OPERATIONS
from faceoff.inference.tfjs.weights import TfjsError
from faceoff.plan.job_specs import Plan
from faceoff.plugins import code_hash
from faceoff.plugins.model_cards import TFJS_ARCHITECTURES, read_card
from faceoff.plugins.plugin import PACKAGE, RegistryError

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(0, 1, (3, 8, 8, 3)).astype(np.float32)
CLASSES = ["happy", "sad", "neutral"]


def values(*shape: int, least: float = -1.0) -> np.ndarray:
    return np.random.default_rng(sum(shape) + 1).uniform(least, 1, shape).astype(np.float32)


# -- weights ---------------------------------------------------------------------------------------


def read(folder: Path, manifest: Any, raw: bytes | Sequence[bytes]) -> dict[str, np.ndarray]:
    """Write a manifest and its shards, and read the tensors."""
    parts = [raw] if isinstance(raw, bytes) else raw
    files = []
    for number, part in enumerate(parts):
        files.append(folder / f"part{number}.bin")
        files[-1].write_bytes(part)
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return weights.read(weights.groups(weights.read_json(path), path), files, path)


TENSORS = {
    "a/kernel": values(3, 3, 2, 4),
    "a/bias": values(4),
    "axes": np.array([1, 2], np.int32),
    "yes": np.array([True, False, True]),
    "one": np.array(0.5, np.float32),
}


@pytest.mark.parametrize(
    ("quantized", "tolerance"), [(None, 0), ("float16", 5e-4), ("uint8", 4e-3), ("uint16", 2e-5)]
)
def test_tensors_come_back_as_they_were_stored(
    tmp_path: Path, quantized: str | None, tolerance: float
) -> None:
    entries, raw = tfjs_files.manifest(TENSORS, quantized)
    for manifest in (entries, [{"weights": entries, "paths": ["other.bin"]}], {"weights": entries}):
        found = read(tmp_path, manifest, raw)
        assert list(found) == list(TENSORS)
        for name, array in TENSORS.items():
            assert found[name].shape == array.shape
            assert found[name].dtype.kind == array.dtype.kind
            assert np.abs(found[name].astype(float) - array).max() <= tolerance


def test_quantized_values_are_scaled_in_double_precision(tmp_path: Path) -> None:
    """Value = q * scale + min, rounded to float32 once, as JavaScript does."""
    scale, least = 0.0057930146946626555, -0.7125408074435067
    entry = {"name": "w", "shape": [256], "dtype": "float32"}
    entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": least}
    found = read(tmp_path, [entry], bytes(range(256)))["w"]
    assert (found == (np.arange(256) * scale + least).astype(np.float32)).all()
    whole = {"name": "w", "shape": [4], "dtype": "int32"}
    whole["quantization"] = {"dtype": "uint8", "scale": 0.5, "min": -1}
    assert read(tmp_path, [whole], bytes([0, 1, 2, 3]))["w"].tolist() == [-1, 0, 0, 1]


def test_shards_follow_one_another_and_go_by_name_or_order(tmp_path: Path) -> None:
    entries, raw = tfjs_files.manifest(TENSORS)
    cut = [raw[:10], raw[10:100], raw[100:]]  # in the middle of values
    group = {"weights": entries, "paths": ["s1.bin", "s2.bin", "s3.bin"]}
    found = read(tmp_path, [group], cut)
    assert (found["a/kernel"] == TENSORS["a/kernel"]).all()
    named = {"weights": entries, "paths": ["part2.bin", "part0.bin", "part1.bin"]}
    found = read(tmp_path, [named], [cut[1], cut[2], cut[0]])
    assert (found["a/kernel"] == TENSORS["a/kernel"]).all()
    two = [
        {"weights": entries[:1], "paths": ["a.bin"]},
        {"weights": entries[1:], "paths": ["b.bin"]},
    ]
    size = TENSORS["a/kernel"].nbytes
    found = read(tmp_path, two, [raw[:size], raw[size:]])
    assert (found["a/bias"] == TENSORS["a/bias"]).all()
    with pytest.raises(TfjsError, match=r"names 3 files of weights \(s1.*card has 1: list them"):
        read(tmp_path, [group], raw)


FLOAT = {"name": "w", "shape": [2], "dtype": "float32"}


@pytest.mark.parametrize(
    ("manifest", "raw", "says"),
    [
        ([FLOAT], bytes(7), r"part0\.bin: tensor 'w' \[2\] needs the bytes up to 8, there are 7"),
        ([FLOAT], bytes(9), r"part0\.bin: 1 bytes of 9 are left over after the last tensor"),
        ([FLOAT, FLOAT], bytes(16), r"manifest\.json: tensor 'w' is named twice"),
        ([FLOAT | {"shape": [10**9, 10**9, 10**9]}], bytes(8), "needs the bytes up to"),
        ([FLOAT | {"shape": [-1]}], bytes(8), r"'w': shape \[-1\]"),
        ([FLOAT | {"shape": [2.0]}], bytes(8), r"'w': shape \[2\.0\]"),
        ([FLOAT | {"shape": None}], bytes(8), "'w': shape None"),
        ([FLOAT | {"dtype": "string"}], bytes(8), "'w': dtype 'string' is not supported; known: "),
        ([FLOAT | {"dtype": ["float32"]}], bytes(8), "dtype"),
        ([FLOAT | {"quantization": {"dtype": "uint4", "scale": 1, "min": 0}}], b"", "'uint4'"),
        ([FLOAT | {"quantization": {"dtype": "uint8", "min": 0}}], b"ab", "scale None, a number"),
        ([FLOAT | {"quantization": {"dtype": "uint8", "scale": 1}}], b"ab", "min None, a number"),
        (
            [FLOAT | {"quantization": {"dtype": "uint8", "scale": float("nan"), "min": 0}}],
            b"ab",
            "scale nan, a number",
        ),
        ([FLOAT | {"quantization": "uint8"}], b"ab", "expected keys and values"),
        (
            [FLOAT | {"dtype": "int32", "quantization": {"dtype": "float16"}}],
            bytes(4),
            "int32 stored as 'float16'",
        ),
        ([FLOAT], np.array([1, np.nan], "<f4").tobytes(), "'w' holds values that are no numbers"),
        ([FLOAT], np.array([1, np.inf], "<f4").tobytes(), "'w' holds values that are no numbers"),
        ([FLOAT | {"name": 3}], bytes(8), "name 3"),
        ([], b"", "no weights manifest"),
        ("weights", b"", "no weights manifest"),
        ([3], b"", "no weights manifest"),
        ([{"weights": 3}], b"", "no list of tensors"),
        ([{"weights": [FLOAT], "paths": "a.bin"}], bytes(8), "no list of file names"),
        *(
            ([{"weights": [FLOAT], "paths": [path]}], bytes(8), "leads out of the folder")
            for path in ("../a.bin", "/etc/passwd", "a/../../b", "..\\a.bin", "http://x/a.bin",
                         "C:\\a.bin", "")
        ),
    ],
)  # fmt: skip
def test_a_wrong_manifest_is_refused_and_names_file_and_tensor(
    tmp_path: Path, manifest: Any, raw: bytes, says: str
) -> None:
    with pytest.raises(TfjsError, match=says) as caught:
        read(tmp_path, manifest, raw)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_manifest_that_is_no_json(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(text)
    with pytest.raises(TfjsError, match=r"model\.json: not readable as JSON"):
        open_network(path, [path])


# -- nodes -----------------------------------------------------------------------------------------


def run(
    folder: Path,
    nodes: Sequence[Mapping[str, Any]],
    tensors: Mapping[str, Any] | None = None,
    x: np.ndarray = X,
    names: Sequence[str] = ("y",),
    **more: Any,
) -> list[np.ndarray]:
    """Return the outputs of a graph of these nodes for the input x."""
    shape = (-1, *x.shape[1:])
    described, raw = save(folder, *graph_model(nodes, tensors or {}, shape, **more))
    return open_network(described, [raw], outputs=names).run(x)


_KERNEL, _DEEP, _VECTOR = values(3, 2, 3, 5), values(3, 3, 3, 2), values(5)
_EIGHT = [0, 0, 1, 2, 0, 3, 0, 0]
_FOUR = {
    "scale": values(3),
    "offset": values(3),
    "mean": values(3),
    "variance": values(3, least=0.1),
}
_POSITIVE = np.abs(X) + 0.1
_NCHW = X.transpose(0, 3, 1, 2)

# kind -> (options, constants after x, expected, other input)
Case = tuple[str, dict[str, Any], Sequence[Any], Callable[[], np.ndarray], np.ndarray]


def case(
    kind: str,
    expected: Callable[[], Any],
    *constants: Any,
    x: np.ndarray = X,
    **options: Any,
) -> Any:
    return pytest.param(kind, options, constants, expected, x, id=f"{kind}-{len(options)}")


def four(height: int, width: int) -> list[int]:
    return [1, height, width, 1]


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def normalised(x: np.ndarray, epsilon: float) -> np.ndarray:
    scale, offset, mean, variance = _FOUR.values()
    return (x - mean) / np.sqrt(variance + epsilon) * scale + offset


CASES = [
    # convolution
    case("Conv2D", lambda: tf.conv(X, _KERNEL), _KERNEL, strides=four(1, 1), padding="VALID"),
    *(
        case(
            "Conv2D",
            lambda stride=stride: tf.conv(X, _KERNEL, stride=stride, padding="SAME"),
            _KERNEL,
            strides=four(*stride),
            padding="SAME",
            data_format="NHWC",
            dilations=four(1, 1),
        )
        for stride in ((1, 1), (2, 2), (3, 1), (2, 3))
    ),
    case(
        "Conv2D",
        lambda: tf.conv(X, _KERNEL, padding="SAME", dilation=(2, 3)),
        _KERNEL,
        strides=four(1, 1),
        padding="SAME",
        dilations=four(2, 3),
    ),
    case(
        "Conv2D",
        lambda: tf.conv(X, _KERNEL, stride=(2, 2), padding=[(1, 2), (0, 3)]),
        _KERNEL,
        strides=four(2, 2),
        padding="EXPLICIT",
        explicit_paddings=_EIGHT,
    ),
    case(
        "Conv2D",
        lambda: tf.conv(X, _KERNEL, stride=(2, 1), padding="SAME").transpose(0, 3, 1, 2),
        _KERNEL,
        x=_NCHW,
        strides=[1, 1, 2, 1],
        padding="SAME",
        data_format="NCHW",
    ),
    case(
        "DepthwiseConv2dNative",
        lambda: tf.depthwise(X, _DEEP, stride=(2, 2), padding="SAME"),
        _DEEP,
        strides=four(2, 2),
        padding="SAME",
    ),
    case(
        "DepthwiseConv2dNative",
        lambda: tf.depthwise(X, _DEEP, padding="SAME", dilation=(2, 2)),
        _DEEP,
        strides=four(1, 1),
        padding="SAME",
        dilations=four(2, 2),
    ),
    *(
        case(
            "_FusedConv2D",
            lambda after=after: after(tf.conv(X, _KERNEL, padding="SAME") + _VECTOR),
            _KERNEL,
            _VECTOR,
            *more,
            strides=four(1, 1),
            padding="SAME",
            fused_ops=["BiasAdd", *([name] if name else [])],
            num_args=1 + len(more),
            **options,
        )
        for name, after, more, options in (
            ("", lambda x: x, (), {}),
            ("Relu", tf.relu, (), {}),
            ("Relu6", lambda x: np.clip(x, 0, 6), (), {}),
            ("Elu", elu, (), {}),
            ("Sigmoid", scipy.special.expit, (), {}),
            ("LeakyRelu", lambda x: np.where(x > 0, x, 0.3 * x), (), {"leakyrelu_alpha": 0.3}),
            ("Prelu", lambda x: np.where(x > 0, x, _VECTOR * x), (_VECTOR,), {}),
        )
    ),
    case(
        "FusedDepthwiseConv2dNative",
        lambda: np.clip(tf.depthwise(X, _DEEP, padding="SAME") + values(6), 0, 6),
        _DEEP,
        values(6),
        strides=four(1, 1),
        padding="SAME",
        fused_ops=["BiasAdd", "Relu6"],
    ),
    *(
        case(
            kind,
            lambda: normalised(X, 0.001),
            *_FOUR.values(),
            epsilon=0.001,
            is_training=False,
        )
        for kind in ("FusedBatchNorm", "FusedBatchNormV3")
    ),
    case("BiasAdd", lambda: X + values(3), values(3)),
    case(
        "BiasAdd",
        lambda: _NCHW + values(3)[:, None, None],
        values(3),
        x=_NCHW,
        data_format="NCHW",
    ),
    # pooling
    *(
        case(
            kind,
            lambda pool=pool, size=size, stride=stride, padding=padding: pool(
                X, size, stride=stride, padding=padding
            ),
            ksize=four(*size),
            strides=four(*stride),
            padding=padding,
        )
        for kind, pool in (("MaxPool", tf.max_pool), ("AvgPool", tf.avg_pool))
        for size, stride, padding in (
            ((2, 2), (2, 2), "VALID"),
            ((3, 3), (2, 2), "SAME"),
            ((3, 2), (1, 3), "SAME"),
        )
    ),
    case(
        "MaxPool",
        lambda: tf.max_pool(X, (3, 3), padding=[(1, 2), (0, 1)]),
        ksize=four(3, 3),
        strides=four(1, 1),
        padding="EXPLICIT",
        explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0],
    ),
    # resizing
    *(
        case(
            kind,
            lambda resize=resize, size=size, corners=corners, centres=centres: resize(
                X, size, corners, centres
            ),
            np.array(size, np.int32),
            align_corners=corners,
            half_pixel_centers=centres,
        )
        for kind, resize in (
            ("ResizeBilinear", tf.resize_bilinear),
            ("ResizeNearestNeighbor", tf.resize_nearest),
        )
        for size in ((16, 16), (11, 5), (3, 4))
        for corners, centres in ((False, False), (True, False), (False, True))
    ),
    # products
    case("MatMul", lambda: X[:, 0, 0] @ values(3, 5), values(3, 5), x=X[:, 0, 0]),
    case(
        "MatMul",
        lambda: X[:, 0, 0] @ values(5, 3).T,
        values(5, 3),
        x=X[:, 0, 0],
        transpose_a=False,
        transpose_b=True,
    ),
    case(
        "_FusedMatMul",
        lambda: tf.relu(X[:, 0, 0] @ values(3, 5) + values(5)),
        values(3, 5),
        values(5),
        x=X[:, 0, 0],
        fused_ops=["BiasAdd", "Relu"],
        num_args=1,
    ),
    case("BatchMatMulV2", lambda: X @ values(5, 3).T, values(5, 3), adj_x=False, adj_y=True),
    # reductions
    *(
        case(
            kind,
            lambda reduce=reduce, kept=kept: reduce(X, axis=(1, 2), keepdims=kept),
            np.array([1, 2], np.int32),
            keep_dims=kept,
        )
        for kind, reduce in (
            ("Mean", np.mean),
            ("Sum", np.sum),
            ("Max", np.max),
            ("Min", np.min),
            ("Prod", np.prod),
        )
        for kept in (False, True)
    ),
    case("Mean", lambda: X.mean(axis=-1), np.array(-1, np.int32)),
    case("ArgMax", lambda: X.argmax(axis=3), np.array(3, np.int32)),
    # two values
    *(
        case(kind, lambda do=do: do(X, values(3) + 2), values(3) + 2)
        for kind, do in (
            ("Add", np.add),
            ("AddV2", np.add),
            ("Sub", np.subtract),
            ("Mul", np.multiply),
            ("RealDiv", np.divide),
            ("Maximum", np.maximum),
            ("Minimum", np.minimum),
            ("SquaredDifference", lambda a, b: (a - b) ** 2),
            ("FloorDiv", np.floor_divide),
            ("FloorMod", np.mod),
        )
    ),
    case("Pow", lambda: _POSITIVE ** np.float32(1.5), np.float32(1.5), x=_POSITIVE),
    case("DivNoNan", lambda: X * 0, np.float32(0)),
    case("AddN", lambda: X + values(8, 8, 3), values(8, 8, 3)),
    # one value
    *(
        case(kind, lambda do=do: do(X), **options)
        for kind, do, options in (
            ("Identity", lambda x: x, {}),
            ("Relu", tf.relu, {}),
            ("Relu6", lambda x: np.clip(x, 0, 6), {}),
            ("Elu", elu, {}),
            ("Selu", lambda x: np.where(x > 0, 1.0507009873554805 * x,
                                        1.7580993408473766 * np.expm1(np.minimum(x, 0))), {}),
            ("LeakyRelu", lambda x: np.where(x > 0, x, 0.2 * x), {}),
            ("LeakyRelu", lambda x: np.where(x > 0, x, 0.05 * x), {"alpha": 0.05}),
            ("Sigmoid", scipy.special.expit, {}),
            ("Tanh", np.tanh, {}),
            ("Softmax", tf.softmax, {}),
            ("LogSoftmax", lambda x: np.log(tf.softmax(x.astype(float))), {}),
            ("Softplus", lambda x: np.log1p(np.exp(x)), {}),
            ("Exp", np.exp, {}),
            ("Expm1", np.expm1, {}),
            ("Square", np.square, {}),
            ("Neg", np.negative, {}),
            ("Abs", np.abs, {}),
            ("Floor", np.floor, {}),
            ("Ceil", np.ceil, {}),
            ("Round", np.round, {}),
            ("Erf", scipy.special.erf, {}),
        )
    ),
    *(
        case(kind, lambda do=do: do(_POSITIVE), x=_POSITIVE)
        for kind, do in (
            ("Sqrt", np.sqrt),
            ("Rsqrt", lambda x: 1 / np.sqrt(x)),
            ("Log", np.log),
            ("Log1p", np.log1p),
            ("Reciprocal", lambda x: 1 / x),
        )
    ),
    case("Prelu", lambda: np.where(X > 0, X, values(3) * X), values(3)),
    case("ClipByValue", lambda: np.clip(X, -0.5, 0.25), np.float32(-0.5), np.float32(0.25)),
    case("Cast", lambda: np.trunc(3 * X), x=3 * X, DstT="DT_INT32"),
    # shapes
    case("Reshape", lambda: X.reshape(3, -1), np.array([-1, 192], np.int32)),
    case("ExpandDims", lambda: X[:, :, None], np.array(2, np.int32)),
    case("Squeeze", lambda: X[:, :1, :1][:, 0, 0], x=X[:, :1, :1], squeeze_dims=[1, 2]),
    case("Transpose", lambda: _NCHW, np.array([0, 3, 1, 2], np.int32)),
    case("Slice", lambda: X[:, 1:4, 2:], np.array([0, 1, 2, 0], np.int32),
         np.array([-1, 3, -1, 3], np.int32)),
    case("GatherV2", lambda: X[..., [2, 0]], np.array([2, 0], np.int32), np.array(3, np.int32)),
    case("Tile", lambda: np.tile(X, (1, 2, 1, 3)), np.array([1, 2, 1, 3], np.int32)),
    case("Pad", lambda: np.pad(X, [(0, 0), (1, 2), (3, 0), (0, 1)]),
         np.array([[0, 0], [1, 2], [3, 0], [0, 1]], np.int32)),
    case("PadV2", lambda: np.pad(X, [(0, 0), (1, 2), (3, 0), (0, 0)], constant_values=-7.0),
         np.array([[0, 0], [1, 2], [3, 0], [0, 0]], np.int32), np.float32(-7)),
    *(
        case(
            "MirrorPad",
            lambda mode=mode: np.pad(X, [(0, 0), (2, 1), (0, 3), (0, 0)], mode.lower()),
            np.array([[0, 0], [2, 1], [0, 3], [0, 0]], np.int32),
            mode=mode,
        )
        for mode in ("REFLECT", "SYMMETRIC")
    ),
    *(
        case(
            "StridedSlice",
            expected,
            *(np.array(one, np.int32) for one in cut),
            **{f"{key}_mask": mask for key, mask in masks.items()},
        )
        for expected, cut, masks in (
            (lambda: X[:, 1:5:2, ::-1], ([0, 1, 0], [0, 5, 0], [1, 2, -1]),
             {"begin": 5, "end": 5}),
            (lambda: X[:, 2], ([0, 2], [0, 3], [1, 1]), {"begin": 1, "end": 1, "shrink_axis": 2}),
            (lambda: X[:, -1], ([0, -1], [0, 0], [1, 1]),
             {"begin": 1, "end": 1, "shrink_axis": 2}),
            (lambda: X[..., 1], ([0, 1], [0, 2], [1, 1]), {"ellipsis": 1, "shrink_axis": 2}),
            (lambda: X[:, None, ..., 1:, None], ([0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1] * 5),
             {"begin": 1, "end": 9, "ellipsis": 4, "new_axis": 18}),
            (lambda: X[:, :, 6:1:-2], ([0, 0, 6], [0, 0, 1], [1, 1, -2]), {"begin": 3, "end": 3}),
        )
    ),
    case("DepthToSpace", lambda: np.tile(values(4), 1)[None, None, None].repeat(3, 0)
         .reshape(3, 2, 2, 1), x=values(4)[None, None, None].repeat(3, 0), block_size=2),
    case("SpaceToDepth", lambda: X.reshape(3, 4, 2, 4, 2, 3).transpose(0, 1, 3, 2, 4, 5)
         .reshape(3, 4, 4, 12), block_size=2),
    case("ZerosLike", lambda: X * 0, T="DT_FLOAT"),
    case("OnesLike", lambda: X * 0 + 1, T="DT_FLOAT"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "constants", "expected", "x"), CASES)
def test_a_node_computes_what_tensorflow_does(
    tmp_path: Path,
    kind: str,
    options: dict[str, Any],
    constants: Sequence[Any],
    expected: Callable[[], np.ndarray],
    x: np.ndarray,
) -> None:
    tensors = {f"c{number}": value for number, value in enumerate(constants)}
    made = run(tmp_path, [node("y", kind, ["x", *tensors], **options)], tensors, x)[0]
    wanted = np.asarray(expected())
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() < 2e-5
    one = run(tmp_path, [node("y", kind, ["x", *tensors], **options)], tensors, x[1:2])[0]
    assert np.abs(one - wanted[1:2]).max() < 2e-5


def test_local_response_normalisation(tmp_path: Path) -> None:
    x = RANDOM.normal(0, 1, (2, 3, 3, 9)).astype(np.float32)
    options = {"depth_radius": 2, "bias": 1.5, "alpha": 0.7, "beta": 0.6}
    made = run(tmp_path, [node("y", "LRN", ["x"], **options)], x=x)[0]
    sums = np.stack([(x[..., max(0, c - 2) : c + 3] ** 2).sum(-1) for c in range(9)], axis=-1)
    assert np.abs(made - x / (1.5 + 0.7 * sums) ** 0.6).max() < 1e-5


def test_parts_and_their_numbers(tmp_path: Path) -> None:
    """A node of several values gives them all; "name:1" is the second one."""
    tensors = {
        "axis": np.array(3, np.int32),
        "one": np.array(1, np.int32),
        "sizes": np.array([2, -1, 1], np.int32),
    }
    nodes = [
        node("s", "Split", ["axis", "x"], num_split=3),
        node("v", "SplitV", ["x", "sizes", "one"], num_split=3),
        node("u", "Unpack", ["x"], num=8, axis=1),
        node("c", "ConcatV2", ["s:2", "s:1", "s", "axis"], N=3),
        node("p", "Pack", ["u:7", "u:0"], axis=-1),
        node("q", "Concat", ["one", "v:1", "v:2"], N=2),
    ]
    c, p, q, s = run(tmp_path, nodes, tensors, names=("c", "p", "q:0", "s:1"))
    assert (c == X[..., ::-1]).all()
    assert (p == np.stack([X[:, 7], X[:, 0]], axis=-1)).all()
    assert (q == X[:, 2:]).all()
    assert (s == X[..., 1:2]).all()


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [
        ((2, 2), (2, 2), "VALID", (16, 16)),
        ((3, 4), (2, 3), "SAME", (16, 24)),
        ((3, 3), (2, 2), "VALID", (17, 17)),
        ((1, 2), (2, 3), "SAME", (16, 24)),
    ],
)
def test_transposed_convolution(
    tmp_path: Path, kernel: tuple[int, int], stride: tuple[int, int], padding: str, size: Any
) -> None:
    w = values(*kernel, 5, 3)
    tensors = {"size": np.array([1, *size, 5], np.int32), "w": w}
    options = {"strides": four(*stride), "padding": padding}
    made = run(tmp_path, [node("y", "Conv2DBackpropInput", ["size", "w", "x"], **options)], tensors)
    assert np.abs(made[0] - tf.conv_transpose(X, w, size, stride, padding)).max() < 1e-5
    # A size that no such convolution usually has is not passed over.
    tensors["size"] = np.array([1, size[0] - 1, size[1], 5], np.int32)
    with pytest.raises(Exception, match=r"y#|rows"):
        run(tmp_path, [node("y", "Conv2DBackpropInput", ["size", "w", "x"], **options)], tensors)


def test_the_best_values_and_values_by_index(tmp_path: Path) -> None:
    tensors = {"two": np.array(2, np.int32), "at": np.array([[0, 1], [2, 7]], np.int32)}
    nodes = [
        node("best", "TopKV2", ["x", "two"], sorted=True),
        node("picked", "GatherNd", ["x", "at"]),
    ]
    best, where = run(tmp_path, nodes, tensors, names=("best", "best:1"))
    order = np.argsort(-X, axis=-1)[..., :2]
    assert (where == order).all()
    assert (best == np.take_along_axis(X, order, -1)).all()
    with pytest.raises(ValueError, match="has 2 rows for 64 pictures"):
        run(tmp_path, nodes, tensors, names=("picked",))


def test_shapes_that_are_computed(tmp_path: Path) -> None:
    """Flatten of Keras, a global mean by the picture's own size, and comparisons."""
    tensors = {
        "zero": np.array([0], np.int32),
        "one": np.array([1], np.int32),
        "three": np.array([3], np.int32),
        "rest": np.array(-1, np.int32),
        "axes": np.array([1, 2], np.int32),
        "half": np.float32(0.5),
        "twice": np.array([2, 2], np.int32),
    }
    nodes = [
        node("shape", "Shape", ["x"], out_type="DT_INT32"),
        node("n", "StridedSlice", ["shape", "zero", "one", "one"], shrink_axis_mask=1),
        node("wanted", "Pack", ["n", "rest"], axis=0),
        node("flat", "Reshape", ["x", "wanted"]),
        node("sides", "StridedSlice", ["shape", "one", "three", "one"]),
        node("double", "Mul", ["sides", "twice"], T="DT_INT32"),
        node("big", "ResizeBilinear", ["x", "double"], half_pixel_centers=True),
        node("all", "Fill", ["shape", "half"]),
        node("above", "Greater", ["x", "all"]),
        node("kept", "SelectV2", ["above", "x", "all"]),
        node("floats", "Cast", ["above"], DstT="DT_FLOAT"),
    ]
    flat, big, kept, floats = run(tmp_path, nodes, tensors, names=("flat", "big", "kept", "floats"))
    assert (flat == X.reshape(3, -1)).all()
    assert np.abs(big - tf.resize_bilinear(X, (16, 16), centres=True)).max() < 1e-5
    assert (kept == np.maximum(X, 0.5)).all()
    assert (floats == (X > 0.5)).all()


# -- graphs ----------------------------------------------------------------------------------------


def classifier(outputs: Mapping[str, str] | None = None, **more: Any) -> tuple[dict, bytes]:
    """Return a small network with three probabilities, two affects and an embedding."""
    tensors = {
        "kernel": values(3, 3, 3, 4),
        "axes": np.array([1, 2], np.int32),
        "w": 4 * values(4, 3),
        "v": 4 * values(4, 2),
    }
    nodes = [
        node("conv", "Conv2D", ["x", "kernel"], strides=four(2, 2), padding="SAME"),
        node("relu", "Relu", ["conv"]),
        node("embedding", "Mean", ["relu", "axes"], keep_dims=False),
        node("logits", "MatMul", ["embedding", "w"]),
        node("probabilities", "Softmax", ["logits"]),
        node("affect", "Tanh", ["affect/product"]),
        node("affect/product", "MatMul", ["embedding", "v"]),
    ]
    return graph_model(nodes, tensors, outputs=outputs, **more)


def by_hand(x: np.ndarray) -> dict[str, np.ndarray]:
    made = tf.relu(tf.conv(x, values(3, 3, 3, 4), stride=(2, 2), padding="SAME"))
    embedding = made.mean(axis=(1, 2))
    logits = embedding @ (4 * values(4, 3))
    return {
        "embedding": embedding,
        "logits": logits,
        "probabilities": tf.softmax(logits),
        "affect": np.tanh(embedding @ (4 * values(4, 2))),
    }


def test_outputs_by_name(tmp_path: Path) -> None:
    """Outputs are what the signature says, what no node takes, or any node that is named."""
    wanted = by_hand(X)
    described, raw = save(tmp_path, *classifier())
    network = open_network(described, [raw], outputs=["affect:0", "embedding"])
    assert network.output_names == ("affect:0", "embedding")
    assert network.input_shape == (8, 8, 3)
    for made, name in zip(network.run(X), ("affect", "embedding"), strict=True):
        assert np.abs(made - wanted[name]).max() < 1e-5
    with pytest.raises(TfjsError, match=r"2 outputs \(affect, probabilities\).*nodes: NAME"):
        open_network(described, [raw])
    with pytest.raises(TfjsError, match=r"'logit' is no node .* affect, probabilities"):
        open_network(described, [raw], outputs=["logit"])
    with pytest.raises(TfjsError, match="has no value 3"):
        open_network(described, [raw], outputs=["logits:3"])
    signed = {"emotions": "probabilities:0"}
    described, raw = save(tmp_path, *classifier(signed))
    for names in ((), ("emotions",), ("probabilities",)):
        made = open_network(described, [raw], outputs=names).run(X)[0]
        assert np.abs(made - wanted["probabilities"]).max() < 1e-5
    older, _ = classifier()
    older["userDefinedMetadata"] = {"signature": {"outputs": {"a": {"name": "affect:0"}}}}
    described, raw = save(tmp_path, older, raw.read_bytes())
    assert np.abs(open_network(described, [raw]).run(X)[0] - wanted["affect"]).max() < 1e-5


def test_the_shape_of_the_input_may_stand_in_the_signature(tmp_path: Path) -> None:
    model, raw = classifier({"p": "probabilities"})
    model["modelTopology"]["node"][0]["attr"]["shape"] = {"shape": {"unknownRank": True}}
    described, weights_file = save(tmp_path, model, raw)
    assert open_network(described, [weights_file]).input_shape == (None, None, None)
    sides = {"dim": [{"size": str(side)} for side in (-1, 8, 8, 3)]}
    model["signature"]["inputs"] = {"x:0": {"name": "x:0", "tensorShape": sides}}
    described, weights_file = save(tmp_path, model, raw)
    network = open_network(described, [weights_file])
    assert network.input_shape == (8, 8, 3)
    assert np.abs(network.run(X)[0] - by_hand(X)["probabilities"]).max() < 1e-5


def test_a_network_that_takes_whole_numbers(tmp_path: Path) -> None:
    model, raw = graph_model(
        [node("f", "Cast", ["x"], DstT="DT_FLOAT"), node("y", "Relu", ["f"])], {}
    )
    nodes_of(model)["x"]["attr"]["dtype"] = {"type": "DT_INT32"}
    described, weights_file = save(tmp_path, model, raw)
    pixels = np.random.default_rng(0).integers(0, 256, X.shape).astype(np.float32)
    assert (open_network(described, [weights_file]).run(pixels)[0] == pixels).all()


def test_constants_that_the_topology_holds(tmp_path: Path) -> None:
    """Their values are bytes in base64, lists, or one value for all."""

    def constant(name: str, kind: str, shape: Sequence[int], **value: Any) -> dict[str, Any]:
        tensor = {"dtype": kind, "tensorShape": {"dim": [{"size": str(s)} for s in shape]}}
        return {"name": name, "op": "Const", "attr": {"value": {"tensor": tensor | value}}}

    raw = base64.b64encode(np.array([1, 2, 3], "<f4").tobytes()).decode()
    nodes = [
        constant("bytes", "DT_FLOAT", [3], tensorContent=raw),
        constant("listed", "DT_FLOAT", [3], floatVal=[0.5, 1, 2]),
        constant("splat", "DT_FLOAT", [8, 8, 3], floatVal=[0.25]),
        constant("half", "DT_HALF", [1], halfVal=[15360]),
        constant("axis", "DT_INT32", [], intVal=["3"]),
        node("sum", "AddN", ["x", "bytes", "listed", "splat", "half"]),
        node("y", "ArgMax", ["sum", "axis"]),
    ]  # fmt: skip
    total, best = run(tmp_path, nodes, names=("sum", "y"))
    assert np.abs(total - X - np.array([2.75, 4.25, 6.25])).max() < 1e-5
    assert (best == total.argmax(axis=3)).all()
    for wrong, says in (
        (constant("c", "DT_FLOAT", [3], floatVal=[1, 2, 3, 4]), "holds 4 values for the shape"),
        (constant("c", "DT_FLOAT", [10**6, 10**6], floatVal=[1]), "its shape is"),
        (constant("c", "DT_FLOAT", [3]), "the weights have no tensor of its name"),
        (constant("c", "DT_FLOAT", [3], tensorContent="%%%"), "not readable"),
        (constant("c", "DT_COMPLEX64", [3]), "'DT_COMPLEX64' is not supported"),
        ({"name": "c", "op": "Const", "attr": {}}, "the weights have no tensor of its name"),
    ):
        with pytest.raises(TfjsError, match=says) as caught:
            run(tmp_path, [wrong, node("y", "Add", ["x", "c"])])
        assert "node 'c' (Const)" in str(caught.value)


def changed(change: Callable[[dict[str, Any]], Any]) -> tuple[dict[str, Any], bytes]:
    model, raw = classifier({"p": "probabilities"})
    model = copy.deepcopy(model)
    change(model)
    return model, raw


def nodes_of(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in model["modelTopology"]["node"]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: nodes_of(m)["relu"].update(op="Conv3D"),
         r"node 'relu' \(Conv3D\): nodes of this kind are not supported; supported: .*Conv2D"),
        (lambda m: nodes_of(m)["relu"].update(op="StatefulPartitionedCall"), "'relu'"),
        (lambda m: nodes_of(m)["relu"].update(input=["nowhere"]),
         "node 'relu' takes its input from 'nowhere', which is no node"),
        (lambda m: nodes_of(m)["relu"].update(input=["conv:4"]), "'relu'.*'conv:4'"),
        (lambda m: nodes_of(m)["relu"].update(input=["probabilities"]), "takes its own output"),
        (lambda m: nodes_of(m)["relu"].update(input=[]), "'relu'"),
        (lambda m: nodes_of(m)["relu"].update(input="conv"), "no list of names"),
        (lambda m: nodes_of(m)["logits"].update(input=["embedding"]),
         r"'logits' \(MatMul\): has 1 inputs, more are needed"),
        (lambda m: nodes_of(m)["conv"].update(input=["x", "x"]),
         r"'conv' \(Conv2D\): its kernel is computed, only a constant"),
        (lambda m: nodes_of(m)["conv"].update(input=["x", "w"]), r"'conv'.*kernel is float32 \[4"),
        (lambda m: nodes_of(m)["logits"].update(input=["embedding", "kernel"]), "do not fit"),
        (lambda m: nodes_of(m)["conv"]["attr"].pop("strides"), "'strides' is None"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(strides=tfjs_files.attribute([2, 2, 2, 1])),
         "only height and width"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(strides=tfjs_files.attribute([1, 0, 2, 1])),
         "four numbers from 1 on"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(padding=tfjs_files.attribute("CAUSAL")),
         "padding 'CAUSAL'"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(padding={"s": "%"}), "'padding' is not"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(padding={"i": "3"}), "'padding' is 3"),
        (lambda m: nodes_of(m)["conv"]["attr"].update(padding={"i": "x"}), "'padding' is not"),
        (lambda m: nodes_of(m)["conv"].update(attr=[]), "expected keys and values"),
        (lambda m: nodes_of(m)["x"]["attr"].update(dtype={"type": "DT_STRING"}), "takes DT_STR"),
        (lambda m: m["modelTopology"]["node"].append(node("relu", "Relu", ["x"])), "there twice"),
        (lambda m: m["modelTopology"]["node"].append({"op": "Relu"}), "the name None"),
        (lambda m: m["modelTopology"]["node"].append("Relu"), "the name None"),
        (lambda m: m["signature"]["outputs"].update(p={"name": "gone:0"}), "'gone', which is no"),
        (lambda m: m.update(modelTopology={"node": []}), "no GraphDef"),
        (lambda m: m.update(modelTopology="graph.pb"), "no GraphDef"),
        (lambda m: m.pop("modelTopology"), "no GraphDef"),
        (lambda m: m.pop("weightsManifest"), "no weights manifest"),
        (lambda m: m["weightsManifest"][0]["paths"].append("b.bin"), "names 2 files"),
        (lambda m: m["weightsManifest"][0].update(paths=["../b.bin"]), "leads out of the folder"),
        (lambda m: m["weightsManifest"][0]["weights"].pop(), "left over"),
        (lambda m: m["weightsManifest"][0]["weights"][0].update(shape=[9, 9, 9, 9]),
         "tensor 'kernel'.*needs the bytes"),
        (lambda m: m.update(format="layers-model"), "layers model of Keras.*js_converter"),
        (lambda m: m.update(modelTopology={"model_config": {}, "keras_version": "2"}),
         "layers model of Keras.*js_converter"),
    ],
)  # fmt: skip
def test_a_wrong_graph_is_refused_and_names_file_and_node(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    described, raw = save(tmp_path, *changed(change))
    with pytest.raises(TfjsError, match=says) as caught:
        open_network(described, [raw])
    assert str(tmp_path) in str(caught.value)


def test_only_what_an_output_needs_must_be_known(tmp_path: Path) -> None:
    model, raw = changed(lambda m: nodes_of(m)["affect"].update(op="Mystery"))
    described, raw = save(tmp_path, model, raw)
    assert open_network(described, [raw]).run(X)[0].shape == (3, 3)
    with pytest.raises(TfjsError, match=r"node 'affect' \(Mystery\)"):
        open_network(described, [raw], outputs=["affect"])


def test_a_deep_graph_and_hostile_sizes(tmp_path: Path) -> None:
    chain = [node(f"n{i}", "Relu", [f"n{i - 1}" if i else "x"]) for i in range(3_000)]
    assert (run(tmp_path, chain, names=("n2999",))[0] == tf.relu(X)).all()
    huge = {"size": np.array([100_000, 100_000], np.int32)}
    with pytest.raises(TfjsError, match=r"node 'y' makes .*100000 x 100000"):
        run(tmp_path, [node("y", "ResizeBilinear", ["x", "size"])], huge)
    dims = {"dims": np.array([60_000, 60_000, 60_000], np.int32), "one": np.float32(1)}
    nodes = [node("f", "Fill", ["dims", "one"]), node("y", "Add", ["x", "f"])]
    with pytest.raises(TfjsError, match="'f' makes"):
        run(tmp_path, nodes, dims)


def test_a_batch_does_not_change_its_pictures(tmp_path: Path) -> None:
    described, raw = save(tmp_path, *classifier(quantized="float16"))
    network = open_network(described, [raw], outputs=["logits"], batch=4)
    many = np.random.default_rng(0).normal(0, 1, (11, 8, 8, 3)).astype(np.float32)
    together = network.run(many)[0]
    assert (together[3:8] == network.run(many[3:8])[0]).all()
    assert (
        together == open_network(described, [raw], outputs=["logits"], batch=4).run(many)[0]
    ).all()


def test_a_fixed_number_of_rows_is_the_size_of_batches(tmp_path: Path) -> None:
    nodes = [node("y", "Relu", ["x"])]
    described, raw = save(tmp_path, *graph_model(nodes, {}, (2, 8, 8, 3)))
    assert (open_network(described, [raw]).run(X)[0] == tf.relu(X)).all()


# -- architectures ---------------------------------------------------------------------------------


def test_the_card_format_knows_every_architecture() -> None:
    assert set(TFJS_ARCHITECTURES) == set(ARCHITECTURES)
    assert len(OPERATIONS) > 80


def test_four_dense_blocks_from_weights_alone(tmp_path: Path) -> None:
    tensors = tfjs_files.face_api_features(7)
    described, raw = save(tmp_path, *tfjs_files.manifest(tensors))
    x = np.random.default_rng(1).normal(0, 0.3, (2, 112, 112, 3)).astype(np.float32)
    network = open_network(described, [raw], "face_api_expression")
    assert network.output_names == ("logits",)
    wanted = tf.FaceApi(tensors).expression(x)
    assert np.abs(wanted).max() > 0.1
    assert np.abs(network.run(x)[0] - wanted).max() < 1e-5
    with pytest.raises(
        TfjsError, match=r"model\.json: a weights manifest.*architecture: face_api_e"
    ):
        open_network(described, [raw])
    with pytest.raises(TfjsError, match="'face_api_expresion' is not known, did you mean"):
        open_network(described, [raw], "face_api_expresion")
    with pytest.raises(
        TfjsError, match=r"'fc/weights' is 256 x 7, face_api_landmarks needs any x 136"
    ):
        open_network(described, [raw], "face_api_landmarks")
    with pytest.raises(TfjsError, match="'entry_flow/conv_in/filters' is missing"):
        open_network(described, [raw], "face_api_age_gender")
    with pytest.raises(TfjsError, match="'conv32_down/conv/filters' is missing"):
        open_network(described, [raw], "face_api_recognition")
    described, raw = save(tmp_path, *tfjs_files.manifest(tensors | {"extra": values(3)}))
    with pytest.raises(
        TfjsError, match="1 tensors that face_api_expression does not have, 'extra'"
    ):
        open_network(described, [raw], "face_api_expression")
    described, raw = save(tmp_path, *classifier())
    with pytest.raises(TfjsError, match="remove architecture"):
        open_network(described, [raw], "face_api_expression")


# -- cards -----------------------------------------------------------------------------------------


def card(described: Path, *files: Path, **keys: Any) -> Path:
    """Write a card beside the files."""
    shas = [hash_of(path, "sha256") for path in files]
    text: dict[str, Any] = {
        "name": "mine",
        "file": files[0].name if len(files) == 1 else [path.name for path in files],
        "sha256": shas[0] if len(files) == 1 else shas,
        "manifest": {"file": described.name, "sha256": hash_of(described, "sha256")},
        "runtime": "tfjs", "emotions": CLASSES, "lineage": "mine", "input": {"size": [8, 8]},
        "nodes": "logits",
    }  # fmt: skip
    path = described.parent / "mine.yaml"
    found = {key: value for key, value in (text | keys).items() if value is not None}
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    return path


CROPS = np.random.default_rng(2).integers(0, 256, (5, 8, 8, 3), np.uint8)


def test_a_graph_model_needs_its_two_files_and_a_card(tmp_path: Path) -> None:
    path = card(*save(tmp_path, *classifier()))
    plugin = read_card(path)
    assert (plugin.framework, plugin.class_name, plugin.gpu) == ("onnx", "TfjsCard", True)
    assert plugin.modules == ("onnxruntime", "onnx")
    assert sorted(plugin.assets) == ["manifest", "weights"]
    found = load_plugin(plugin.job(), Clock()).predict(CROPS).posterior
    assert np.abs(found - by_hand(CROPS / np.float32(255))["probabilities"]).max() < 1e-5


def test_one_of_several_outputs_or_emotions_with_affect(tmp_path: Path) -> None:
    files = save(tmp_path, *classifier({"p": "probabilities", "a": "affect", "e": "embedding"}))
    wanted = by_hand(CROPS / np.float32(255))
    given = {"nodes": ["p", "affect"], "activation": "none"}
    path = card(*files, outputs=["emotions", "valence", "arousal"], **given)
    found = load_plugin(read_card(path).job(), Clock()).predict(CROPS)
    assert np.abs(found.posterior - wanted["probabilities"]).max() < 1e-5
    assert np.abs(found.valence - wanted["affect"][:, 0]).max() < 1e-5
    assert np.abs(found.arousal - wanted["affect"][:, 1]).max() < 1e-5
    with pytest.raises(TfjsError, match=r"3 outputs \(a, e, p\)"):
        load_plugin(read_card(card(*files, nodes=None)).job(), Clock())
    with pytest.raises(RegistryError, match="name one node for emotions alone"):
        read_card(card(*files, nodes=["p", "e"]))
    with pytest.raises(ValueError, match="has 4 outputs, the card names 3 emotions"):
        load_plugin(read_card(card(*files, nodes="e")).job(), Clock()).predict(CROPS)
    with pytest.raises(ValueError, match="the network takes 8 x 8 x 3"):
        load_plugin(read_card(card(*files, input={"size": [9, 8]})).job(), Clock())


def test_crops_by_pytorch_and_colours(tmp_path: Path) -> None:
    """Run the network in the same way where PyTorch resamples the crops."""
    pytest.importorskip("torch")
    files = save(tmp_path, *classifier())
    spec = {"size": [8, 8], "interpolation": "linear", "library": "torch", "antialias": True}
    plugin = read_card(card(*files, batch=2, input=spec | {"colours": "bgr"}))
    assert (plugin.framework, plugin.modules) == ("torch", ("onnxruntime", "onnx", "torch"))
    found = load_plugin(plugin.job(), Clock()).predict(CROPS).posterior
    wanted = by_hand(CROPS[..., ::-1] / np.float32(255))["probabilities"]
    assert np.abs(found - wanted).max() < 1e-5


def test_other_cards_do_not_depend_on_this_code() -> None:
    """A change here runs the cards of runtime tfjs again, and no ONNX or TFLite file's."""
    source = PACKAGE / "models" / "card.py"
    for name, depends in (("TfjsCard", True), ("OnnxCard", False), ("TfliteCard", False)):
        reached = code_hash.reached([(source, name)])
        assert any(path.parent.name == "tfjs" and reached[path] for path in reached) is depends


def test_weights_in_several_files(tmp_path: Path) -> None:
    model, raw = classifier(paths=["a.bin", "b.bin"])
    described, whole = save(tmp_path, model, raw)
    parts = [tmp_path / "mine-1.bin", tmp_path / "mine-2.bin"]
    parts[0].write_bytes(raw[:33])
    parts[1].write_bytes(raw[33:])
    plugin = read_card(card(described, *parts))
    assert sorted(plugin.assets) == ["manifest", "weights", "weights_2"]
    found = load_plugin(plugin.job(), Clock()).predict(CROPS).posterior
    assert np.abs(found - by_hand(CROPS / np.float32(255))["probabilities"]).max() < 1e-5
    urls = ["https://example.org/1", "https://example.org/2"]
    assert read_card(card(described, *parts, urls=urls)).assets["weights_2"].urls == (urls[1],)
    with pytest.raises(RegistryError, match="an entry for each file"):
        read_card(card(described, *parts, urls=urls[:1]))
    with pytest.raises(RegistryError, match="an entry for each file"):
        read_card(card(described, *parts, sha256="0" * 64))
    with pytest.raises(TfjsError, match="names 2 files of weights"):
        load_plugin(read_card(card(described, whole)).job(), Clock())


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"manifest": None}, "runtime tfjs needs two files"),
        ({"manifest": "model.json"}, "runtime tfjs needs two files"),
        ({"manifest": {"file": "model.json"}}, "runtime tfjs needs two files"),
        ({"manifest": {"file": "model.json", "sha256": "0" * 63}}, r"manifest\.sha256.*64 hex"),
        ({"manifest": {"file": "model.json", "sha256": "0" * 64, "url": "x"}},
         r"unknown key manifest\.url, did you mean 'urls'"),
        ({"manifest": {"file": "model.json", "sha256": "0" * 64, "urls": "https://x"}},
         "expected a list of addresses"),
        ({"manifest": {"file": 3, "sha256": "0" * 64}}, r"manifest\.file 3"),
        ({"manifest": {"file": "model.bin", "sha256": "0" * 64}}, "one file is named twice"),
        ({"sha256": "abc"}, "sha256 'abc': expected 64 hex digits of model.bin"),
        ({"file": []}, "an entry for each file"),
        ({"nodes": 3}, "nodes 3"),
        ({"nodes": []}, r"nodes \[\]"),
        ({"nodes": ["a", "a"]}, "nodes"),
        ({"architecture": "face_api_expresion"}, "did you mean 'face_api_expression'"),
        ({"runtime": "onnx"}, "key 'manifest' belongs to runtime tfjs"),
        ({"runtime": "onnx", "manifest": None}, "key 'nodes' belongs to runtime tfjs"),
        ({"runtime": "onnx", "manifest": None, "nodes": None, "file": ["a", "b"]},
         "runtime tfjs alone"),
    ],
)  # fmt: skip
def test_a_wrong_card_is_refused_and_names_the_key(
    tmp_path: Path, keys: dict[str, Any], says: str
) -> None:
    files = save(tmp_path, *classifier())
    with pytest.raises(RegistryError, match=says) as caught:
        read_card(card(*files, **keys))
    assert "mine.yaml" in str(caught.value)


def test_both_files_are_verified_listed_fetched_and_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has both files under the names of every such model; here they have their own."""
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    served = tmp_path / "served"
    served.mkdir()
    described, raw = save(served, *classifier())
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        pin = {"file": "mine-model.json", "sha256": hash_of(described, "sha256")}
        path = card(
            described,
            raw,
            file="mine-model.bin",
            urls=[f"{address}/model.bin"],
            manifest=pin | {"urls": [f"{address}/model.json"]},
        ).rename(tmp_path / "mine.yaml")
        config = tmp_path / "c.yaml"
        models: dict[str, Any] = {"mine": {"model": str(path)}, "fer": {}}
        raw_config = {
            "run": "t", "weights": "present", "datasets": {"posed": {}},
            "detectors": {"whole": {}}, "models": models, "fusions": {},
        }  # fmt: skip
        config.write_text(yaml.safe_dump(raw_config))

        def reason() -> str | None:
            return Plan(copy.deepcopy(raw_config)).skip("whole", "mine")

        assert "mine-model.json is not here" in str(reason())
        listed = CliRunner().invoke(app, ["assets", "--config", str(config), "--list"]).output
        for name, there in (("mine-model.bin", raw), ("mine-model.json", described)):
            assert f"{name}\t" in listed
            assert hash_of(there, "sha256") in listed
        config.write_text(yaml.safe_dump(raw_config | {"weights": "fetch"}))
        fetched = CliRunner().invoke(app, ["fetch", str(config)])
        assert fetched.exit_code == 0, fetched.output
        server.shutdown()
    kept = tmp_path / "cache" / "weights"
    assert {found.name for found in kept.glob("mine-model.*")} >= {
        "mine-model.bin",
        "mine-model.json",
    }
    assert reason() is None
    assert load_plugin(read_card(path).job(), Clock()).predict(CROPS).posterior.shape == (5, 3)
    (kept / "mine-model.bin").unlink()
    assert "mine-model.bin is not here" in str(reason())
    (kept / "mine-model.json").write_text(json.dumps(json.loads(described.read_text()), indent=1))
    with pytest.raises(AssetError, match=r"mine-model\.json: sha256 is"):
        load_plugin(read_card(path).job(), Clock())
