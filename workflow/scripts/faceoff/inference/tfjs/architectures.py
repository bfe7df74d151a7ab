"""Hold the networks of face-api whose files are weights alone.

Their layers stand in face-api's sources (github.com/vladmandic/face-api, src/); here they are
written as the nodes of a graph, so that they run as graph models do. A weight's name and shape must
be those of the architecture, and none may be left over.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.tfjs.graph import Graph, Node
from faceoff.inference.tfjs.weights import TfjsError
from faceoff.spelling import suggestion

_ONE, _TWO = [1, 1, 1, 1], [1, 2, 2, 1]  # strides


class _Layers:
    """Add nodes one after another. Each method returns the name of the value it makes."""

    def __init__(self, name: str, side: int, tensors: Mapping[str, np.ndarray], source: Path):
        self.name, self.source = name, source
        self._tensors, self._constants = tensors, dict[str, np.ndarray]()
        self._nodes = {"input": Node("input", "Placeholder", (), {"shape": (-1, side, side, 3)})}

    def add(self, kind: str, *inputs: str, name: str = "", **options: Any) -> str:
        name = name or f"{kind}_{len(self._nodes)}"
        self._nodes[name] = Node(name, kind, inputs, options)
        return name

    def known(self, values: Any) -> str:
        """Add a constant of the architecture itself."""
        name = self.add("Const")
        self._constants[name] = np.asarray(values)
        return name

    def weight(self, name: str, *sides: int | None) -> str:
        """Add a weight of these sides; None allows any length."""
        found = self._tensors.get(name)
        if found is None:
            raise TfjsError(
                f"{self.source}: tensor {name!r} is missing, so these are no weights of {self.name}"
            )
        if len(found.shape) != len(sides) or any(
            side not in (None, there) for side, there in zip(sides, found.shape, strict=True)
        ):
            wanted = " x ".join("any" if side is None else str(side) for side in sides)
            raise TfjsError(
                f"{self.source}: tensor {name!r} is {' x '.join(map(str, found.shape))}, "
                f"{self.name} needs {wanted}"
            )
        self._constants[f"weights/{name}"] = found
        return self.add("Const", name=f"weights/{name}")

    def channels(self, name: str) -> int:
        """Return the length of a weight's last side."""
        found = self._tensors.get(name)
        return int(found.shape[-1]) if found is not None and found.ndim else 0

    def graph(self, *outputs: str) -> Graph:
        """Return the graph. Raises TfjsError for weights that no layer took."""
        rest = [name for name in self._tensors if f"weights/{name}" not in self._nodes]
        if rest:
            raise TfjsError(
                f"{self.source}: {len(rest)} tensors that {self.name} does not have, "
                f"{rest[0]!r} among them"
            )
        return Graph(self._nodes, self._constants, {name: name for name in outputs}, self.source)

    # -- layers ------------------------------------------------------------------------------------

    def relu(self, value: str) -> str:
        return self.add("Relu", value)

    def sum(self, *values: str) -> str:
        return self.add("AddN", *values)

    def biased(self, value: str, kernel: str, bias: str, strides: list[int], padding: str) -> str:
        return self.add(
            "_FusedConv2D",
            *(value, kernel, bias),
            strides=strides,
            padding=padding,
            fused_ops=["BiasAdd"],
        )

    def conv(
        self, value: str, prefix: str, size: int, strides: list[int], padding: str = "SAME"
    ) -> str:
        kernel = self.weight(f"{prefix}/filters", size, size, None, None)
        bias = self.weight(f"{prefix}/bias", self.channels(f"{prefix}/filters"))
        return self.biased(value, kernel, bias, strides, padding)

    def separable(self, value: str, prefix: str, strides: list[int]) -> str:
        """Filter each channel by itself, then mix the channels."""
        deep = self.weight(f"{prefix}/depthwise_filter", 3, 3, None, 1)
        mixing = self.weight(f"{prefix}/pointwise_filter", 1, 1, None, None)
        bias = self.weight(f"{prefix}/bias", self.channels(f"{prefix}/pointwise_filter"))
        made = self.add("DepthwiseConv2dNative", value, deep, strides=strides, padding="SAME")
        return self.biased(made, mixing, bias, _ONE, "VALID")

    def dense(self, value: str, prefix: str, count: int | None, name: str) -> str:
        weights = self.weight(f"{prefix}/weights", None, count)
        bias = self.weight(f"{prefix}/bias", self.channels(f"{prefix}/weights"))
        return self.add("Add", self.add("MatMul", value, weights), bias, name=name)

    def pooled(self, value: str) -> str:
        """Average 7 x 7 pixels, which is all that is left, to one number a channel."""
        mean = self.add(
            "AvgPool", value, ksize=[1, 7, 7, 1], strides=_TWO, padding="VALID"
        )  # (n, 1, 1, channels)
        return self.add("Squeeze", mean, squeeze_dims=[1, 2])

    def dense_block(self, value: str, prefix: str, first: bool = False) -> str:
        """Add four convolutions, each of which takes the sum of all before it."""
        conv0 = f"{prefix}/conv0"
        outs = [
            self.relu(
                self.conv(value, conv0, 3, _TWO) if first else self.separable(value, conv0, _TWO)
            )
        ]
        taken = outs[0]
        for number in (1, 2, 3):
            outs.append(self.separable(taken, f"{prefix}/conv{number}", _ONE))
            taken = self.relu(self.sum(*outs))
        return taken

    def reduction(self, value: str, prefix: str, activate: bool = True) -> str:
        """Add Xception's block that halves the picture, beside a 1 x 1 convolution."""
        out = self.relu(value) if activate else value
        out = self.separable(out, f"{prefix}/separable_conv0", _ONE)
        out = self.separable(self.relu(out), f"{prefix}/separable_conv1", _ONE)
        out = self.add("MaxPool", out, ksize=[1, 3, 3, 1], strides=_TWO, padding="SAME")
        return self.sum(out, self.conv(value, f"{prefix}/expansion_conv", 1, _TWO))

    def scaled(
        self, value: str, prefix: str, size: int, strides: list[int], padding: str = "SAME"
    ) -> str:
        """Add a convolution whose channels are scaled and shifted, as dlib's networks do."""
        made = self.conv(value, f"{prefix}/conv", size, strides, padding)
        count = self.channels(f"{prefix}/conv/filters")
        made = self.add("Mul", made, self.weight(f"{prefix}/scale/weights", count))
        return self.add("Add", made, self.weight(f"{prefix}/scale/biases", count))

    def residual(self, value: str, prefix: str) -> str:
        out = self.relu(self.scaled(value, f"{prefix}/conv1", 3, _ONE))
        out = self.scaled(out, f"{prefix}/conv2", 3, _ONE)
        return self.relu(self.sum(out, value))

    def residual_down(self, value: str, prefix: str, side: int, wider: int = 0) -> str:
        """Add a residual block that halves pictures of this side; `wider`: channels added.

        The shortcut is a mean of 2 x 2 pixels. Where it has one pixel more, or fewer channels,
        zeros fill up the other.
        """
        out = self.relu(self.scaled(value, f"{prefix}/conv1", 3, _TWO, "VALID"))
        out = self.scaled(out, f"{prefix}/conv2", 3, _ONE)
        short = self.add("AvgPool", value, ksize=_TWO, strides=_TWO, padding="VALID")
        more = side // 2 - ((side - 3) // 2 + 1)
        if more:
            out = self.add("Pad", out, self.known([[0, 0], [0, more], [0, more], [0, 0]]))
        if wider:
            short = self.add("Pad", short, self.known([[0, 0], [0, 0], [0, 0], [0, wider]]))
        return self.relu(self.sum(short, out))


