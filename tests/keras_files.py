"""Keras HDF5 files as Keras writes them, for tests.

And the layers in plain numpy, channels last, as the judge of what is computed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layer = tuple[str, str, dict[str, Any]]  # class, name, options
Weights = Mapping[str, Mapping[str, np.ndarray]]


def write(
    path: Path,
    layers: Sequence[Layer] | None,
    weights: Weights,
    joined: Mapping[str, Sequence[str]] | None = None,
    dialect: int = 2,
) -> Path:
    """Write a model (or, without layers, weights only).

    `joined` names each layer's sources: then it is a functional model.
    """
    with h5py.File(path, "w") as file:
        root = file
        if layers is not None:
            described = [_described(*layer, joined, dialect) for layer in layers]
            config = {"name": "m", "layers": described}
            if joined is not None:
                config |= {
                    "input_layers": [[layers[0][1], 0, 0]],
                    "output_layers": [[layers[-1][1], 0, 0]],
                }
            kind = "Sequential" if joined is None else ("Model" if dialect == 2 else "Functional")
            file.attrs["keras_version"] = {2: "2.15.0", 3: "3.3.3"}[dialect]
            file.attrs["model_config"] = json.dumps({"class_name": kind, "config": config})
            root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            group = root.create_group(layer)
            for name, values in arrays.items():
                group[f"{layer}/{name}:0" if dialect == 2 else f"m/{layer}/{name}"] = values
    return path


def _described(
    kind: str,
    name: str,
    options: dict[str, Any],
    joined: Mapping[str, Sequence[str]] | None,
    dialect: int,
) -> dict[str, Any]:
    item: dict[str, Any] = {"class_name": kind, "config": {"name": name, **options}}
    if joined is not None:
        sources = joined.get(name, ())
        item["name"] = name
        if dialect == 2:
            item["inbound_nodes"] = [[[source, 0, 0, {}] for source in sources]] if sources else []
        else:
            tensors = [
                {
                    "class_name": "__keras_tensor__",
                    "config": {"shape": [None], "dtype": "float32", "keras_history": [s, 0, 0]},
                }
                for s in sources
            ]
            item["inbound_nodes"] = (
                [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}]
                if sources
                else []
            )
    return item


def padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same": as many outputs as strides fit, the odd pixel at the end."""
    total = max((int(np.ceil(size / stride)) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def windows(x: np.ndarray, kernel: int, stride: int, same: bool, fill: float = 0.0) -> np.ndarray:
    """(n, rows, columns, kernel, kernel, channels) patches of (n, h, w, c)."""
    if same:
        x = np.pad(
            x,
            (
                (0, 0),
                padding(x.shape[1], kernel, stride),
                padding(x.shape[2], kernel, stride),
                (0, 0),
            ),
            constant_values=fill,
        )
    rows, columns = (x.shape[1] - kernel) // stride + 1, (x.shape[2] - kernel) // stride + 1
    out = np.empty((len(x), rows, columns, kernel, kernel, x.shape[3]))
    for row in range(rows):
        for column in range(columns):
            out[:, row, column] = x[
                :, row * stride : row * stride + kernel, column * stride : column * stride + kernel
            ]
    return out


def convolution(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | float = 0.0,
    stride: int = 1,
    same: bool = False,
) -> np.ndarray:
    return (
        np.einsum(
            "nrckli,klio->nrco", windows(x, kernel.shape[0], stride, same), kernel, optimize=True
        )
        + bias
    )


def depthwise(x: np.ndarray, kernel: np.ndarray, stride: int = 1, same: bool = False) -> np.ndarray:
    found = np.einsum(
        "nrckli,klim->nrcim", windows(x, kernel.shape[0], stride, same), kernel, optimize=True
    )
    return found.reshape(*found.shape[:3], -1)


def normalisation(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    moving_mean: np.ndarray,
    moving_variance: np.ndarray,
    epsilon: float,
) -> np.ndarray:
    return (x - moving_mean) / np.sqrt(moving_variance + epsilon) * gamma + beta


def maximum(x: np.ndarray, kernel: int, stride: int, same: bool = False) -> np.ndarray:
    return windows(x, kernel, stride, same, -np.inf).max(axis=(3, 4))


def average(x: np.ndarray, kernel: int, stride: int, same: bool = False) -> np.ndarray:
    return np.nanmean(windows(x, kernel, stride, same, np.nan), axis=(3, 4))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)
