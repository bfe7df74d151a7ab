"""Run a network stored by Keras (.h5, .hdf5) in PyTorch, without TensorFlow or Keras.

The file's own `model_config` says which layers it has and how they are joined. Each becomes the
PyTorch operation that computes the same (Keras' documentation of `keras.layers`; "same" padding and
pooling borders as in tf.nn, "Notes on padding"). Keras 2 or 3 may have written the file; nothing in
it is executed. The layers of a file that holds only weights must be given. Tensors are
channels-first inside, channels-last outside.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.nn import functional

from faceoff.inference.hardware import batch_size, is_of_the_machine
from faceoff.inference.runtimes import BatchedNetwork
from faceoff.inference.torch_devices import torch_device

BATCH = 16  # pictures computed together on a CPU; measured faster than 64 for small networks

Arrays = dict[str, np.ndarray]  # name of a weight ("kernel", "bias", …) -> values


class KerasFileError(ValueError):
    """A file that is no Keras model, or has a layer, option or shape that cannot run here.

    The message names file and layer.
    """


@dataclass(frozen=True)
class Layer:
    """One layer as the file describes it.

    It holds Keras' class name, the options, the layers whose outputs it takes, and the version of
    Keras (2 or 3) that wrote it.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    keras: int = 2


_ELSEWHERE = (
    "keeps its values in another file, which the sha256 of this one does not cover; save the model "
    "as one file"
)


# -- the contents of the file ----------------------------------------------------------------------


def read(path: Path) -> tuple[list[Layer] | None, dict[str, Arrays]]:
    """Return (layers in the order they compute, weights by layer). Raises KerasFileError.

    The layers are None for a file that holds only weights.
    """
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
            written_by = file.attrs.get("keras_version", "2")
            weights = _weights(file.get("model_weights", file), file.filename)
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from None
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise KerasFileError(f"{path}: not a readable Keras HDF5 file: {error}") from None
    if config is None:
        return None, weights
    try:
        keras = 2 if int(_text(written_by).split(".")[0]) < 3 else 3
        return _layers(json.loads(config), keras), weights
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from None
    except KeyError as error:
        raise KerasFileError(f"{path}: its model_config lacks {error}") from None
    except (TypeError, AttributeError, IndexError, ValueError) as error:
        raise KerasFileError(
            f"{path}: its model_config is no description of Keras layers: {error}"
        ) from None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _layers(model: Mapping[str, Any], keras: int) -> list[Layer]:
    """Return the layers of a model_config in the order they compute."""
    if model["class_name"] not in ("Sequential", "Model", "Functional"):
        raise KerasFileError(
            f"a model of class {model['class_name']!r} is written in Python code, which the file "
            "does not hold"
        )
    described = model["config"]["layers"] if isinstance(model["config"], dict) else model["config"]
    layers = [
        Layer(
            item["class_name"],
            item["config"].get("name", item.get("name", "")),
            item["config"],
            _sources(item),
            keras,
        )
        for item in described
    ]
    if model["class_name"] == "Sequential":
        return sequence(layers)
    outputs = _histories(model["config"]["output_layers"])
    if len(outputs) != 1:
        raise KerasFileError(f"the model has {len(outputs)} outputs, one is expected")
    return _needed(layers, outputs[0])