def _features(layers: _Layers) -> str:
    """Add face-api's feature extractor: four dense blocks, 112 pixels to 256 numbers."""
    value = layers.dense_block("input", "dense0", first=True)
    for number in (1, 2, 3):
        value = layers.dense_block(value, f"dense{number}")
    return layers.pooled(value)


def _expression(tensors: Mapping[str, np.ndarray], source: Path) -> Graph:
    """Return face-api's FaceExpressionNet; output `logits`."""
    layers = _Layers("face_api_expression", 112, tensors, source)
    layers.dense(_features(layers), "fc", None, "logits")
    return layers.graph("logits")


def _landmarks(tensors: Mapping[str, np.ndarray], source: Path) -> Graph:
    """Return face-api's FaceLandmark68Net; output `landmarks`: x, y of 68 points.

    They are shares of the picture's side, 0 at the left and the top.
    """
    layers = _Layers("face_api_landmarks", 112, tensors, source)
    layers.dense(_features(layers), "fc", 136, "landmarks")
    return layers.graph("landmarks")


def _age_gender(tensors: Mapping[str, np.ndarray], source: Path) -> Graph:
    """Return face-api's AgeGenderNet; outputs `age` in years, `gender`: P(male), P(female)."""
    layers = _Layers("face_api_age_gender", 112, tensors, source)
    value = layers.relu(layers.conv("input", "entry_flow/conv_in", 3, _TWO))
    value = layers.reduction(value, "entry_flow/reduction_block_0", activate=False)
    value = layers.reduction(value, "entry_flow/reduction_block_1")
    for block in ("middle_flow/main_block_0", "middle_flow/main_block_1"):
        out = value
        for number in (0, 1, 2):
            out = layers.separable(layers.relu(out), f"{block}/separable_conv{number}", _ONE)
        value = layers.sum(out, value)
    value = layers.reduction(value, "exit_flow/reduction_block")
    value = layers.pooled(layers.relu(layers.separable(value, "exit_flow/separable_conv", _ONE)))
    layers.dense(value, "fc/age", 1, "age")
    layers.add("Softmax", layers.dense(value, "fc/gender", 2, "gender/logits"), name="gender")
    return layers.graph("age", "gender")


