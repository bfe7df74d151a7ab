"""Which GPU is this process's own where it may use several, and what the driver calls it. Imports no framework, and loads no library where there is no GPU.

Numbers are CUDA's: places in what CUDA_VISIBLE_DEVICES leaves over, which are neither nvidia-smi's nor NVML's.
"""

import ctypes
import fcntl
import os
import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TextIO

_DEVICE_FILES = Path("/dev")
_ENTRY = re.compile(r"\d+|(GPU|MIG)-.+")


def visible(
    environment: Mapping[str, str] = os.environ, device_files: Path = _DEVICE_FILES
) -> list[str]:
    """A name for each GPU that CUDA shows to this process, in its order: the entries of CUDA_VISIBLE_DEVICES, else the numbers of the device files.

    As for CUDA, the list ends at the first entry that is neither a number nor a UUID: empty, -1, Slurm's NoDevFiles.
    """
    told = environment.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return list(takewhile(_ENTRY.fullmatch, (entry.strip() for entry in told.split(","))))
    numbers = (path.name.removeprefix("nvidia") for path in device_files.glob("nvidia[0-9]*"))
    return sorted((number for number in numbers if number.isdigit()), key=int)


def index(device: str, count: int | None = None) -> int:
    """The number of the GPU that a job told `device` computes on: N of "cuda:N", else that of this process's own.

    count: how many GPUs the framework sees, where it has been asked; else all that are visible.
    """
    asked = device.partition(":")[2]
    return int(asked) if asked else _own(count)


_claimed: tuple[int, TextIO | None] | None = (
    None  # the file stays open, and so locked, until the process ends
)


def _own(count: int | None) -> int:
    """The same for the life of the process. Where several processes work, each takes a GPU that no other has; once all are taken, they are shared."""
    global _claimed
    if _claimed is None:
        names = visible()[:count]
        names += [str(number) for number in range(len(names), count or 0)]  # no device files: WSL
        _claimed = _claim(names) if len(names) > 1 else (0, None)
    return _claimed[0]


def _claim(names: Sequence[str]) -> tuple[int, TextIO | None]:
    """The first GPU whose file could be locked, with that file; the kernel unlocks it however the process ends. All taken: one by the process's number."""
    # Where Slurm hides other jobs' GPUs, it numbers every job's from 0.
    allocation = os.environ.get("SLURM_JOB_ID", "")
    folder = Path(tempfile.gettempdir()) / f"faceoff-gpus-{os.getuid()}"
    for number, name in enumerate(names):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            file = open(folder / f"{allocation}.{name.replace('/', '_')}", "a", encoding="utf-8")  # noqa: SIM115 - it stays open until the process ends
        except OSError:
            break
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        return number, file
    return os.getpid() % len(names), None


def described(number: int | None) -> str:
    """What a process computes on, for a timing: "cuda (the GPU's name)", "cuda" where the driver does not tell, "cpu" for None."""
    if number is None:
        return "cpu"
    text = ctypes.create_string_buffer(128)
    driver, device = _driver(number)
    found = driver is not None and driver.cuDeviceGetName(text, len(text), device) == 0
    return f"cuda ({text.value.decode(errors='replace')})" if found else "cuda"


def identifier(number: int) -> str | None:
    """The GPU's UUID as NVML and nvidia-smi write it; None where the driver does not tell."""
    octets = (ctypes.c_ubyte * 16)()
    driver, device = _driver(number)
    found = driver is not None and driver.cuDeviceGetUuid(octets, device) == 0
    return f"GPU-{uuid.UUID(bytes=bytes(octets))}" if found else None


def _driver(number: int) -> tuple[ctypes.CDLL | None, ctypes.c_int]:
    """CUDA's driver and its handle of a GPU; None where there is no driver or no such GPU."""
    device = ctypes.c_int()
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None, device
    sound = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGet(ctypes.byref(device), ctypes.c_int(number)) == 0
    )
    return driver if sound else None, device
