"""Where PyTorch plug-ins compute, and what has to be done before PyTorch or torchvision is first used. Call these inside a plug-in's constructor."""

import ctypes
import sys
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any

import numpy as np

from faceoff.inference import gpus, hardware, runtimes


def torch_device() -> str:
    """The job's device as PyTorch names it: "cpu" or "cuda:N". Sets the threads of this job on the way.

    On a GPU the TF32 short cuts are switched off: they would move scores by 1e-3 between machines.
    Raises DeviceError where a GPU is asked for and PyTorch sees none, or not that one.
    """
    import torch

    torch.set_num_threads(hardware.threads())
    wanted = hardware.hardware().device
    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted.startswith("cuda") and int(wanted.partition(":")[2] or 0) >= seen:
        why = (
            "this build is for CPUs only"
            if torch.version.cuda is None
            else "look at nvidia-smi for the driver and at CUDA_VISIBLE_DEVICES"
        )
        raise hardware.DeviceError(
            f"device: {wanted} is asked for, but PyTorch {torch.__version__} sees {seen} GPUs: "
            f"{why}; device: auto takes what is there"
        )
    if wanted == "cpu" or not seen:
        _keep_memory()
        return "cpu"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    number = gpus.index(wanted, seen)
    torch.cuda.set_device(number)  # for what a library puts on "cuda", and for pinned memory
    return f"cuda:{number}"


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _C_INT_MAX = -1, -3, 2**31 - 1  # of glibc's malloc.h


def _keep_memory() -> None:
    """Let glibc keep what a network's layers take and give back; by default the kernel clears every large block anew, a fifth of EfficientNet's time."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _C_INT_MAX)
        libc.mallopt(_M_TRIM_THRESHOLD, _C_INT_MAX)


def autocast() -> AbstractContextManager[Any]:
    """The context in which PyTorch networks compute in the job's precision; it does nothing for float32."""
    precision = hardware.hardware().precision
    if precision == "float32":
        return nullcontext()
    import torch

    return torch.autocast("cuda" if on_gpu() else "cpu", getattr(torch, precision))


def on_gpu() -> bool:
    """Whether a plug-in of this process has put something on a GPU."""
    return _torch_on_gpu() or runtimes.onnx_on_gpu()


def _torch_on_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()


def gpu() -> int | None:
    """CUDA's number of the GPU that this process computes on; None where it computes on the CPU."""
    return gpus.index(hardware.hardware().device) if on_gpu() else None


def peak_vram_mib() -> float | None:
    """The most memory of one GPU that PyTorch held at once in this process, in MiB; None where it held none (onnxruntime does not tell)."""
    if not _torch_on_gpu():
        return None
    cuda = sys.modules["torch"].cuda
    return max(cuda.max_memory_allocated(number) for number in range(cuda.device_count())) / 2**20


def prepare_torchvision() -> None:
    """Make `import torchvision` work beside a CPU-only PyTorch, for libraries that import it (timm, facenet-pytorch, facetorch).

    Such a pair raises "operator torchvision::nms does not exist": its compiled operators do not load, but its Python registers their
    shapes. Declaring the two operators is enough to import; nobody here calls them.
    """
    global _declared
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        import sys

        import torch

        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        _declared = torch.library.Library("torchvision", "DEF")
        _declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401


_declared: Any = None  # the declarations live as long as this object


class Torch(runtimes.BatchedNetwork):
    """A PyTorch network as a `faceoff.inference.runtimes.Runtime`: batches of exactly `batch` pictures, the last one padded; None: all rows at once, unpadded.

    more_on_gpu: `batch` suits a CPU; a GPU computes `hardware.GPU_BATCH` together, if that is more.
    channels_last: pictures compute up to twice as fast so; not for graphs of others, whose `view` after a convolution may hold for channels first only.
    Outputs come back as float32 arrays.
    """

    def __init__(
        self, network: Any, batch: int | None, more_on_gpu: bool = False, channels_last: bool = True
    ):
        import torch

        first = next(
            chain(network.parameters(), network.buffers()), None
        )  # a frozen TorchScript graph has neither
        self._device = torch.device(torch_device()) if first is None else first.device
        self._network, self._channels_last = network, channels_last
        self._batch = (
            None
            if batch is None
            else hardware.batch_size(batch, more_on_gpu and self._device.type == "cuda")
        )

    def _invoke(self, inputs: np.ndarray) -> list[np.ndarray]:
        import torch

        with torch.inference_mode():
            layout = (
                torch.channels_last
                if inputs.ndim == 4 and self._channels_last
                else torch.preserve_format
            )
            rows = torch.from_numpy(inputs)
            rows = rows.pin_memory() if self._device.type == "cuda" else rows
            outputs = self._network(rows.to(self._device, memory_format=layout, non_blocking=True))
        return [
            output.float().cpu().numpy()
            for output in (outputs if isinstance(outputs, (tuple, list)) else (outputs,))
        ]
