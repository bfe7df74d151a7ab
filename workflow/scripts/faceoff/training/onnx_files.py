"""Write a trained network as ONNX, and read the weights of such a file again.

The names of the weights in the file are those of the network, so that another training can begin
from it. Weights may be stored in 16 or 8 bits; the network computes in float32 all the same.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript import optimizer
from torch import Tensor, nn

from faceoff.storage import files
from faceoff.training.about import About, Entry, Equal
from faceoff.training.recipe import Stored

_STORED, _SCALE = ".stored", ".scale"  # ends of the names of compressed weights


def export(
    network: nn.Module,
    channels: int,
    size: tuple[int, int],
    path: Path,
    about: About,
    stored: Stored = "float32",
    output: str = "logits",
) -> None:
    """Write a network as one ONNX file: input (n, channels, height, width), output (n, k).

    stored: number type of the weights of its layers; output: what its output is called.
    """
    example = torch.zeros(2, channels, *size)
    model = graph_of(network, example, "pictures", output, {0: torch.export.Dim("n", min=1)})
    about = replace(about, equal=_equal(model, network.state_dict()))
    _compress(model, stored)
    write(model, path, about)


def graph_of(
    network: nn.Module, example: Tensor, taken: str, given: str, free: Mapping[int, Any]
) -> onnx.ModelProto:
    """Return a network as ONNX, with its weights by name.

    taken, given: names of its input and its output; free: sides of the input of any length.
    """
    network = network.eval().cpu()  # its weights keep their strides, the file has none
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of its own changes to come
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            optimize=False,  # it would put normalisations into the weights before them
            verbose=False,
            input_names=[taken],
            output_names=[given],
            dynamic_shapes=(dict(free),),
        )
    graph = program.model  # type: ignore[union-attr]
    optimizer.fold_constants(graph)
    optimizer.remove_unused_nodes(graph)
    return program.model_proto  # type: ignore[union-attr]


def write(model: onnx.ModelProto, path: Path, about: Entry) -> None:
    """Write a network with what it says of itself; the same network gives the same bytes."""
    for node in model.graph.node:
        del node.metadata_props[:]  # the exporter's notes name files of this machine
        node.doc_string = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = about.KEY, about.to_json()
    model.producer_name, model.producer_version = "faceoff", ""
    onnx.checker.check_model(model)
    with files.atomic(path) as scratch:
        scratch.write_bytes(model.SerializeToString(deterministic=True))


def _equal(model: onnx.ModelProto, weights: Mapping[str, Tensor]) -> dict[str, Equal]:
    """Return the weights that the exporter left out, as other tensors hold the same numbers.

    These are weights of another layer, or the same ones in another shape.
    """
    names: dict[bytes, str] = {}
    for tensor in model.graph.initializer:
        names.setdefault(numpy_helper.to_array(tensor).tobytes(), tensor.name)
    there = {tensor.name for tensor in model.graph.initializer}
    return {
        name: (names[content], list(weight.shape))
        for name, weight in sorted(weights.items())
        if name not in there and (content := weight.numpy().tobytes()) in names
    }


def _compress(model: onnx.ModelProto, stored: Stored) -> None:
    """Store the weights of layers in fewer bits, each behind a node that widens it again.

    8 bits: a scale for each output channel, of which the largest weight is 127 steps.
    """
    if stored == "float32":
        return
    kept, made, nodes = [], [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim < 2 or len(values) == 1 or values.dtype != np.float32:
            kept.append(tensor)
            continue
        name, small = tensor.name, f"{tensor.name}{_STORED}"
        if stored == "float16":
            made.append(numpy_helper.from_array(values.astype(np.float16), small))
            nodes.append(helper.make_node("Cast", [small], [name], to=TensorProto.FLOAT))
            continue
        largest = np.abs(values).reshape(len(values), -1).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1.0).astype(np.float32)
        scale = scale.reshape(-1, *[1] * (values.ndim - 1))
        made.append(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), small))
        made.append(numpy_helper.from_array(scale, f"{name}{_SCALE}"))
        # onnxruntime computes these two once; DequantizeLinear would run for every batch.
        nodes.append(helper.make_node("Cast", [small], [f"{name}.wide"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.wide", f"{name}{_SCALE}"], [name]))
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *made])
    for place, node in enumerate(nodes):
        model.graph.node.insert(place, node)


def read(path: Path) -> tuple[About, dict[str, Tensor]]:
    """Return what a file says of itself, and its weights by name, widened to float32.

    Raises ValueError if it is no file of `export`.
    """
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # of protobuf, whatever it is called in this version
        raise ValueError(f"{path}: no ONNX file ({type(error).__name__})") from None
    about = next((entry.value for entry in model.metadata_props if entry.key == About.KEY), None)
    if about is None:
        raise ValueError(
            f"{path}: not trained by Faceoff: only its own networks say how to go on with them"
        )
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {}
    for name, values in stored.items():
        if name.endswith(_SCALE):
            continue
        whole = name.removesuffix(_STORED)
        scale = stored.get(f"{whole}{_SCALE}")
        wide = values.astype(np.float32) if values.dtype in (np.float16, np.int8) else values
        if scale is not None:
            wide = wide * scale
        weights[whole] = torch.from_numpy(np.array(wide))
    try:
        described = About.from_json(about)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for name, (other, shape) in described.equal.items():
        weights[name] = weights[other].reshape(shape).clone()
    return described, weights
