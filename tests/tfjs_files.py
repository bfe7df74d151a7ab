"""Write models as TensorFlow.js stores them: a model.json or a weights manifest, and the bytes.

This is written from the format, with nothing of what reads it.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {"f": "DT_FLOAT", "i": "DT_INT32", "b": "DT_BOOL"}


def stored(name: str, values: Any, quantized: str | None = None) -> tuple[dict[str, Any], bytes]:
    """Return a tensor's entry in the manifest, and its bytes."""
    array = np.asarray(values)
    dtype = {"f": "float32", "i": "int32", "b": "bool"}[array.dtype.kind]
    entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": dtype}
    if quantized == "float16":
        entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        return entry, array.astype("<f2").tobytes()
    if quantized:
        least = float(array.min())
        scale = (float(array.max()) - least) / np.iinfo(quantized).max or 1.0
        entry["quantization"] = {"dtype": quantized, "scale": scale, "min": least}
        steps = np.round((array.astype(float) - least) / scale)
        return entry, steps.astype(np.dtype(quantized).newbyteorder("<")).tobytes()
    return entry, array.astype({"f": "<f4", "i": "<i4", "b": "?"}[array.dtype.kind]).tobytes()


def manifest(tensors: Mapping[str, Any], quantized: str | None = None) -> tuple[list, bytes]:
    """Return the entries and the bytes of tensors; only those of floats are quantized."""
    parts = [
        stored(name, values, quantized if np.asarray(values).dtype.kind == "f" else None)
        for name, values in tensors.items()
    ]
    return [entry for entry, _ in parts], b"".join(raw for _, raw in parts)


def attribute(value: Any) -> dict[str, Any]:
    """Return a value as protobuf's JSON writes an attribute."""
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, tuple):
        return {"shape": {"dim": [{"size": str(side)} for side in value]}}
    if isinstance(value, list):
        kinds = [attribute(item) for item in value]
        key = next(iter(kinds[0])) if kinds else "i"
        return {"list": {key: [next(iter(kind.values())) for kind in kinds]} if kinds else {}}
    if value.startswith("DT_"):
        return {"type": value}
    return {"s": base64.b64encode(value.encode()).decode()}


def node(name: str, kind: str, inputs: Sequence[str] = (), **options: Any) -> dict[str, Any]:
    """Return a node as model.json has it."""
    item: dict[str, Any] = {"name": name, "op": kind}
    if inputs:
        item["input"] = list(inputs)
    item["attr"] = {key: attribute(value) for key, value in options.items()}
    return item


def graph_model(
    nodes: Iterable[Mapping[str, Any]],
    tensors: Mapping[str, Any],
    shape: Sequence[int] = (-1, 8, 8, 3),
    outputs: Mapping[str, str] | None = None,
    quantized: str | None = None,
    paths: Sequence[str] = ("group1-shard1of1.bin",),
) -> tuple[dict[str, Any], bytes]:
    """Return a model.json and its bytes: the input "x", constants, and these nodes.

    outputs: key of the signature -> reference; without any there is no signature.
    """
    entries, raw = manifest(tensors, quantized)
    constants = [
        {
            "name": name,
            "op": "Const",
            "attr": {
                "dtype": {"type": _TYPES[np.asarray(values).dtype.kind]},
                "value": {
                    "tensor": {
                        "dtype": _TYPES[np.asarray(values).dtype.kind],
                        "tensorShape": {
                            "dim": [{"size": str(side)} for side in np.asarray(values).shape]
                        },
                    }
                },
            },
        }
        for name, values in tensors.items()
    ]
    model: dict[str, Any] = {
        "format": "graph-model",
        "generatedBy": "1.15",
        "modelTopology": {
            "node": [
                node("x", "Placeholder", dtype="DT_FLOAT", shape=tuple(shape)),
                *constants,
                *nodes,
            ],
            "library": {},
            "versions": {},
        },
        "weightsManifest": [{"paths": list(paths), "weights": entries}],
    }
    if outputs:
        model["signature"] = {"outputs": {key: {"name": value} for key, value in outputs.items()}}
    return model, raw


def save(folder: Path, model: Any, raw: bytes, name: str = "model") -> tuple[Path, Path]:
    """Write both files; return (JSON, bytes)."""
    described, weights = folder / f"{name}.json", folder / f"{name}.bin"
    described.write_text(json.dumps(model), encoding="utf-8")
    weights.write_bytes(raw)
    return described, weights