def _recognition(tensors: Mapping[str, np.ndarray], source: Path) -> Graph:
    """Return face-api's FaceRecognitionNet, dlib's ResNet; output `descriptor`: 128 numbers."""
    layers = _Layers("face_api_recognition", 150, tensors, source)
    value = layers.relu(layers.scaled("input", "conv32_down", 7, _TWO, "VALID"))
    value = layers.add("MaxPool", value, ksize=[1, 3, 3, 1], strides=_TWO, padding="VALID")
    # prefix, side of the picture that is halved, channels added, residual blocks after it
    for prefix, side, wider, blocks in (
        ("conv32", 0, 0, 3),
        ("conv64", 35, 32, 3),
        ("conv128", 17, 64, 2),
        ("conv256", 8, 128, 2),
    ):
        if side:
            value = layers.residual_down(value, f"{prefix}_down", side, wider)
        for number in range(1, blocks + 1):
            value = layers.residual(value, f"{prefix}_{number}")
    value = layers.residual_down(value, "conv256_down_out", 4)
    value = layers.add("Mean", value, layers.known([1, 2]))
    layers.add("MatMul", value, layers.weight("fc", 256, 128), name="descriptor")
    return layers.graph("descriptor")


ARCHITECTURES: Mapping[str, Callable[[Mapping[str, np.ndarray], Path], Graph]] = {
    "face_api_expression": _expression,
    "face_api_age_gender": _age_gender,
    "face_api_landmarks": _landmarks,
    "face_api_recognition": _recognition,
}


def build(name: str, tensors: Mapping[str, np.ndarray], source: Path) -> Graph:
    """Return an architecture with these weights. Raises TfjsError naming file and tensor."""
    if name not in ARCHITECTURES:
        raise TfjsError(
            f"{source}: architecture {name!r} is not known{suggestion(name, ARCHITECTURES)}"
        )
    return ARCHITECTURES[name](tensors, source)


def nearest(tensors: Mapping[str, np.ndarray], source: Path) -> Sequence[str]:
    """Return the architectures that have exactly these weights."""
    fitting = []
    for name in ARCHITECTURES:
        try:
            build(name, tensors, source)
        except TfjsError:
            continue
        fitting.append(name)
    return fitting
