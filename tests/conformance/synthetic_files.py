"""Files of weights as authors publish them, with seeded values in the place of learnt ones: for
networks whose real weights are not at hand.

PyTorch, timm and onnx are imported by who makes a file of theirs, so that tests of the others do
not need them.
"""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import synthetic_weights

import keras_files

# -- PyTorch ---------------------------------------------------------------------------------------


def shapes(network: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's state dict."""
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def seeded(network: Any) -> dict[str, Any]:
    """Its state dict with seeded values; EmoNet's last layer is scaled so that its logits are of
    order one.
    """
    import torch

    found = {
        name: torch.from_numpy(np.array(value))
        for name, value in synthetic_weights.state(shapes(network)).items()
    }
    if "emo_fc_2.3.weight" in found:
        found["emo_fc_2.3.weight"] *= 1e-5
    return found


def emonet(path: Path, classes: int) -> Path:
    """As its authors save theirs: from a DataParallel module, in the format of PyTorch 1."""
    import torch

    from faceoff.inference.networks.emonet import EmoNet

    torch.save(
        {f"module.{name}": value for name, value in seeded(EmoNet(classes)).items()},
        path,
        _use_new_zipfile_serialization=False,
    )
    return path


def ddamfn(path: Path, classes: int) -> Path:
    """As its authors save theirs, with the optimiser's state."""
    import torch

    from faceoff.inference.networks.ddamfn import DDAMFN

    optimiser = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save(
        {
            "iter": 25,
            "model_state_dict": seeded(DDAMFN(classes)),
            "optimizer_state_dict": optimiser,
        },
        path,
    )
    return path


def traced(network: Any, side: int, path: Path) -> Path:
    """TorchScript of a network with seeded weights that takes (n, 3, side, side)."""
    import torch

    network.load_state_dict(seeded(network))
    torch.jit.trace(network.eval(), torch.rand(1, 3, side, side)).save(str(path))
    return path


def small(outputs: int, squashed: bool = False) -> Any:
    """A network in little: mean colours of a 4 x 4 grid, mixed; `squashed` to 0–1."""
    from torch import nn

    return nn.Sequential(
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(48, outputs),
        *([nn.Sigmoid()] if squashed else []),
    )


def s3fd(path: Path, contrast: float = 0.5, background: float = 3.0) -> Path:
    """Kernels as at the start of training. Scores are `contrast` times as far apart as then, and
    lean to `background`: some faces are found, most places have none.
    """
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd as network_of

    torch.manual_seed(0)
    network = network_of()
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if name.endswith("_conf"):
                module.weight.data *= contrast
                module.bias.data[:-1] += background
            if name.endswith("_loc"):
                module.weight.data *= 0.1
    torch.save(network.state_dict(), path)
    return path


def fan(path: Path) -> Path:
    """face_alignment's 2D-FAN-4."""
    import torch
    from face_alignment.models import FAN

    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), path)
    return path


# -- ONNX ------------------------------------------------------------------------------------------


def exported(network: Any, side: int, path: Path) -> Path:
    """ONNX of a PyTorch network that takes (n, 3, side, side), as HSEmotion's files are made."""
    import torch

    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(
            network, torch.zeros(2, 3, side, side), path, opset_version=17, dynamo=False,
            input_names=["input"], output_names=["output"],
            dynamic_axes={"input": {0: "batch_size"}, "output": {0: "batch_size"}},
        )  # fmt: skip
    return path


VGG13 = (("c", 1, 64), ("c", 64, 64), "p", ("c", 64, 128), ("c", 128, 128), "p", ("c", 128, 256),
    ("c", 256, 256), ("c", 256, 256), "p",
         ("c", 256, 256), ("c", 256, 256), ("c", 256, 256), "p")  # fmt: skip


def vgg13_weights() -> dict[str, np.ndarray]:
    """Kernels large enough that the network tells classes apart."""
    layers = [layer for layer in VGG13 if layer != "p"]
    sizes = {
        f"conv{index}.weight": (outputs, inputs, 3, 3)
        for index, (_, inputs, outputs) in enumerate(layers)
    }
    sizes |= {f"conv{index}.bias": (outputs,) for index, (_, _, outputs) in enumerate(layers)}
    for name, outputs, inputs in (
        ("fc5", 1024, 256 * 4 * 4),
        ("fc6", 1024, 1024),
        ("output", 8, 1024),
    ):
        sizes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    return {
        name: (value * (1.4 if value.ndim > 1 else 1)).astype(np.float32)
        for name, value in synthetic_weights.state(sizes).items()
    }


def vgg13(path: Path, weights: Mapping[str, np.ndarray]) -> Path:
    """The layers of Barsoum et al. (models.py of FERPlus) as the zoo's file has them: batch 1, grey
    levels normalised in the graph, logits out.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "mean": np.array([127.5], np.float32),
        "range": np.array([255.0], np.float32),
        **weights,
    }
    nodes = [
        helper.make_node("Sub", ["Input3", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "range"], ["scaled"]),
    ]
    last, convolutions = "scaled", 0
    for step, layer in enumerate(VGG13):
        if layer == "p":
            nodes.append(
                helper.make_node(
                    "MaxPool", [last], [f"step{step}"], kernel_shape=[2, 2], strides=[2, 2]
                )
            )
        else:
            name = f"conv{convolutions}"
            nodes.append(
                helper.make_node(
                    "Conv",
                    [last, f"{name}.weight", f"{name}.bias"],
                    [f"{name}.sum"],
                    kernel_shape=[3, 3],
                    pads=[1, 1, 1, 1],
                )
            )
            nodes.append(helper.make_node("Relu", [f"{name}.sum"], [f"step{step}"]))
            convolutions += 1
        last = f"step{step}"
    nodes.append(helper.make_node("Flatten", [last], ["flat"]))
    last = "flat"
    for name in ("fc5", "fc6", "output"):
        nodes.append(
            helper.make_node(
                "Gemm",
                [last, f"{name}.weight", f"{name}.bias"],
                [f"{name}.sum" if name != "output" else "Plus692_Output_0"],
                transB=1,
            )
        )
        if name != "output":
            nodes.append(helper.make_node("Relu", [f"{name}.sum"], [f"{name}.relu"]))
            last = f"{name}.relu"
    graph = helper.make_graph(
        nodes, "CNTKGraph",
        [helper.make_tensor_value_info("Input3", TensorProto.FLOAT, [1, 1, 64, 64])],
        [helper.make_tensor_value_info("Plus692_Output_0", TensorProto.FLOAT, [1, 8])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)], ir_version=4), path
    )
    return path


# -- Keras -----------------------------------------------------------------------------------------

DEEPFACE = {"conv2d_1": (5, 5, 1, 64), "conv2d_2": (3, 3, 64, 64), "conv2d_3": (3, 3, 64, 64),
    "conv2d_4": (3, 3, 64, 128), "conv2d_5": (3, 3, 128, 128),
            "dense_1": (128, 1024), "dense_2": (1024, 1024), "dense_3": (1024, 7)}  # fmt: skip


def deepface_weights() -> dict[str, dict[str, np.ndarray]]:
    """DeepFace's layers, scaled so that the classes differ."""
    rng = np.random.default_rng(7)
    return {
        name: {
            "kernel": rng.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape).astype(np.float32),
            "bias": rng.normal(0, 0.1, shape[-1]).astype(np.float32),
        }
        for name, shape in DEEPFACE.items()
    }


def deepface(path: Path) -> Path:
    """Weights alone, as DeepFace's file has them."""
    return keras_files.write(path, None, deepface_weights())