def sequence(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers that follow one another, each joined to the one before."""
    return [
        replace(layer, inputs=(layers[index - 1].name,) if index else ())
        for index, layer in enumerate(layers)
    ]


def _weights(root: h5py.Group, filename: str) -> dict[str, Arrays]:
    """Return weights by layer, in the file's order.

    A weight's name goes without the layer's and TensorFlow's ":0".
    """
    order = [_text(name) for name in root.attrs.get("layer_names", list(root))]
    weights: dict[str, Arrays] = {}
    for layer in order:
        arrays: Arrays = {}

        def take(name: str, item: Any, arrays: Arrays = arrays) -> None:
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise KerasFileError(f"{item.name}: {_ELSEWHERE}")
                arrays[name.split("/")[-1].split(":")[0]] = item[()]

        if root[layer].file.filename != filename:  # an external link; visititems follows none
            raise KerasFileError(f"{layer}: {_ELSEWHERE}")
        root[layer].visititems(take)
        if arrays:
            weights[layer] = arrays
    return weights


def _histories(value: Any) -> list[str]:
    """Yield the names of the layers that a description of connections points to.

    Keras 2 writes ["name", 0, 0, {}], Keras 3 {"keras_history": ["name", 0, 0]}.
    """
    if isinstance(value, dict):
        if "keras_history" in value:
            return [value["keras_history"][0]]
        return [name for item in value.values() for name in _histories(item)]
    if isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [value[0]]
        return [name for item in value for name in _histories(item)]
    return []


def _sources(item: Mapping[str, Any]) -> tuple[str, ...]:
    nodes = item.get("inbound_nodes") or []
    # A layer that is used twice would have two nodes; no network here has one.
    return tuple(_histories(nodes[:1]))


def _needed(layers: Sequence[Layer], output: str) -> list[Layer]:
    """Return the layers that the output depends on, each after those it takes its input from."""
    by_name = {layer.name: layer for layer in layers}
    ordered: dict[str, Layer] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for source in by_name[name].inputs:
                visit(source)
            ordered[name] = by_name[name]

    visit(output)
    return list(ordered.values())


# -- layers as PyTorch operations ------------------------------------------------------------------

Operation = Callable[..., torch.Tensor]

_ACTIVATIONS: dict[str, Operation] = {
    "linear": lambda x: x,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda x: torch.softmax(x, dim=1),
    "softplus": functional.softplus,
    "swish": functional.silu,
    "silu": functional.silu,
    "hard_sigmoid": functional.hardsigmoid,  # x / 6 + 0.5, from 0 to 1
}
_OF_KERAS_2: dict[str, Operation] = {"hard_sigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)}
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
_IDENTITY = (
    "InputLayer",
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
)


class _Weights:
    """The weights of one layer, taken by name.

    A missing, unexpected or misshapen weight is thus named in the message.
    """

    def __init__(self, layer: Layer, arrays: Arrays, device: str):
        self._layer, self._arrays, self._device = layer, dict(arrays), device

    def take(
        self, *names: str, sides: int | None = None, shape: tuple[int, ...] | None = None
    ) -> torch.Tensor:
        """Return the weight of the first of these names in the file.

        Raises KerasFileError where it has another number of sides or another shape.
        """
        name = next((name for name in names if name in self._arrays), None)
        if name is None:
            there = ", ".join(sorted(self._arrays)) or "no weights"
            raise KerasFileError(
                f"layer {self._layer.name!r} ({self._layer.kind}): weight {names[0]!r} is missing; "
                f"the file has {there}"
            )
        values = np.array(self._arrays.pop(name), np.float32)
        if (sides is not None and values.ndim != sides) or (
            shape is not None and values.shape != shape
        ):
            expected = f"{sides} sides are" if shape is None else f"{shape} is"
            raise KerasFileError(
                f"layer {self._layer.name!r} ({self._layer.kind}): weight {name!r} has the shape "
                f"{values.shape}, {expected} expected"
            )
        return torch.from_numpy(values).to(self._device)

    def take_if(self, wanted: bool, name: str, shape: tuple[int, ...]) -> torch.Tensor | None:
        """Return the weight of this name and shape, None if it is not wanted."""
        return self.take(name, shape=shape) if wanted else None

    def finish(self) -> None:
        """Raise KerasFileError if a weight was not taken."""
        if self._arrays:
            raise KerasFileError(
                f"layer {self._layer.name!r} ({self._layer.kind}): unexpected weights "
                f"{sorted(self._arrays)}"
            )


def _agree(layer: Layer, option: str, size: int) -> None:
    """Raise KerasFileError where an option says another size than the weights have."""
    stated = layer.options.get(option, size)
    if stated != size:
        raise KerasFileError(
            f"layer {layer.name!r} ({layer.kind}): its weights make {size} values, its description "
            f"says {option} {stated!r}"
        )


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _same(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the pixels that "same" adds before and after a side; an odd one goes after."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _padded(
    x: torch.Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    value: float = 0.0,
) -> torch.Tensor:
    top, bottom = _same(x.shape[2], kernel[0], stride[0], dilation[0])
    left, right = _same(x.shape[3], kernel[1], stride[1], dilation[1])
    return functional.pad(x, (left, right, top, bottom), value=value)


def _activation(layer: Layer) -> Operation:
    name = layer.options.get("activation", "linear")
    if name not in _ACTIVATIONS:
        raise KerasFileError(
            f"layer {layer.name!r}: activation {name!r} is not supported; known: "
            f"{', '.join(sorted(_ACTIVATIONS))}"
        )
    return _OF_KERAS_2.get(name, _ACTIVATIONS[name]) if layer.keras == 2 else _ACTIVATIONS[name]


def _along_channels(layer: Layer, operation: Operation) -> Operation:
    """Return the operation along the channels, if they are the layer's `axis` (Keras' last one)."""
    axis = layer.options.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis

    def run(*xs: torch.Tensor) -> torch.Tensor:
        if axis not in (-1, xs[0].ndim - 1):
            raise KerasFileError(
                f"layer {layer.name!r}: {layer.kind} along axis {axis} of {xs[0].ndim} is not "
                "supported, along the last one it is"
            )
        return operation(*xs)

    return run


def _padding(layer: Layer) -> bool:
    """Return True for "same", False for "valid"."""
    kind = layer.options.get("padding", "valid")
    if kind not in ("same", "valid"):
        raise KerasFileError(f"layer {layer.name!r}: padding {kind!r} is not supported")
    if layer.options.get("data_format", "channels_last") not in ("channels_last", None):
        raise KerasFileError(f"layer {layer.name!r}: only channels_last networks are supported")
    return kind == "same"


def _convolution(layer: Layer, weights: _Weights) -> Operation:
    """Build Conv2D, DepthwiseConv2D and SeparableConv2D.

    Keras' kernels are (h, w, in, out), depthwise ones (h, w, in, multiplier).
    """
    same, activation = _padding(layer), _activation(layer)
    stride = _pair(layer.options.get("strides", 1))
    dilation = _pair(layer.options.get("dilation_rate", 1))
    pointwise = None
    if layer.kind == "Conv2D":
        kernel = weights.take("kernel", sides=4).permute(3, 2, 0, 1)
        groups = int(layer.options.get("groups", 1))
    else:
        # a DepthwiseConv2D of Keras 3 calls it kernel
        raw = weights.take("depthwise_kernel", "kernel", sides=4)
        height, width, groups, multiplier = raw.shape
        _agree(layer, "depth_multiplier", multiplier)
        kernel = raw.permute(2, 3, 0, 1).reshape(groups * multiplier, 1, height, width)
        if layer.kind == "SeparableConv2D":
            pointwise = weights.take("pointwise_kernel", sides=4).permute(3, 2, 0, 1).contiguous()
    kernel = kernel.contiguous()
    made = (kernel if pointwise is None else pointwise).shape[0]
    _agree(layer, "filters", made)
    bias = weights.take_if(layer.options.get("use_bias", True), "bias", (made,))
    size = (kernel.shape[2], kernel.shape[3])
    if "kernel_size" in layer.options and size != _pair(layer.options["kernel_size"]):
        raise KerasFileError(
            f"layer {layer.name!r}: its kernel is {size}, the description says "
            f"{_pair(layer.options['kernel_size'])}"
        )

    def run(x: torch.Tensor) -> torch.Tensor:
        x = _padded(x, size, stride, dilation) if same else x
        x = functional.conv2d(
            x, kernel, None if pointwise is not None else bias, stride, 0, dilation, groups
        )
        return activation(x if pointwise is None else functional.conv2d(x, pointwise, bias))

    return run


def _normalisation(layer: Layer, weights: _Weights) -> Operation:
    mean = weights.take("moving_mean", sides=1)
    size = tuple(mean.shape)
    variance = weights.take("moving_variance", shape=size)
    gamma = weights.take_if(layer.options.get("scale", True), "gamma", size)
    beta = weights.take_if(layer.options.get("center", True), "beta", size)
    epsilon = float(layer.options.get("epsilon", 1e-3))
    return lambda x: functional.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)


def _dense(layer: Layer, weights: _Weights) -> Operation:
    kernel, activation = weights.take("kernel", sides=2).T.contiguous(), _activation(layer)
    _agree(layer, "units", kernel.shape[0])
    bias = weights.take_if(layer.options.get("use_bias", True), "bias", (kernel.shape[0],))

    def run(x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] != kernel.shape[1] or x.ndim != 2:
            raise KerasFileError(
                f"layer {layer.name!r}: takes {kernel.shape[1]} values, gets {tuple(x.shape[1:])}"
            )
        return activation(functional.linear(x, kernel, bias))

    return run


def _pooling(layer: Layer) -> Operation:
    size, same = _pair(layer.options.get("pool_size", 2)), _padding(layer)
    stride = _pair(layer.options.get("strides") or size)
    if layer.kind == "MaxPooling2D":
        return lambda x: functional.max_pool2d(
            _padded(x, size, stride, value=-torch.inf) if same else x, size, stride
        )
    if not same:
        return lambda x: functional.avg_pool2d(x, size, stride)

    def run(x: torch.Tensor) -> torch.Tensor:
        """Average over the picture's pixels; the border does not count, as in TensorFlow."""
        inside = functional.avg_pool2d(
            _padded(torch.ones_like(x[:1, :1]), size, stride), size, stride
        )
        return functional.avg_pool2d(_padded(x, size, stride), size, stride) / inside

    return run


