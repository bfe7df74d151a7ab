"""Make ONNX files with the outputs of 6DRepNet and L2CS-Net, for tests without their weights."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(path: Path, side: int, *outputs: tuple[np.ndarray, float]) -> Path:
    """Write a network of (n, 3, side, side): each output is a bias and the mean colours, mixed.

    outputs: the bias, in the output's shape, and how much the colours count.
    """
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("ReduceMean", ["input"], ["means"], axes=[2, 3], keepdims=0)]
    constants, described = [], []
    for number, (bias, share) in enumerate(outputs):
        name, flat = f"output{number}", np.asarray(bias, np.float32).ravel()
        mixing = (share * rng.normal(size=(3, flat.size))).astype(np.float32)
        shape = np.array([-1, *np.shape(bias)], np.int64)
        constants += [
            numpy_helper.from_array(values, f"{kind}{number}")
            for kind, values in (("mixing", mixing), ("bias", flat), ("shape", shape))
        ]
        nodes += [
            helper.make_node("MatMul", ["means", f"mixing{number}"], [f"mixed{number}"]),
            helper.make_node("Add", [f"mixed{number}", f"bias{number}"], [f"flat{number}"]),
            helper.make_node("Reshape", [f"flat{number}", f"shape{number}"], [name]),
        ]
        described.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *np.shape(bias)])
        )
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, side, side])
    graph = helper.make_graph(nodes, "given", [picture], described, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def sixdrepnet(path: Path) -> Path:
    """Write a network that gives six numbers a face."""
    return write(path, 224, (np.array([1.0, 0, 0, 0, 1, 0]), 0.2))


def l2cs(path: Path) -> Path:
    """Write a network with two heads of 90 bins."""
    bins = np.exp(-0.5 * ((np.arange(90) - 45) / 3) ** 2) * 5
    return write(path, 448, (bins, 0.3), (bins, 0.3))
