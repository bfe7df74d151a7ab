"""Copy the weights of a network with the numbers of every kernel in another order.

A network of such weights has learnt nothing, while every kernel keeps its mean and spread; biases
and normalisation stay. Adebayo et al. 2018, Sanity checks for saliency maps, section 3, draw new
numbers instead; shuffled ones need no distribution to be chosen.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plugins.protocols import DifferentiableModel, EmotionModel

Shuffle = Callable[[np.ndarray], np.ndarray]  # an array -> the same numbers in another order


class NoWeightsError(ValueError):
    """A model whose weights lie in no file that can be copied with other numbers."""


def untrained(
    load: Callable[[Mapping[str, Path]], EmotionModel], files: Mapping[str, Path], seed: int
) -> EmotionModel:
    """Return a model with shuffled weights.

    load: files by role, in the place of its own -> the model; files: its own. Where these cannot be
    shuffled, the parameters of a network in PyTorch are. Raises NoWeightsError where neither can.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            shuffled = randomised(files, Path(folder), seed)
        except NoWeightsError:
            model = load({})
            if not _shuffle_parameters(model, seed):
                raise
            return model
        return load(shuffled)


def _shuffle_parameters(model: EmotionModel, seed: int) -> bool:
    """Shuffle the kernels of a network in place; return whether there are any."""
    if not isinstance(model, DifferentiableModel):
        return False
    try:
        network = model.differentiable().network
    except ValueError:
        return False
    import torch

    random = np.random.default_rng(seed)
    kernels = [part for part in network.parameters() if part.ndim > 1]
    with torch.no_grad():
        for kernel in kernels:
            values = kernel.detach().cpu().numpy()
            mixed = random.permutation(values.reshape(-1)).reshape(values.shape)
            kernel.copy_(torch.from_numpy(mixed))
    return bool(kernels)


def randomised(files: Mapping[str, Path], folder: Path, seed: int) -> dict[str, Path]:
    """Write copies of a model's files of weights, shuffled, into a folder and return their paths.

    files: by the roles of the model's assets; roles without weights that can be shuffled are left
    out of the answer. Raises NoWeightsError where none can be.
    """
    random = np.random.default_rng(seed)

    def shuffle(values: np.ndarray) -> np.ndarray:
        return random.permutation(values.reshape(-1)).reshape(values.shape)

    made: dict[str, Path] = {}
    for role, path in sorted(files.items()):
        write = _WRITERS.get(path.suffix.lower())
        if write is not None:
            made[role] = folder / f"{role}{path.suffix.lower()}"
            write(path, made[role], shuffle)
    if "manifest" in files:
        made |= _tfjs(files, folder, shuffle)
    if not made:
        kinds = ", ".join(sorted({path.suffix or "no suffix" for path in files.values()}))
        raise NoWeightsError(
            f"its weights cannot be shuffled: it has files of kind {kinds or 'none'}, and "
            f"{', '.join(sorted(_WRITERS))} and TensorFlow.js are known"
        )
    return made


# -- ONNX ------------------------------------------------------------------------------------------

# The places of a kernel among an operation's inputs; a product has two, either may be stored.
_ONNX_KERNELS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "ConvInteger"), (1,)),
    **dict.fromkeys(("Gemm", "MatMul", "MatMulInteger"), (0, 1)),
    **dict.fromkeys(("QLinearConv", "QLinearMatMul"), (3,)),
}
# What may stand between a kernel and its operation; Mul where eight bits are stored and a scale.
_ONNX_PASS = ("DequantizeLinear", "Transpose", "Identity", "Cast", "Reshape", "Mul")