def _flat(x: torch.Tensor) -> torch.Tensor:
    """Return (n, …) in Keras' order, channels last."""
    return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x.flatten(1)


def _reshaped(layer: Layer) -> Operation:
    shape = [int(side) for side in layer.options["target_shape"]]
    if len(shape) == 1:
        return lambda x: _flat(x).reshape(len(x), *shape)
    if len(shape) == 3:
        return lambda x: _flat(x).reshape(len(x), *shape).permute(0, 3, 1, 2)
    raise KerasFileError(
        f"layer {layer.name!r}: target_shape {shape} is not supported (1 or 3 sides are)"
    )


def _zero_padding(layer: Layer) -> Operation:
    value = layer.options.get("padding", 1)
    top_bottom, left_right = (value, value) if isinstance(value, int) else value
    (top, bottom), (left, right) = _pair(top_bottom), _pair(left_right)
    return lambda x: functional.pad(x, (left, right, top, bottom))


def _rectifier(layer: Layer, weights: _Weights) -> Operation:
    options = layer.options
    if layer.kind == "LeakyReLU":
        slope = float(options.get("negative_slope", options.get("alpha", 0.3)))
        return lambda x: functional.leaky_relu(x, slope)
    if layer.kind == "ELU":
        alpha = float(options.get("alpha", 1.0))
        return lambda x: functional.elu(x, alpha)
    if layer.kind == "PReLU":
        slopes = weights.take("alpha")
        slopes = slopes.permute(2, 0, 1) if slopes.ndim == 3 else slopes
        return lambda x: torch.where(x > 0, x, slopes * x)
    top = options.get("max_value")
    if options.get("negative_slope") or options.get("threshold"):
        raise KerasFileError(
            f"layer {layer.name!r}: ReLU with a slope or a threshold is not supported"
        )
    return lambda x: torch.clamp(x, 0, None if top is None else float(top))


