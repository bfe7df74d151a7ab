"""MediaPipe's face_landmarker.task without its download: the networks that the package carries, and
seeded weights for the blendshapes.

The package's mesh network is the older one: it has 468 points in one output and the irises' in
others. The task wants 478 in one; the first ten stand in for the irises, so that all else is where
it is in the face.
"""

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import synthetic_weights

POINTS_READ, SHAPES = (
    146,
    52,
)  # of the blendshapes' network: what it is given of the 478 points, and what it gives


def write(path: Path) -> Path:
    """Write the archive. Raises FileNotFoundError where the installed mediapipe has no such
    networks.
    """
    modules = Path(importlib.util.find_spec("mediapipe").submodule_search_locations[0], "modules")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.write(
            modules / "face_detection" / "face_detection_short_range.tflite", "face_detector.tflite"
        )
        archive.writestr(
            "face_landmarks_detector.tflite",
            _with_478_points(modules / "face_landmark" / "face_landmark_with_attention.tflite"),
        )
        archive.writestr("face_blendshapes.tflite", _blendshapes())
    return path


class _Model:
    """A TFLite model that is added to."""

    def __init__(self, content: bytes | None = None):
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.model = (
            schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
            if content
            else schema.ModelT()
        )
        if not content:
            self.model.version, self.model.buffers, self.model.operatorCodes = (
                3,
                [schema.BufferT()],
                [],
            )
            graph = schema.SubGraphT()
            graph.tensors, graph.operators = [], []
            self.model.subgraphs = [graph]
        self.graph = self.model.subgraphs[0]

    def tensor(self, shape: list[int], values: np.ndarray | None = None) -> int:
        """Index of a new tensor; with `values`, a constant one."""
        buffer, tensor = self.schema.BufferT(), self.schema.TensorT()
        if values is not None:
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        integers = values is not None and values.dtype == np.int32
        tensor.name, tensor.shape, tensor.buffer = (
            f"added{len(self.graph.tensors)}",
            shape,
            len(self.model.buffers),
        )
        tensor.type = self.schema.TensorType.INT32 if integers else self.schema.TensorType.FLOAT32
        self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(
        self, kind: str, inputs: list[int], output: int, options: str | None = None, **values: Any
    ) -> int:
        """Add an operator; returns its output."""
        code, operator = self.schema.OperatorCodeT(), self.schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self.schema.BuiltinOperator, kind)
        code.version = 1
        self.model.operatorCodes.append(code)
        operator.opcodeIndex, operator.inputs, operator.outputs = (
            len(self.model.operatorCodes) - 1,
            inputs,
            [output],
        )
        if options:
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(self.schema, f"{options}T")()
            for key, value in values.items():
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return output

    def content(self, inputs: list[int], outputs: list[int]) -> bytes:
        import flatbuffers

        self.graph.inputs, self.graph.outputs, self.model.signatureDefs = inputs, outputs, None
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _with_478_points(path: Path) -> bytes:
    made = _Model(path.read_bytes())
    named = {made.graph.tensors[index].name: index for index in made.graph.outputs}
    mesh = named[b"output_mesh_identity"]
    begin, size = (
        made.tensor([4], np.array(values, np.int32)) for values in ([0, 0, 0, 0], [1, 1, 1, 30])
    )
    first = made.operator("SLICE", [mesh, begin, size], made.tensor([1, 1, 1, 30]), "SliceOptions")
    points = made.operator(
        "CONCATENATION",
        [mesh, first],
        made.tensor([1, 1, 1, 3 * 478]),
        "ConcatenationOptions",
        axis=3,
    )
    return made.content(list(made.graph.inputs), [points, named[b"conv_faceflag"]])


def _blendshapes() -> bytes:
    """One layer: scores between 0 and 1 from where the points are, in pixels."""
    made, width = _Model(), 2 * POINTS_READ
    points = made.tensor([1, POINTS_READ, 2])
    weight = made.tensor(
        [SHAPES, width], 0.02 * synthetic_weights.array("blendshapes.weight", (SHAPES, width))
    )
    bias = made.tensor([SHAPES], synthetic_weights.array("blendshapes.bias", (SHAPES,)) - 1)
    mixed = made.operator(
        "FULLY_CONNECTED", [points, weight, bias], made.tensor([1, SHAPES]), "FullyConnectedOptions"
    )
    return made.content([points], [made.operator("LOGISTIC", [mixed], made.tensor([1, SHAPES]))])
