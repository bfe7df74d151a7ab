"""Run ONNX and TFLite weights in fixed-size batches, one thread count for all, the last batch padded (protocol: determinism)."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

BATCH = 64


class Runtime(Protocol):
    """A loaded network: `run` takes (n, …) float32 and returns its outputs, each with n rows."""

    def run(self, inputs: np.ndarray) -> list[np.ndarray]: ...


def threads() -> int:
    """Threads of this job, as its rule set them (OMP_NUM_THREADS), else one."""
    return int(os.environ.get("OMP_NUM_THREADS") or 1)


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
        self._batch = batch
        self._interpreter.resize_tensor_input(self._input["index"], [batch, *self._input["shape"][1:]])
        self._interpreter.allocate_tensors()
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.input_shape = tuple(int(side) for side in self._input["shape"][1:])

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input["index"], inputs)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        return batched(inputs, self._batch, self._invoke)


class Onnx:
    """An ONNX network on the CPU (onnxruntime). A model with a fixed batch dimension runs in batches of that size."""

    def __init__(self, path: Path, batch: int = BATCH):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        described = self._session.get_inputs()[0]
        self._name = described.name
        self._batch = described.shape[0] if isinstance(described.shape[0], int) else batch
        self.input_shape = tuple(side if isinstance(side, int) else None for side in described.shape[1:])

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        return batched(inputs, self._batch, lambda padded: self._session.run(None, {self._name: padded}))


RUNTIMES = {"onnx": Onnx, "tflite": Tflite}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax in float64, (n, k) -> (n, k)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True).astype(np.float64))
    return shifted / shifted.sum(axis=1, keepdims=True)