def _rescaling(layer: Layer) -> Operation:
    scale, offset = layer.options["scale"], layer.options.get("offset", 0.0)
    if not isinstance(scale, int | float) or not isinstance(offset, int | float):
        raise KerasFileError(f"layer {layer.name!r}: Rescaling by channel is not supported")
    return lambda x: x * scale + offset


def _operation(layer: Layer, weights: _Weights) -> Operation:
    kind = layer.kind
    if kind in _IDENTITY:
        return lambda x: x
    builders: dict[str, Callable[[], Operation]] = {
        **dict.fromkeys(_CONVOLUTIONS, lambda: _convolution(layer, weights)),
        **dict.fromkeys(("ReLU", "LeakyReLU", "ELU", "PReLU"), lambda: _rectifier(layer, weights)),
        **dict.fromkeys(("MaxPooling2D", "AveragePooling2D"), lambda: _pooling(layer)),
        "BatchNormalization": lambda: _along_channels(layer, _normalisation(layer, weights)),
        "Dense": lambda: _dense(layer, weights),
        "Activation": lambda: _activation(layer),
        "Softmax": lambda: _along_channels(layer, _ACTIVATIONS["softmax"]),
        "Flatten": lambda: _flat,
        "Reshape": lambda: _reshaped(layer),
        "ZeroPadding2D": lambda: _zero_padding(layer),
        "Rescaling": lambda: _rescaling(layer),
        "GlobalAveragePooling2D": lambda: (
            lambda x: x.mean(dim=(2, 3), keepdim=bool(layer.options.get("keepdims")))
        ),
        "GlobalMaxPooling2D": lambda: (
            lambda x: x.amax(dim=(2, 3), keepdim=bool(layer.options.get("keepdims")))
        ),
        "Add": lambda: lambda *xs: sum(xs[1:], xs[0]),
        "Multiply": lambda: lambda *xs: torch.stack(torch.broadcast_tensors(*xs)).prod(dim=0),
        "Concatenate": lambda: _along_channels(layer, lambda *xs: torch.cat(xs, dim=1)),
    }
    if kind not in builders:
        raise KerasFileError(
            f"layer {layer.name!r}: layers of class {kind!r} are not supported; supported: "
            f"{', '.join(sorted({*builders, *_IDENTITY}))}"
        )
    return builders[kind]()


