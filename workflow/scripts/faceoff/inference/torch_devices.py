"""Choose the device of PyTorch plug-ins, and prepare PyTorch and torchvision before first use.

Call these functions inside a plug-in's constructor.
"""

import ctypes
import sys
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any

import numpy as np

from faceoff.inference import gpus, hardware, runtimes


def torch_device() -> str:
    """Return the job's device as PyTorch names it, "cpu" or "cuda:N", and set the job's threads.

    On a GPU the TF32 shortcuts are switched off, because they would move scores by 1e-3 between
    machines. Raises DeviceError if a GPU is asked for and PyTorch does not see it.
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
            f"{why}; set device: auto to use what is there"
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
    """Let glibc keep the memory that a network's layers take and give back.

    By default the kernel clears every large block anew, which takes a fifth of EfficientNet's time.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _C_INT_MAX)
        libc.mallopt(_M_TRIM_THRESHOLD, _C_INT_MAX)


def autocast() -> AbstractContextManager[Any]:
    """Return the context in which PyTorch networks compute in the job's precision.

    It does nothing for float32.
    """
    precision = hardware.hardware().precision
    if precision == "float32":
        return nullcontext()
    import torch

    return torch.autocast("cuda" if on_gpu() else "cpu", getattr(torch, precision))


def on_gpu() -> bool:
    """Return whether a plug-in of this process has put something on a GPU."""
    return _torch_on_gpu() or runtimes.onnx_on_gpu()


def _torch_on_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()


def gpu() -> int | None:
    """Return CUDA's number of the GPU that this process computes on; None for the CPU."""
    return gpus.index(hardware.hardware().device) if on_gpu() else None


def peak_vram_mib() -> float | None:
    """Return the most memory of one GPU that PyTorch held at once in this process, in MiB.

    Returns None if it held none (onnxruntime does not tell).
    """
    if not _torch_on_gpu():
        return None
    cuda = sys.modules["torch"].cuda
    return max(cuda.max_memory_allocated(number) for number in range(cuda.device_count())) / 2**20


def prepare_torchvision() -> None:
    """Make `import torchvision` work beside a CPU-only PyTorch.

    Libraries such as timm, facenet-pytorch and facetorch import it. Such a pair raises "operator
    torchvision::nms does not exist", because its compiled operators do not load although its Python
    registers their shapes. Declaring the two operators is enough to import; nothing here calls
    them.
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
    """A PyTorch network as a `faceoff.inference.runtimes.Runtime`.

    Outputs come back as float32 arrays. `module` is the network itself.

    batch: the exact size of batches, of which the last one is padded; None computes all rows at
    once, unpadded.

    more_on_gpu: `batch` suits a CPU; a GPU computes `hardware.GPU_BATCH` together, if that is more.

    channels_last: computes pictures up to twice as fast. Not for graphs of others, whose `view`
    after a convolution may only hold for channels first.
    """

    def __init__(
        self, network: Any, batch: int | None, more_on_gpu: bool = False, channels_last: bool = True
    ):
        import torch

        # a frozen TorchScript graph has neither
        first = next(chain(network.parameters(), network.buffers()), None)
        self._device = torch.device(torch_device()) if first is None else first.device
        self.module, self._channels_last = network, channels_last
        self._batch = (
            None
            if batch is None
            else hardware.batch_size(batch, more_on_gpu and self._device.type == "cuda")
        )

    @property
    def convolutions(self) -> dict[str, Any]:
        """Return the network's parts that are convolutions of pictures, by name, in its order.

        There are none in a TorchScript graph, whose parts cannot be looked into.
        """
        import torch

        if isinstance(self.module, torch.jit.ScriptModule):
            return {}
        parts = self.module.named_modules()
        return {name: part for name, part in parts if isinstance(part, torch.nn.Conv2d)}

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
            given = self.module(rows.to(self._device, memory_format=layout, non_blocking=True))
            outputs = given if isinstance(given, (tuple, list)) else (given,)
            for output in outputs:
                if not isinstance(output, torch.Tensor):
                    raise ValueError(
                        f"the network returns a {type(output).__name__}; tensors are expected"
                    )
        return [output.float().cpu().numpy() for output in outputs]
