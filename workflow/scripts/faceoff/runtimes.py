"""Run ONNX and TFLite weights in fixed-size batches, one thread count for all, the last batch padded (protocol: determinism).

Also what a job was told of the hardware: its threads, its device and the precision of its networks.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

BATCH = 64


class Runtime(Protocol):
    """A loaded network: `run` takes (n, …) float32 and returns its outputs, each with n rows."""

    def run(self, inputs: np.ndarray) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class Hardware:
    """device: auto (a GPU where there is one), cpu, cuda or cuda:N; precision: float32, or the type that a network may compute in on the way.

    batch: how many pictures networks compute together; None: as many as each declares. A row's last bits depend on it, so only timing sets it.
    """

    device: str = "auto"
    precision: str = "float32"
    batch: int | None = None


_told = Hardware()


def tell(hardware: Hardware) -> None:
    """Set what the plug-ins of this process compute on; called before one is constructed."""
    global _told
    _told = hardware


def hardware() -> Hardware:
    """What this process computes on; FACEOFF_DEVICE, where it is set, stands above the configuration's `device`."""
    return replace(_told, device=os.environ.get("FACEOFF_DEVICE") or _told.device)


class DeviceError(RuntimeError):
    """The configuration asks for a device that is not here; the message says what to do."""


def threads() -> int:
    """Threads of this job, as its rule set them (OMP_NUM_THREADS), else one."""
    return int(os.environ.get("OMP_NUM_THREADS") or 1)


def batch_size(declared: int) -> int:
    """How many pictures a network computes together: as many as it declares, unless this job was told otherwise. Asked when a plug-in is constructed."""
    return _told.batch or declared


def batched(inputs: np.ndarray, batch: int, invoke: Callable[[np.ndarray], Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Call `invoke` on padded batches of exactly `batch` rows and join the valid rows of each output. No rows still yield output shapes."""
    parts: list[list[np.ndarray]] = []
    for start in range(0, max(len(inputs), 1), batch):
        part = inputs[start : start + batch]
        padded = np.zeros((batch, *inputs.shape[1:]), np.float32)
        padded[: len(part)] = part
        parts.append([output[: len(part)].copy() for output in invoke(padded)])
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


class Tflite:
    """A TFLite network on the CPU (LiteRT with XNNPACK)."""

    def __init__(self, path: Path, batch: int = BATCH):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=threads())
        self._input = self._interpreter.get_input_details()[0]
        self._batch = batch_size(batch)
        self._interpreter.resize_tensor_input(self._input["index"], [self._batch, *self._input["shape"][1:]])
        self._interpreter.allocate_tensors()
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.input_shape = tuple(int(side) for side in self._input["shape"][1:])

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input["index"], inputs)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        return batched(inputs, self._batch, self._invoke)


def onnx_providers() -> list[Any]:
    """onnxruntime's execution providers for this job's device, the CPU always last. Raises DeviceError where CUDA is asked for and not built in.

    FACEOFF_TENSORRT=1 puts TensorRT first: its engines are built for minutes on first use, and they move scores.
    """
    import onnxruntime

    device, built = hardware().device, onnxruntime.get_available_providers()
    kind, _, number = device.partition(":")
    if kind == "cuda" and "CUDAExecutionProvider" not in built:
        raise DeviceError(f"device: {device} is asked for, but this onnxruntime has no CUDA: pip install onnxruntime-gpu in its place, or set device: auto")
    if kind == "cpu" or "CUDAExecutionProvider" not in built:
        return ["CPUExecutionProvider"]
    options = {"device_id": int(number or 0)}
    # TF32 would move scores by 1e-3; the default search for a convolution's algorithm picks another one from run to run.
    cuda = ("CUDAExecutionProvider", {**options, "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"})
    first = [("TensorrtExecutionProvider", options)] if os.environ.get("FACEOFF_TENSORRT") == "1" and "TensorrtExecutionProvider" in built else []
    return [*first, cuda, "CPUExecutionProvider"]


_onnx_on_gpu = False


def _note_provider(first: str) -> None:
    """Remember what onnxruntime computes on: it goes on with the CPU, silently, where CUDA does not start. Raises DeviceError where CUDA was asked for."""
    global _onnx_on_gpu
    if first != "CPUExecutionProvider":
        _onnx_on_gpu = True
    elif hardware().device.startswith("cuda"):
        why = "onnxruntime could not start CUDA: look at its version, cuDNN's and the driver's"
        raise DeviceError(f"device: {hardware().device} is asked for, but {why}; device: auto takes what is there")


def onnx_on_gpu() -> bool:
    """Whether an ONNX network of this process computes on a GPU."""
    return _onnx_on_gpu


class Onnx:
    """An ONNX network (onnxruntime), on a GPU where the job has one and this onnxruntime can. A fixed batch dimension sets the size of batches."""

    def __init__(self, path: Path, batch: int = BATCH):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=onnx_providers())
        _note_provider(self._session.get_providers()[0])
        described = self._session.get_inputs()[0]
        self._name = described.name
        self._batch = described.shape[0] if isinstance(described.shape[0], int) else batch_size(batch)
        self.input_shape = tuple(side if isinstance(side, int) else None for side in described.shape[1:])

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        return batched(inputs, self._batch, lambda padded: self._session.run(None, {self._name: padded}))


RUNTIMES = {"onnx": Onnx, "tflite": Tflite}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax in float64, (n, k) -> (n, k)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True).astype(np.float64))
    return shifted / shifted.sum(axis=1, keepdims=True)