_WEIGHTED = (*_CONVOLUTIONS, "BatchNormalization", "Dense", "PReLU")


def by_order(
    layers: Sequence[Layer], weights: Mapping[str, Arrays], path: Path
) -> dict[str, Arrays]:
    """Return the weights of a weights-only file under these layers' names, in order.

    Keras' `load_weights` does the same. Raises KerasFileError naming the layers that are missing or
    unexpected.
    """
    wanted = [layer for layer in layers if layer.kind in _WEIGHTED]
    if len(wanted) != len(weights):
        missing = [layer.name for layer in wanted[len(weights) :]]
        unexpected = list(weights)[len(wanted) :]
        raise KerasFileError(
            f"{path}: {len(weights)} layers with weights, {len(wanted)} expected: missing "
            f"{missing}, unexpected {unexpected}"
        )
    return {layer.name: arrays for layer, arrays in zip(wanted, weights.values(), strict=True)}


class _Step(torch.nn.Module):
    """One layer as a module, so that tools which look at layers find it."""

    def __init__(self, layer: Layer, operation: Operation):
        super().__init__()
        self.layer, self._operation = layer, operation

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        return self._operation(*values)


class _Graph(torch.nn.Module):
    """The layers in the order they compute: (n, height, width, channels) -> (n, k)."""

    def __init__(self, steps: Sequence[_Step]):
        super().__init__()
        self.steps = torch.nn.ModuleList(steps)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        values: dict[str, torch.Tensor] = {}
        # in memory still channels last, which is faster
        start = inputs.permute(0, 3, 1, 2)
        for step in self.steps:
            layer: Any = step.layer
            try:
                values[layer.name] = step(*([values[name] for name in layer.inputs] or [start]))
            except RuntimeError as error:
                if is_of_the_machine(error):
                    raise  # no fault of the file
                raise KerasFileError(
                    f"layer {layer.name!r} ({layer.kind}): {str(error).splitlines()[0]}"
                ) from None
        return _flat(values[layer.name])


class KerasNetwork(BatchedNetwork):
    """A Keras network in PyTorch.

    `run` takes (n, height, width, channels) float32 and returns [(n, k)]. `module` is the network
    as PyTorch's own, `convolutions` are its parts that are convolutions, by their names in the
    file.

    batch: the number of pictures computed together; None takes the number that suits the device.
    """

    def __init__(self, path: Path, layers: Sequence[Layer] | None = None, batch: int | None = None):
        stored, weights = read(path)
        if layers is not None:
            weights, stored = by_order(layers, weights, path), list(layers)
        if stored is None:
            raise KerasFileError(
                f"{path}: holds weights only, not the layers; save the whole model (model.save) "
                "and use that file"
            )
        unknown = sorted(set(weights) - {layer.name for layer in stored})
        if unknown:
            raise KerasFileError(
                f"{path}: weights of layers that are not in the description: {unknown}"
            )
        self._device = torch_device()
        self._batch = batch_size(batch or BATCH, on_gpu=batch is None and self._device != "cpu")
        steps: list[_Step] = []
        try:
            for layer in stored:
                arrays = _Weights(layer, weights.get(layer.name, {}), self._device)
                steps.append(_Step(layer, _operation(layer, arrays)))
                arrays.finish()
        except KerasFileError as error:
            raise KerasFileError(f"{path}: {error}") from None
        except KeyError as error:
            raise KerasFileError(
                f"{path}: layer {layer.name!r} ({layer.kind}): its description lacks {error}"
            ) from None
        self.module = _Graph(steps)
        self.convolutions = {
            step.layer.name: step for step in steps if step.layer.kind in _CONVOLUTIONS
        }

    @torch.inference_mode()
    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        return [self.module(torch.from_numpy(inputs).to(self._device)).float().cpu().numpy()]
