"""Derive the seed of each random choice from the training's seed and its place.

No state of a random generator has to be saved: a training that goes on at step t draws what it
would have drawn.
"""

import hashlib


def derived(seed: int, *place: str | int) -> int:
    """Return a seed of 63 bits that depends on the training's seed and on every part of a place."""
    text = ":".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
