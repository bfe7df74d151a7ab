"""Read the topology of a TensorFlow.js graph model: a TensorFlow GraphDef written as JSON.

Its nodes are decoded here and nothing is executed. Format: TensorFlow's node_def.proto and
attr_value.proto in protobuf's JSON mapping, texts as base64.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.tfjs.weights import TfjsError

FLOATS = ("DT_FLOAT", "DT_HALF", "DT_DOUBLE", "DT_BFLOAT16")
INTEGERS = ("DT_INT32", "DT_INT64", "DT_INT16", "DT_INT8", "DT_UINT8", "DT_UINT16")
_NUMBERED = {
    1: "DT_FLOAT", 2: "DT_DOUBLE", 3: "DT_INT32", 4: "DT_UINT8", 5: "DT_INT16", 6: "DT_INT8",
    7: "DT_STRING", 9: "DT_INT64", 10: "DT_BOOL", 14: "DT_BFLOAT16", 17: "DT_UINT16",
    19: "DT_HALF",
}  # fmt: skip
# dtype -> of its bytes, of the array, key of the list of values
_ARRAYS = {
    "DT_FLOAT": ("<f4", np.float32, "floatVal"),
    "DT_DOUBLE": ("<f8", np.float32, "doubleVal"),
    "DT_HALF": ("<f2", np.float32, "halfVal"),
    "DT_INT32": ("<i4", np.int64, "intVal"),
    "DT_INT64": ("<i8", np.int64, "int64Val"),
    "DT_INT16": ("<i2", np.int64, "intVal"),
    "DT_INT8": ("i1", np.int64, "intVal"),
    "DT_UINT8": ("u1", np.int64, "intVal"),
    "DT_UINT16": ("<u2", np.int64, "intVal"),
    "DT_BOOL": ("?", np.bool_, "boolVal"),
}
_MOST_VALUES = 2**24  # of a tensor that the topology itself holds

_LAYERS_MODEL = (
    "a layers model of Keras, which holds layers and no graph. Convert it: tensorflowjs_converter "
    "--input_format=tfjs_layers_model --output_format=tfjs_graph_model, or run the Keras file "
    "itself by runtime keras"
)


@dataclass(frozen=True)
class Node:
    """One node of a graph: its name, TensorFlow's name of its operation, inputs and options."""

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """Nodes by name, the values of constants, and the outputs.

    outputs: name -> node whose first value it is, or "node:1" for a further one. source: the file
    that errors name.
    """

    nodes: Mapping[str, Node]
    tensors: Mapping[str, np.ndarray]
    outputs: Mapping[str, str]
    source: Path


def read(model: Any, tensors: Mapping[str, np.ndarray], path: Path) -> Graph:
    """Return the graph of a parsed model.json. Raises TfjsError naming file and node."""
    nodes: dict[str, Node] = {}
    signature = _signature(model)
    for item in described_nodes(model, path):
        node = _node(item, path)
        if node.kind == "Placeholder" and node.options.get("shape") is None:
            node = _with_shape(node, signature, path)
        if node.name in nodes:
            raise TfjsError(f"{path}: node {node.name!r} is there twice")
        nodes[node.name] = node
    constants = {
        name: tensors[name] if name in tensors else _constant(node, path)
        for name, node in nodes.items()
        if node.kind == "Const"
    }
    return Graph(nodes, constants, _outputs(signature, nodes, path), path)


def is_graph(model: Any) -> bool:
    """Return whether a parsed JSON file describes a network, and not only weights."""
    return isinstance(model, dict) and ("modelTopology" in model or "format" in model)


