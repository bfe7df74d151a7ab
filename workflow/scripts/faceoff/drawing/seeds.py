"""Random streams named by words, the same on every machine and in every order of calls."""

import hashlib

import numpy as np


def stream(*words: object) -> np.random.Generator:
    """Return a PCG64 generator seeded by SHA-256 of the words, e.g. ``stream("identity", 3)``.

    Python's ``hash`` is salted and so not used.
    """
    digest = hashlib.sha256("|".join(str(word) for word in words).encode()).digest()
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest[:16], "big")))
    )


def within(low: float, high: float, rng: np.random.Generator) -> float:
    """Return a uniform number of [low, high)."""
    return float(low + (high - low) * rng.random())


def either_way(low: float, high: float, rng: np.random.Generator) -> float:
    """Return a uniform number of [low, high), or its negative."""
    return within(low, high, rng) * (1 if rng.random() < 0.5 else -1)
