"""Run ONNX and TFLite weights in fixed-size batches with a set number of threads (determinism).

The last batch is padded.
"""

import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from faceoff.inference import gpus
from faceoff.inference.hardware import (
    BATCH,
    DeviceError,
    batch_size,
    hardware,
    is_out_of_memory,
    threads,
)


class Runtime(Protocol):
    """A loaded network: `run` takes (n, …) float32 and returns its outputs, each with n rows."""

    def run(self, inputs: np.ndarray) -> list[np.ndarray]: ...


def batched(
    inputs: np.ndarray, batch: int, invoke: Callable[[np.ndarray], Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Call `invoke` on padded batches of exactly `batch` rows and join each output's valid rows.

    Zero rows still yield the outputs' shapes. Raises ValueError for an output without a row for
    each input row, since nothing then says which row is whose.
    """
    parts: list[list[np.ndarray]] = []
    for start in range(0, max(len(inputs), 1), batch):
        part = inputs[start : start + batch]
        padded = np.zeros((batch, *inputs.shape[1:]), np.float32)
        padded[: len(part)] = part
        outputs = invoke(padded)
        for number, output in enumerate(outputs):
            if not isinstance(output, np.ndarray):
                raise ValueError(f"output {number} of the network is no array of numbers")
            if output.shape[:1] != (batch,):
                given = f"{len(output)} rows" if output.ndim else "one number"
                raise ValueError(
                    f"output {number} of the network has {given} for {batch} pictures; a row for "
                    "each is expected"
                )
        parts.append([output[: len(part)].copy() for output in outputs])
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


_sizes: set[int] = set()


def network_batches() -> list[int]:
    """Return the sizes of the batches that networks of this process computed.

    There is one for each network, more if memory ran out, and none if they have no fixed size.
    """
    return sorted(_sizes)


class BatchedNetwork(ABC):
    """A network that computes fixed-size batches in `_invoke`; the last one is padded.

    _batch: the number of rows; None computes all rows at once, unpadded. The size is fixed because
    the bits of a row depend on how many rows are computed with it, not on their values (measured on
    CPUs); so one picture gives the same result alone and among others. If memory does not hold a
    batch, the size is halved, for good, until one fits.
    """

    _batch: int | None
    _one_size = False  # whether the network takes no other size

    @abstractmethod
    def _invoke(self, inputs: np.ndarray) -> Sequence[np.ndarray]:
        """Compute one batch: inputs (rows, …) float32 -> each output with as many rows."""

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Compute inputs (n, …) float32 -> each output with n rows.

        Raises the framework's exception if not even one row fits into memory.
        """
        while True:
            rows = self._batch or max(1, len(inputs))
            try:
                outputs = batched(inputs, rows, self._invoke)
            except Exception as error:
                if rows == 1 or self._one_size or not is_out_of_memory(error):
                    raise
            else:
                if self._batch:
                    _sizes.add(self._batch)
                return outputs
            # Outside the handler: the exception's traceback holds what the batch had computed so
            # far.
            self._batch = rows // 2
            print(f"out of memory: continuing with batches of {self._batch}", file=sys.stderr)
            if torch := sys.modules.get("torch"):
                torch.cuda.empty_cache()


class Tflite(BatchedNetwork):
    """A TFLite network on the CPU (LiteRT with XNNPACK)."""

    def __init__(self, path: Path, batch: int = BATCH):
        from ai_edge_litert.interpreter import Interpreter

        # From bytes, so that nothing is looked for beside the file, which no hash covers.
        self._bytes = path.read_bytes()  # LiteRT reads them as long as it computes
        self._interpreter = Interpreter(model_content=self._bytes, num_threads=threads())
        self._input = self._interpreter.get_input_details()[0]
        # A network that is declared for one picture computes no more at once, whatever is asked.
        self._batch = batch_size(batch) if batch > 1 else 1
        self._prepare(self._batch)
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.input_shape = tuple(int(side) for side in self._input["shape"][1:])

    def _prepare(self, rows: int) -> None:
        self._interpreter.resize_tensor_input(
            self._input["index"], [rows, *self._input["shape"][1:]]
        )
        self._interpreter.allocate_tensors()
        self._rows = rows

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        if len(inputs) != self._rows:
            self._prepare(len(inputs))
        self._interpreter.set_tensor(self._input["index"], inputs)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def onnx_providers() -> list[Any]:
    """Return onnxruntime's execution providers for this job's device; the CPU is always last.

    FACEOFF_TENSORRT=1 puts TensorRT first: it builds its engines for minutes on first use, and they
    move scores. Raises DeviceError if CUDA is asked for and not built in.
    """
    import onnxruntime

    device, built = hardware().device, onnxruntime.get_available_providers()
    kind = device.partition(":")[0]
    if kind == "cuda" and "CUDAExecutionProvider" not in built:
        raise DeviceError(
            f"device: {device} is asked for, but this onnxruntime has no CUDA: pip install "
            "onnxruntime-gpu in its place, or set device: auto"
        )
    if kind == "cpu" or "CUDAExecutionProvider" not in built:
        return ["CPUExecutionProvider"]
    options = {"device_id": gpus.index(device)}
    # TF32 would move scores by 1e-3; the default search for a convolution's algorithm picks another
    # one from run to run.
    cuda = (
        "CUDAExecutionProvider",
        {**options, "use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"},
    )
    first = (
        [("TensorrtExecutionProvider", options)]
        if os.environ.get("FACEOFF_TENSORRT") == "1" and "TensorrtExecutionProvider" in built
        else []
    )
    return [*first, cuda, "CPUExecutionProvider"]


_onnx_on_gpu = False


def _note_provider(first: str, wanted: str) -> None:
    """Remember what onnxruntime computes on, and print a line if it fell back to the CPU.

    It falls back silently if CUDA does not start. Raises DeviceError if CUDA was asked for.
    """
    global _onnx_on_gpu
    why = "onnxruntime could not start CUDA: look at its version, cuDNN's and the driver's"
    if first != "CPUExecutionProvider":
        _onnx_on_gpu = True
    elif hardware().device.startswith("cuda"):
        raise DeviceError(
            f"device: {hardware().device} is asked for, but {why}; set device: auto to "
            "use what is there"
        )
    elif wanted != first:
        print(f"continuing on the CPU: {why}", file=sys.stderr)


def onnx_on_gpu() -> bool:
    """Return whether an ONNX network of this process computes on a GPU."""
    return _onnx_on_gpu


def onnx_session(file: Path | bytes) -> Any:
    """Open an ONNX network by onnxruntime, for this job's device and number of threads.

    file: its path, or what would stand in it. Raises ValueError where it keeps weights elsewhere.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = onnx_providers()
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if wanted != "CPUExecutionProvider" and hasattr(onnxruntime, "preload_dlls"):
        # pip installs CUDA and cuDNN as packages of their own, where nothing else finds them.
        onnxruntime.preload_dlls()
    # onnxruntime looks for data outside of the file in an empty folder, since the file's sha256
    # does not cover them.
    with tempfile.TemporaryDirectory() as empty:
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", empty
        )
        try:
            session = onnxruntime.InferenceSession(
                file if isinstance(file, bytes) else file.read_bytes(),
                options,
                providers=providers,
            )
        except Exception as error:
            said = str(error).lower()
            elsewhere = "external" in said or "should be stored in" in said
            if isinstance(file, bytes) or not elsewhere:
                raise
            raise ValueError(
                f"{file}: keeps weights in another file, which its sha256 does not cover; "
                "save the network as one file"
            ) from None
    _note_provider(session.get_providers()[0], wanted)
    return session


class Onnx(BatchedNetwork):
    """An ONNX network (onnxruntime), on a GPU if the job has one and this onnxruntime supports it.

    A fixed batch dimension of the network sets the size of batches. `output_names` are the names of
    what `run` returns.

    file: its path, or what would stand in it.
    """

    def __init__(self, file: Path | bytes, batch: int = BATCH):
        self._session = onnx_session(file)
        self.output_names = tuple(output.name for output in self._session.get_outputs())
        described = self._session.get_inputs()[0]
        self._name, self._one_size = described.name, isinstance(described.shape[0], int)
        self._batch = described.shape[0] if self._one_size else batch_size(batch)
        self.input_shape = tuple(
            side if isinstance(side, int) else None for side in described.shape[1:]
        )

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {self._name: inputs})


def onnx_metadata(path: Path) -> dict[str, str]:
    """Return the entries that a network's file has beside its graph."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    entries: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return entries


RUNTIMES = {"onnx": Onnx, "tflite": Tflite}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the row-wise softmax in float64, (n, k) -> (n, k)."""
    shifted = np.exp(
        logits.astype(np.float64) - logits.max(axis=1, keepdims=True).astype(np.float64)
    )
    return shifted / shifted.sum(axis=1, keepdims=True)
