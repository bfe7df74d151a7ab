"""Choose this process's own GPU among several, and find the driver's name of it.

This module imports no framework, and loads no library on a machine without a GPU. Numbers are
CUDA's: positions in CUDA_VISIBLE_DEVICES, which differ from nvidia-smi's and NVML's.
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
    """Return a name for each GPU that CUDA shows to this process, in its order.

    The names are the entries of CUDA_VISIBLE_DEVICES, else the numbers of the device files. As for
    CUDA, the list ends at the first entry that is neither a number nor a UUID: empty, -1, Slurm's
    NoDevFiles.
    """
    told = environment.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return list(takewhile(_ENTRY.fullmatch, (entry.strip() for entry in told.split(","))))
    numbers = (path.name.removeprefix("nvidia") for path in device_files.glob("nvidia[0-9]*"))
    return sorted((number for number in numbers if number.isdigit()), key=int)


def index(device: str, count: int | None = None) -> int:
    """Return the number of the GPU that a job with this `device` computes on.

    It is N of "cuda:N", else that of this process's own GPU. count: the number of GPUs that the
    framework sees, if it was asked; else all visible ones.
    """
    asked = device.partition(":")[2]
    return int(asked) if asked else _own(count)


# The file stays open, and thus locked, until the process ends.
_claimed: tuple[int, TextIO | None] | None = None


def _own(count: int | None) -> int:
    """Return this process's own GPU, the same for the life of the process.

    Each of several processes takes a GPU that no other has; once all are taken, they are shared.
    """
    global _claimed
    if _claimed is None:
        names = visible()[:count]
        names += [str(number) for number in range(len(names), count or 0)]  # no device files: WSL
        _claimed = _claim(names) if len(names) > 1 else (0, None)
    return _claimed[0]


def _claim(names: Sequence[str]) -> tuple[int, TextIO | None]:
    """Return the first GPU whose file could be locked, with that file.

    The kernel unlocks the file however the process ends. If all are taken, the process's number
    chooses one.
    """
    # Where Slurm hides other jobs' GPUs, it numbers every job's from 0.
    allocation = os.environ.get("SLURM_JOB_ID", "")
    folder = Path(tempfile.gettempdir()) / f"faceoff-gpus-{os.getuid()}"
    for number, name in enumerate(names):
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            lock = folder / f"{allocation}.{name.replace('/', '_')}"
            # It stays open until the process ends.
            file = open(lock, "a", encoding="utf-8")  # noqa: SIM115
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
    """Return the device of a process for a timing.

    It is "cuda (the GPU's name)", "cuda" if the driver does not tell, "cpu" for None.
    """
    if number is None:
        return "cpu"
    text = ctypes.create_string_buffer(128)
    driver, device = _driver(number)
    told = driver is not None and driver.cuDeviceGetName(text, len(text), device) == 0
    return f"cuda ({text.value.decode(errors='replace')})" if told else "cuda"


def identifier(number: int) -> str | None:
    """Return the GPU's UUID as NVML and nvidia-smi write it; None if the driver does not tell."""
    octets = (ctypes.c_ubyte * 16)()
    driver, device = _driver(number)
    told = driver is not None and driver.cuDeviceGetUuid(octets, device) == 0
    return f"GPU-{uuid.UUID(bytes=bytes(octets))}" if told else None


def _driver(number: int) -> tuple[ctypes.CDLL | None, ctypes.c_int]:
    """Return CUDA's driver and its handle of a GPU; None without a driver or such a GPU."""
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
