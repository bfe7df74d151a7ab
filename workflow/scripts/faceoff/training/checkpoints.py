"""Save the state of a training so that a killed one goes on and ends with the same weights.

A checkpoint is one file: the sha256 of the state, then the state. It is opened only if they agree.
"""

import hashlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from faceoff.storage import files

_DIGITS = 64


def save(path: Path, job: str, state: dict[str, Any]) -> None:
    """Write a training's state with the job that it belongs to, atomically.

    Raises OSError with a readable message if the disk is full; the state before it stays.
    """
    buffer = io.BytesIO()
    torch.save({"job": job, "state": state}, buffer)
    content = buffer.getvalue()
    with files.atomic(path) as scratch:
        scratch.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)


def load(path: Path, job: str) -> dict[str, Any] | None:
    """Return the last state of the same job, or None: there is none, or it is another job's.

    A damaged file is named and not opened; the training begins anew.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    digest, content = content[:_DIGITS], content[_DIGITS:]
    if hashlib.sha256(content).hexdigest().encode() != digest:
        print(f"{path}: damaged; the training begins anew", file=sys.stderr)
        return None
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if stored["job"] != job:
        print(f"{path}: of other settings or pictures; the training begins anew", file=sys.stderr)
        return None
    state: dict[str, Any] = stored["state"]
    return state


def identity(job: str, arrays: Iterable[npt.NDArray[Any]]) -> str:
    """Return a hash of the settings of a training and of all its data."""
    digest = hashlib.sha256(job.encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