def described_nodes(model: Mapping[str, Any], path: Path) -> list[Any]:
    """Return the undecoded nodes of a parsed model.json. Raises TfjsError for another format."""
    topology = model.get("modelTopology")
    layers = {"model_config", "keras_version", "class_name"}
    if model.get("format") == "layers-model" or (
        isinstance(topology, dict) and layers & topology.keys()
    ):
        raise TfjsError(f"{path}: {_LAYERS_MODEL}")
    nodes = topology.get("node") if isinstance(topology, dict) else None
    if not isinstance(nodes, list) or not nodes:
        raise TfjsError(
            f"{path}: its modelTopology is no GraphDef written as JSON, with a list of nodes: this "
            "is no model.json of a graph model"
        )
    return nodes


def _node(item: Any, path: Path) -> Node:
    name, kind = (item.get(key) if isinstance(item, dict) else None for key in ("name", "op"))
    if not isinstance(name, str) or not isinstance(kind, str) or not name or not kind:
        raise TfjsError(f"{path}: a node has the name {name!r} and the kind {kind!r}, texts needed")
    inputs, attributes = item.get("input", []), item.get("attr", {})
    where = f"{path}: node {name!r} ({kind})"
    if not isinstance(inputs, list) or not all(isinstance(one, str) and one for one in inputs):
        raise TfjsError(f"{where}: its inputs are no list of names")
    if not isinstance(attributes, dict):
        raise TfjsError(f"{where}: attr: expected keys and values")
    options = {}
    for key, value in attributes.items():
        try:
            options[key] = _option(value)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise TfjsError(f"{where}: attr {key!r} is not readable: {error}") from None
    # ^name says only what is to be computed before
    return Node(name, kind, tuple(one for one in inputs if not one.startswith("^")), options)


def _option(value: Mapping[str, Any]) -> Any:
    """Return an attribute's value: number, text, shape (None if unknown), or a list of such.

    A tensor stays as it is written, since the weights may hold its values.
    """
    if "list" in value:
        (kind, items), *_ = (value["list"] or {"none": []}).items()
        return [_single(kind, item) for item in items or []]
    for kind in ("s", "i", "f", "b", "type", "shape", "tensor"):
        if kind in value:
            return _single(kind, value[kind])
    return None


def _single(kind: str, item: Any) -> Any:
    if kind == "s":
        raw = bytes(item) if isinstance(item, list) else base64.b64decode(item, validate=True)
        return raw.decode()
    if kind == "i":
        return int(item)
    if kind == "f":
        return float(item)
    if kind == "b":
        if not isinstance(item, bool):
            raise ValueError(f"{item!r} is neither true nor false")
        return item
    if kind == "type":
        return _NUMBERED.get(item, str(item))
    if kind == "shape":
        return None if item.get("unknownRank") else _sides(item)
    if kind == "tensor":
        return item
    raise ValueError(f"a value of kind {kind!r}")


def _sides(shape: Mapping[str, Any] | None) -> tuple[int, ...]:
    return tuple(int(side.get("size", 0)) for side in (shape or {}).get("dim") or [])


def _constant(node: Node, path: Path) -> np.ndarray:
    """Return the values that a Const node itself holds."""
    where = f"{path}: node {node.name!r} (Const)"
    tensor = node.options.get("value")
    if not isinstance(tensor, dict):
        raise TfjsError(f"{where}: has no value, and the weights have no tensor of its name")
    kind = _NUMBERED.get(tensor.get("dtype"), tensor.get("dtype"))  # type: ignore[arg-type]
    if kind not in _ARRAYS:
        if kind == "DT_STRING":  # of an assertion's message, say; whoever needs it is refused
            return np.zeros(0, np.float32)
        raise TfjsError(f"{where}: dtype {kind!r} is not supported")
    stored, dtype, key = _ARRAYS[kind]
    try:
        shape = _sides(tensor.get("tensorShape"))
        count, raw = prod(shape), tensor.get("tensorContent")
        if min(shape, default=0) < 0 or count > _MOST_VALUES:
            raise ValueError(f"its shape is {list(shape)}")
        if raw:
            values = np.frombuffer(base64.b64decode(raw, validate=True), stored)
        elif kind == "DT_HALF":  # its bits, as whole numbers
            values = np.array(tensor.get(key) or [], np.uint16).view(np.float16)
        else:
            given = tensor.get(key) or []
            given = [int(one) for one in given] if dtype is np.int64 else given
            values = np.array(given, dtype)
        if not raw and 0 < values.size < count:  # the last value stands for the rest
            values = np.concatenate([values, np.repeat(values[-1:], count - values.size)])
        if values.size != count:
            raise ValueError(f"it holds {values.size} values for the shape {list(shape)}")
    except (TypeError, ValueError, AttributeError, OverflowError, binascii.Error) as error:
        absent = "; the weights have no tensor of its name" if "holds 0" in str(error) else ""
        raise TfjsError(f"{where}: its value is not readable: {error}{absent}") from None
    return values.astype(dtype).reshape(shape)


