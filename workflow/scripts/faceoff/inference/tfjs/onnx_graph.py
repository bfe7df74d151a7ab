"""Build an ONNX network from TensorFlow's nodes.

Values stay as TensorFlow has them, channels last. ONNX's convolutions, poolings and resizings take
channels first, so each stands between two transpositions; onnxruntime removes those that cancel
out. Integers of any width are 64 bits wide, which ONNX wants for shapes.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx

from faceoff.inference.tfjs.graph import Graph, Node, split
from faceoff.inference.tfjs.weights import TfjsError

_OPSET, _IR = 18, 8
_MOST_VALUES = 2**28  # of one value of the network, for one picture


class Builder:
    """Collect ONNX nodes and constants, and know which of TensorFlow's values each one is."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._arrays: dict[str, onnx.TensorProto] = {}
        self._values: dict[tuple[str, int], str] = {}  # TensorFlow's value -> its name in ONNX
        self._known: dict[str, np.ndarray] = {}  # name in ONNX -> values of a constant
        self._inputs: list[onnx.ValueInfoProto] = []
        self._node = Node("", "")

    # -- for the operations ------------------------------------------------------------------------

    def error(self, said: str) -> TfjsError:
        """Return an error that names the file and the present node."""
        return TfjsError(
            f"{self.graph.source}: node {self._node.name!r} ({self._node.kind}): {said}"
        )

    def emit(self, kind: str, *inputs: str, **options: Any) -> str:
        """Add an ONNX node; return the name of its value."""
        return self.emit_several(1, kind, *inputs, **options)[0]

    def emit_several(self, count: int, kind: str, *inputs: str, **options: Any) -> list[str]:
        """Add an ONNX node; return the names of its values."""
        schema = onnx.defs.get_schema(kind, _OPSET)
        if not schema.min_input <= len(inputs) <= schema.max_input:
            raise self.error(f"has {len(self._node.inputs)} inputs, which is not what it needs")
        name = f"{self._node.name}#{len(self._nodes)}"
        values = [f"{name}.{number}" for number in range(count)]
        given = {key: value for key, value in options.items() if value is not None}
        self._nodes.append(onnx.helper.make_node(kind, list(inputs), values, name, **given))
        return values

    def array(self, values: Any, dtype: Any = None) -> str:
        """Add a constant; return its name. Integers become 64 bits wide."""
        array = np.asarray(values, dtype)
        array = array.astype(np.int64) if array.dtype.kind in "iu" else array
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        name = f"{self._node.name}#a{len(self._arrays)}"
        self._arrays[name] = onnx.numpy_helper.from_array(np.array(array, order="C"), name)
        self._known[name] = array
        return name

    def input(self, number: int) -> str:
        """Return the present node's input of this number, negative from the end."""
        try:
            reference = self._node.inputs[number]
        except IndexError:
            raise self.error(f"has {len(self._node.inputs)} inputs, more are needed") from None
        return self._values[split(reference)]

    def inputs(self) -> list[str]:
        return [self._values[split(reference)] for reference in self._node.inputs]

    def known(self, value: str) -> np.ndarray | None:
        """Return the values of a constant, None for what is computed."""
        return self._known.get(value)

    def constant(self, number: int, what: str) -> np.ndarray:
        """Return the values of an input that must be a constant."""
        values = self.known(self.input(number))
        if values is None:
            raise self.error(f"its {what} is computed, only a constant is supported")
        return values

    def whole(self, number: int, what: str) -> list[int]:
        """Return an input that must be a constant of whole numbers, as a list."""
        values = self.constant(number, what)
        if values.dtype.kind != "i":
            raise self.error(f"its {what} is {values.dtype}, whole numbers are needed")
        return [int(value) for value in values.reshape(-1)]

    def option(self, name: str, kind: type, default: Any) -> Any:
        """Return an option of the present node, checked for its type."""
        value = self._node.options.get(name)
        if value is None:
            return default
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise self.error(f"attr {name!r} is {value!r}")
        return value

    # -- the whole graph ---------------------------------------------------------------------------

    def placeholder(self, node: Node, shape: Sequence[int] | None) -> str:
        """Add the network's input; sides of -1, and an unknown shape's four, are of any length."""
        if self._inputs:
            raise self.error(
                f"the network has several inputs ({self._inputs[0].name.split('#')[0]!r} too), one "
                "is supported"
            )
        sides = [
            side if side >= 0 else f"side{number}"
            for number, side in enumerate((-1,) * 4 if shape is None else shape)
        ]
        name = f"{node.name}#in"
        self._inputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides))
        return name

    def begin(self, node: Node) -> None:
        """Make a node the present one."""
        self._node = node

    def define(self, node: Node, values: Sequence[str]) -> None:
        """Say which ONNX values a node's values are."""
        for number, value in enumerate(values):
            self._values[node.name, number] = value

    def missing(self, node: Node) -> str | None:
        """Return an input of a node that no node before it makes."""
        return next((one for one in node.inputs if split(one) not in self._values), None)

    def finish(self, outputs: Mapping[str, str]) -> bytes:
        """Return the ONNX file; outputs: name -> reference to TensorFlow's value."""
        for name, reference in outputs.items():
            value = self._values.get(split(reference))
            if value is None:
                raise TfjsError(
                    f"{self.graph.source}: output {name!r}: node {split(reference)[0]!r} has no "
                    f"value {split(reference)[1]}"
                )
            self._nodes.append(
                onnx.helper.make_node(
                    "Cast", [value], [name], f"{name}#out", to=onnx.TensorProto.FLOAT
                )
            )
        if not self._inputs:
            raise TfjsError(f"{self.graph.source}: the outputs depend on no input (Placeholder)")
        described = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in outputs
        ]
        model = onnx.helper.make_model(
            onnx.helper.make_graph(
                self._nodes, "tfjs", self._inputs, described, list(self._arrays.values())
            ),
            opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
            ir_version=_IR,
        )
        self._check_sizes(model)
        return model.SerializeToString()

    def _check_sizes(self, model: onnx.ModelProto) -> None:
        """Raise TfjsError for a value that no picture's network has, before memory is asked for."""
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except Exception as error:  # onnx raises its own types
            raise TfjsError(
                f"{self.graph.source}: shapes that do not fit: {' '.join(str(error).split())[:300]}"
            ) from None
        for value in [*inferred.value_info, *inferred.output]:
            sides = [side.dim_value or 1 for side in value.type.tensor_type.shape.dim]
            if prod(sides) > _MOST_VALUES:
                raise TfjsError(
                    f"{self.graph.source}: node {value.name.split('#')[0]!r} makes "
                    f"{' x '.join(map(str, sides))} values, which no network for one picture does"
                )
