"""Measure the energy of the processor package and the GPUs.

The counters are the kernel's (Linux powercap) and NVML's; they count all that runs on the device.
"""

from contextlib import suppress
from pathlib import Path

from faceoff.inference import gpus

PACKAGE = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


class Meter:
    """Counts from its construction on."""

    def __init__(self) -> None:
        self._package, self._gpus = _package_uj(), _gpus_mj()

    def joules(self, gpu: int | None) -> float | None:
        """Return the energy that the package has drawn since, plus that of one GPU.

        gpu: CUDA's number; None if the job computes on the CPU alone. Returns None if one of the
        two cannot be read (on many machines only root may read the package's) or has restarted.
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
    """Return the package's counter in microjoules; None if it is absent or unreadable."""
    try:
        return int(PACKAGE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _gpus_mj() -> dict[str, int]:
    """Return the counter in millijoules of each GPU that has one (since Volta), by UUID.

    NVML ignores CUDA_VISIBLE_DEVICES, so these are all GPUs of the machine. Returns None without
    the driver or nvidia-ml-py.
    """
    if not gpus.visible():
        return {}
    try:
        import pynvml  # optional: without it a GPU's energy is unknown
    except ImportError:
        return {}
    counters: dict[str, int] = {}
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        for number in range(pynvml.nvmlDeviceGetCount()):
            with suppress(pynvml.NVMLError):
                handle = pynvml.nvmlDeviceGetHandleByIndex(number)
                counters[pynvml.nvmlDeviceGetUUID(handle)] = (
                    pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
                )
        pynvml.nvmlShutdown()
    return counters
