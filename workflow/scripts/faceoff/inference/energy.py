"""What the processor package and the GPUs draw: counters of the kernel (Linux powercap) and of NVML, which count whatever runs on them."""

import ctypes
from pathlib import Path

from faceoff.inference import gpus

PACKAGE = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


class Meter:
    """Counts from its construction on."""

    def __init__(self) -> None:
        self._package, self._gpus = _package_uj(), _gpus_mj()

    def joules(self, gpu: int | None) -> float | None:
        """What the package has drawn since, and with it the GPU of this number (CUDA's; None: the job computes on the CPU alone).

        None where one of the two cannot be read (root alone may read the package's on many machines), or began anew.
        """
        readings = [(self._package, _package_uj(), 1e6)]
        if gpu is not None:
            name = gpus.identifier(gpu) or ""
            readings.append((self._gpus.get(name), _gpus_mj().get(name), 1e3))
        total = 0.0
        for start, end, per_joule in readings:
            if start is None or end is None or end < start:
                return None
            total += (end - start) / per_joule
        return total


def _package_uj() -> int | None:
    """The package's counter in microjoules; None where there is none or root alone may read it."""
    try:
        return int(PACKAGE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _gpus_mj() -> dict[str, int]:
    """The counter of each GPU that has one (since Volta), in millijoules, by UUID. All GPUs of the machine: NVML ignores CUDA_VISIBLE_DEVICES."""
    if not gpus.visible():
        return {}
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        read = nvml.nvmlDeviceGetTotalEnergyConsumption
    except (OSError, AttributeError):  # no driver, or one from before that counter
        return {}
    if nvml.nvmlInit_v2() != 0:
        return {}
    found: dict[str, int] = {}
    count, handle, name, counter = ctypes.c_uint(), ctypes.c_void_p(), ctypes.create_string_buffer(96), ctypes.c_ulonglong()
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for number in range(count.value):
        asked = (
            nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(handle)),
            nvml.nvmlDeviceGetUUID(handle, name, ctypes.c_uint(len(name))),
            read(handle, ctypes.byref(counter)),
        )
        if not any(asked):
            found[name.value.decode()] = counter.value
    nvml.nvmlShutdown()
    return found
