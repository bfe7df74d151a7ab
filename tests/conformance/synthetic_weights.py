"""Seeded weights for a network whose real ones are not at hand, the same on every machine and in
any framework: each array by its own name.
"""

import hashlib
import zlib
from collections.abc import Mapping

import numpy as np


def array(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """He-scaled kernels, normalisations near one, small biases."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        return rng.normal(0, 0.1, shape).astype(np.float32)
    return rng.normal(0, np.sqrt(1 / np.prod(shape[1:])), shape).astype(np.float32)


def state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Arrays for these names and shapes."""
    return {name: array(name, tuple(shape)) for name, shape in shapes.items()}


def fingerprint(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """sha256 of the sorted names and shapes: what a state dict must have to load key for key."""
    lines = "\n".join(f"{name} {tuple(shape)}" for name, shape in sorted(shapes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def picture(side: int, seed: int = 5) -> np.ndarray:
    """(side, side, 3) uint8: smooth blotches, so that a network sees structure."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.float64)
    at = np.linspace(0, 7, side)
    low = np.minimum(at.astype(int), 6)
    share = at - low
    rows = coarse[low] * (1 - share)[:, None, None] + coarse[low + 1] * share[:, None, None]
    blended = rows[:, low] * (1 - share)[None, :, None] + rows[:, low + 1] * share[None, :, None]
    return blended.round().astype(np.uint8)