def _signature(model: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the inputs and outputs that the file declares, by name."""
    metadata = model.get("userDefinedMetadata")
    signature: Any = model.get("signature") or (
        metadata.get("signature") if isinstance(metadata, dict) else None
    )
    declared: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}
    for kind in declared:
        listed = signature.get(kind) if isinstance(signature, dict) else None
        for key, value in listed.items() if isinstance(listed, dict) else ():
            declared[kind][_plain(str(key))] = value if isinstance(value, dict) else {}
    return declared


def _with_shape(node: Node, signature: Mapping[str, Any], path: Path) -> Node:
    """Return an input with the shape that the signature states, if it does."""
    for key, value in signature["inputs"].items():
        if _plain(str(value.get("name", key))) == node.name:
            try:
                shape = _single("shape", value.get("tensorShape") or {"unknownRank": True})
            except (TypeError, ValueError, AttributeError) as error:
                raise TfjsError(f"{path}: its signature, input {key!r}: {error}") from None
            return replace(node, options={**node.options, "shape": shape})
    return node


def _outputs(signature: Mapping[str, Any], nodes: Mapping[str, Node], path: Path) -> dict[str, str]:
    """Return the outputs that the file declares, or the values that no node takes."""
    declared = signature["outputs"]
    if declared:
        named = {key: _plain(str(value.get("name", key))) for key, value in declared.items()}
        for reference in named.values():
            if split(reference)[0] not in nodes:
                raise TfjsError(
                    f"{path}: its signature names the output {reference!r}, which is no node"
                )
        return named
    taken = {split(name)[0] for node in nodes.values() for name in node.inputs}
    idle = ("Const", "Placeholder", "NoOp", "Assert")
    return {
        name: name for name, node in nodes.items() if name not in taken and node.kind not in idle
    }


def _plain(reference: str) -> str:
    return reference.removesuffix(":0")


def split(reference: str) -> tuple[str, int]:
    """Return the node and the number of its value that a reference ("node", "node:1") names."""
    name, colon, number = reference.rpartition(":")
    return (name, int(number)) if colon and number.isdecimal() else (reference, 0)


def chosen(graph: Graph, names: Sequence[str]) -> dict[str, str]:
    """Return name -> reference of these outputs: an output's name, or any node's.

    Without names the graph must have one output. Raises TfjsError listing what there is.
    """
    listed = ", ".join(sorted(graph.outputs)) or "none"
    if not names:
        if len(graph.outputs) != 1:
            raise TfjsError(
                f"{graph.source}: the network has {len(graph.outputs)} outputs ({listed}): name "
                "the one of the emotions in the card, nodes: NAME"
            )
        return dict(graph.outputs)
    found = {}
    for name in names:
        plain = _plain(name)
        reference = plain if split(plain)[0] in graph.nodes else graph.outputs.get(plain)
        if reference is None:
            raise TfjsError(
                f"{graph.source}: nodes: {name!r} is no node of the network; its outputs: {listed}"
            )
        found[name] = reference
    return found
