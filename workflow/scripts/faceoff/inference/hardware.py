"""Hold the hardware settings of a job, and tell a failing machine from a bad picture."""

import errno
import os
import re
import sys
from dataclasses import dataclass, replace

BATCH = 64
# The batch of networks that leave it to the device: the number of pictures that `predict` passes.
GPU_BATCH = 64


@dataclass(frozen=True)
class Hardware:
    """The hardware settings of a job.

    device: auto (a GPU if there is one), cpu, cuda or cuda:N.

    precision: float32, or the type in which a network may compute its intermediate values.

    batch: the number of pictures that networks compute together; None takes the number that each
    declares. A row's last bits depend on it, so only timing sets it.
    """

    device: str = "auto"
    precision: str = "float32"
    batch: int | None = None


DEVICE = r"^(auto|cpu|cuda(:\d+)?)$"
_set = Hardware()


def set_hardware(hardware: Hardware) -> None:
    """Set what the plug-ins of this process compute on; called before one is constructed."""
    global _set
    _set = hardware


def hardware() -> Hardware:
    """Return this process's settings.

    FACEOFF_DEVICE, if set, overrides the configuration's `device`.
    """
    return replace(_set, device=os.environ.get("FACEOFF_DEVICE") or _set.device)


class MachineError(RuntimeError):
    """A failure of the machine, not of a picture.

    The same pictures have an answer on another try or another machine.
    """


class DeviceError(MachineError):
    """The configuration asks for a device that is not here; the message says what to do."""


# The words of libraries whose exception's type does not tell: CUDA, TorchScript's interpreter (any
# C++ exception is a RuntimeError there), PyTorch's and onnxruntime's allocators, cuDNN and cuBLAS,
# OpenCV, C++ itself. A bare "cudnn" is not among them, because TorchScript quotes source lines such
# as `torch.backends.cudnn.enabled`.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate memory|can(?:'t|not) allocate "
    r"memory|_ALLOC_FAILED|insufficient memory|bad_alloc",
    re.IGNORECASE,
)
_GPU_FAILED = re.compile(
    r"(?:CUDA|cuDNN|cuBLAS|cuFFT|HIP) (?:error|failure)|(?:CUDNN|CUBLAS)_STATUS_|unable to find "
    r"an engine to execute",
    re.IGNORECASE,
)
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}  # and files enough open


def check_device(device: str) -> None:
    """Raise ValueError for a word that names no device."""
    if not re.fullmatch(DEVICE, device):
        raise ValueError(f"no device {device!r}: auto, cpu, cuda or cuda:N")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, a GPU's or the host's; fewer rows at a time may fit."""
    return isinstance(error, (MemoryError, *_of_torch("OutOfMemoryError"))) or bool(
        _OUT_OF_MEMORY.search(str(error))
    )


def is_of_the_machine(error: BaseException) -> bool:
    """Return whether the machine failed (memory, GPU error, full disk), not the picture."""
    if isinstance(error, (MachineError, *_of_torch("AcceleratorError"))) or (
        isinstance(error, OSError) and error.errno in _DISK_FULL
    ):
        return True
    return is_out_of_memory(error) or bool(_GPU_FAILED.search(str(error)))


def _of_torch(name: str) -> tuple[type[BaseException], ...]:
    """Return PyTorch's exception of that name, if PyTorch is loaded and has it."""
    torch = sys.modules.get("torch")
    return (getattr(torch, name),) if hasattr(torch, name) else ()


def threads() -> int:
    """Return the number of threads that the rule gave this job (OMP_NUM_THREADS), else one."""
    return int(os.environ.get("OMP_NUM_THREADS") or 1)


def batch_size(declared: int, on_gpu: bool = False) -> int:
    """Return how many pictures a network computes together.

    It is the number that the network declares, unless this job has another setting. Call this while
    the plug-in is constructed.

    on_gpu: the network computes on a GPU and its number suits a CPU, so GPU_BATCH is the least.
    """
    return _set.batch or (max(declared, GPU_BATCH) if on_gpu else declared)