_EXPRESSION = [
    ("dense0/conv0/filters", (3, 3, 3, 32)),
    ("dense0/conv0/bias", (32,)),
    *(
        (f"dense{block}/conv{number}/{part}", shape)
        for block, (first, width) in enumerate(((32, 32), (32, 64), (64, 128), (128, 256)))
        for number in range(4)
        if (block, number) != (0, 0)
        for part, shape in (
            ("depthwise_filter", (3, 3, first if number == 0 else width, 1)),
            ("pointwise_filter", (1, 1, first if number == 0 else width, width)),
            ("bias", (width,)),
        )
    ),
]


def face_api_features(outputs: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return seeded weights of face-api's four dense blocks and a last layer."""
    last = [("fc/weights", (256, outputs)), ("fc/bias", (outputs,))]
    return _seeded([*_EXPRESSION, *last], seed)


def face_api_age_gender(seed: int = 0) -> dict[str, np.ndarray]:
    """Return seeded weights of face-api's AgeGenderNet."""

    def separable(prefix: str, before: int, after: int) -> list[tuple[str, tuple[int, ...]]]:
        return [
            (f"{prefix}/depthwise_filter", (3, 3, before, 1)),
            (f"{prefix}/pointwise_filter", (1, 1, before, after)),
            (f"{prefix}/bias", (after,)),
        ]

    def reduction(prefix: str, before: int, after: int) -> list[tuple[str, tuple[int, ...]]]:
        return [
            *separable(f"{prefix}/separable_conv0", before, after),
            *separable(f"{prefix}/separable_conv1", after, after),
            (f"{prefix}/expansion_conv/filters", (1, 1, before, after)),
            (f"{prefix}/expansion_conv/bias", (after,)),
        ]

    shapes = [
        ("entry_flow/conv_in/filters", (3, 3, 3, 32)),
        ("entry_flow/conv_in/bias", (32,)),
        *reduction("entry_flow/reduction_block_0", 32, 64),
        *reduction("entry_flow/reduction_block_1", 64, 128),
        *(
            entry
            for block in (0, 1)
            for number in (0, 1, 2)
            for entry in separable(
                f"middle_flow/main_block_{block}/separable_conv{number}", 128, 128
            )
        ),
        *reduction("exit_flow/reduction_block", 128, 256),
        *separable("exit_flow/separable_conv", 256, 512),
        *(("fc/age/weights", (512, 1)), ("fc/age/bias", (1,))),
        *(("fc/gender/weights", (512, 2)), ("fc/gender/bias", (2,))),
    ]
    return _seeded(shapes, seed)


def face_api_recognition(seed: int = 0) -> dict[str, np.ndarray]:
    """Return seeded weights of face-api's FaceRecognitionNet."""

    def scaled(prefix: str, side: int, before: int, after: int) -> list[tuple[str, tuple]]:
        return [
            (f"{prefix}/conv/filters", (side, side, before, after)),
            (f"{prefix}/conv/bias", (after,)),
            (f"{prefix}/scale/weights", (after,)),
            (f"{prefix}/scale/biases", (after,)),
        ]

    def block(prefix: str, before: int, after: int) -> list[tuple[str, tuple]]:
        return scaled(f"{prefix}/conv1", 3, before, after) + scaled(
            f"{prefix}/conv2", 3, after, after
        )

    shapes, before = scaled("conv32_down", 7, 3, 32), 32
    for width, count in ((32, 3), (64, 3), (128, 2), (256, 2)):
        if width > 32:
            shapes += block(f"conv{width}_down", before, width)
        for number in range(1, count + 1):
            shapes += block(f"conv{width}_{number}", width, width)
        before = width
    shapes += [*block("conv256_down_out", 256, 256), ("fc", (256, 128))]
    return _seeded(shapes, seed)


def _seeded(shapes: list[tuple[str, tuple[int, ...]]], seed: int) -> dict[str, np.ndarray]:
    """Return values that keep numbers in bounds from layer to layer."""
    random = np.random.default_rng(seed)
    return {
        name: (
            random.normal(0, 0.1, shape)
            if len(shape) == 1
            else random.normal(0, 1.2 / np.sqrt(max(1, np.prod(shape[:-1]))), shape)
        ).astype(np.float32)
        for name, shape in shapes
    }