def _onnx(path: Path, target: Path, shuffle: Shuffle) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(path.read_bytes())
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    constants = [node for node in graph.node if node.op_type == "Constant"]
    stored |= {
        node.output[0]: attribute.t
        for node in constants
        for attribute in node.attribute
        if attribute.name == "value"
    }
    kernels: dict[str, Any] = {}
    for node in graph.node:
        for place in _ONNX_KERNELS.get(node.op_type, ()):
            name = node.input[place]
            while name not in stored and name in makers and makers[name].op_type in _ONNX_PASS:
                name = makers[name].input[0]
            if name in stored and len(stored[name].dims) > 1:
                kernels[name] = stored[name]
    for name, tensor in kernels.items():
        tensor.CopyFrom(numpy_helper.from_array(shuffle(numpy_helper.to_array(tensor)), name))
    target.write_bytes(model.SerializeToString())


# -- TFLite ----------------------------------------------------------------------------------------

_TFLITE_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def _tflite(path: Path, target: Path, shuffle: Shuffle) -> None:
    """Shuffle the kernels of a flatbuffer in its own bytes (TensorFlow Lite's schema.fbs)."""
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(path.read_bytes())
    model = schema.Model.GetRootAs(content, 0)
    codes = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        steps = [graph.Operators(place) for place in range(graph.OperatorsLength())]
        names = [codes.get(_tflite_code(model.OperatorCodes(s.OpcodeIndex())), "") for s in steps]
        sources = {
            step.Outputs(0): step.Inputs(0)
            for step, name in zip(steps, names, strict=True)
            if name == "DEQUANTIZE"
        }
        kernels = [
            sources.get(step.Inputs(1), step.Inputs(1))
            for step, name in zip(steps, names, strict=True)
            if name in _TFLITE_KERNELS
        ]
        for buffer in sorted({graph.Tensors(kernel).Buffer() for kernel in kernels}):
            shapes = [
                graph.Tensors(kernel).ShapeAsNumpy()
                for kernel in kernels
                if graph.Tensors(kernel).Buffer() == buffer
            ]
            stored = model.Buffers(buffer)
            if not stored.DataLength():
                continue  # computed by the graph, not stored
            raw = stored.DataAsNumpy()  # a view of `content`
            width = max(1, len(raw) // int(np.prod(shapes[0])))
            raw[:] = shuffle(raw.view(f"V{width}")).view(np.uint8)
    target.write_bytes(content)


def _tflite_code(code: Any) -> int:
    """Return the operator: old files have it in a field of eight bits."""
    return max(int(code.BuiltinCode()), int(code.DeprecatedBuiltinCode()))


# -- others ----------------------------------------------------------------------------------------


def _keras(path: Path, target: Path, shuffle: Shuffle) -> None:
    import h5py

    shutil.copyfile(path, target)
    target.chmod(0o600)  # the original may be read-only
    with h5py.File(target, "r+") as file:

        def change(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim > 1 and item.dtype.kind == "f":
                item[...] = shuffle(item[()])

        file.visititems(change)


def _arrays(path: Path, target: Path, shuffle: Shuffle) -> None:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {
            name: shuffle(stored[name])
            if stored[name].ndim > 1 and stored[name].dtype.kind == "f"
            else stored[name]
            for name in stored.files
        }
    np.savez(target, **arrays)


def _tfjs(files: Mapping[str, Path], folder: Path, shuffle: Shuffle) -> dict[str, Path]:
    from faceoff.inference.tfjs import graph, weights

    manifest = files["manifest"]
    described = weights.read_json(manifest)
    if graph.is_graph(described):
        described = described.get("weightsManifest")
    shards = {path: role for role, path in files.items() if role.startswith("weights")}
    changed = weights.rewritten(
        weights.groups(described, manifest),
        list(shards),
        manifest,
        lambda values: shuffle(values) if values.ndim > 1 else values,
    )
    made = {}
    for path, content in changed.items():
        made[shards[path]] = folder / path.name
        made[shards[path]].write_bytes(content)
    return made


_WRITERS: dict[str, Callable[[Path, Path, Shuffle], None]] = {
    ".onnx": _onnx,
    ".tflite": _tflite,
    ".h5": _keras,
    ".hdf5": _keras,
    ".npz": _arrays,
}
