"""Run the networks of a plug-in without the plug-in.

The rows lie on the device already; nothing is prepared, copied or padded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.inference import runtimes, torch_devices


@dataclass(frozen=True)
class Asked:
    """Hold what a plug-in asked one of its networks: `inputs` (n, …) float32, cut into batches."""

    runtime: Any
    inputs: np.ndarray

    @property
    def batch(self) -> int:
        """Return how many rows the runtime computes together."""
        return self.runtime._batch or max(1, len(self.inputs))

    @property
    def turns(self) -> int:
        """Return how many batches these inputs take."""
        return -(-len(self.inputs) // self.batch)


class _Tap:
    """Record what a runtime is asked, and pass it on."""

    def __init__(self, runtime: Any):
        self._runtime, self.asked = runtime, []

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        self.asked.append(Asked(self._runtime, np.ascontiguousarray(inputs, np.float32)))
        return self._runtime.run(inputs)


def networks(plugin: Any) -> dict[str, Any]:
    """Return the runtimes that a plug-in keeps, by the attribute's name.

    The result is empty for a plug-in that makes its runtimes anew for each call.
    """
    return {name: value for name, value in vars(plugin).items() if hasattr(value, "run")}


def asked(plugin: Any, call: Callable[[], object]) -> list[Asked]:
    """Return what the plug-in asks its networks during the call."""
    taps = {name: _Tap(runtime) for name, runtime in networks(plugin).items()}
    try:
        vars(plugin).update(taps)
        call()
    finally:
        vars(plugin).update({name: tap._runtime for name, tap in taps.items()})
    return [question for tap in taps.values() for question in tap.asked]


def alone(questions: list[Asked]) -> Callable[[], object] | None:
    """Return a call that computes as many batches as these questions take.

    Return None where nothing was asked or a runtime is of a kind that this module does not know.
    """
    calls = [(_one_batch(question), question.turns) for question in questions]
    if not calls or any(one is None for one, _ in calls):
        return None
    return lambda: [one() for one, turns in calls for _ in range(turns)]


def _one_batch(question: Asked) -> Callable[[], object] | None:
    rows = np.zeros((question.batch, *question.inputs.shape[1:]), np.float32)
    rows[: min(len(rows), len(question.inputs))] = question.inputs[: len(rows)]
    if isinstance(question.runtime, torch_devices.Torch):
        return _torch_batch(question.runtime, rows)
    if isinstance(question.runtime, runtimes.Onnx):
        return _onnx_batch(question.runtime, rows)
    return _keras_batch(question.runtime, rows) if hasattr(question.runtime, "_steps") else None


def _torch_batch(runtime: torch_devices.Torch, rows: np.ndarray) -> Callable[[], object]:
    import torch

    tensor = torch.from_numpy(rows).to(runtime._device)
    if tensor.ndim == 4 and runtime._channels_last:
        tensor = tensor.to(memory_format=torch.channels_last)

    def one() -> None:
        with torch.inference_mode():
            runtime.module(tensor)

    return one


def _keras_batch(runtime: Any, rows: np.ndarray) -> Callable[[], object]:
    """Return a call that runs a `faceoff.inference.keras_h5.KerasNetwork` on these rows."""
    import torch

    start = torch.from_numpy(rows).to(runtime._device).permute(0, 3, 1, 2)

    def one() -> None:
        values: dict[str, Any] = {}
        with torch.inference_mode():
            for layer, operation in runtime._steps:
                inputs = [values[name] for name in layer.inputs] or [start]
                values[layer.name] = operation(*inputs)

    return one


def _onnx_batch(runtime: runtimes.Onnx, rows: np.ndarray) -> Callable[[], object]:
    import onnxruntime

    session = runtime._session
    device = "cpu" if session.get_providers()[0] == "CPUExecutionProvider" else "cuda"
    binding = session.io_binding()
    value = onnxruntime.OrtValue.ortvalue_from_numpy(rows, device, 0)
    binding.bind_ortvalue_input(runtime._name, value)
    for output in session.get_outputs():
        binding.bind_output(output.name, device)

    def one(_kept: Any = value) -> None:  # the binding does not keep its input alive
        session.run_with_iobinding(binding)

    return one
