"""Measure how many seconds of sound segmenters and prosody read in a second of one core.

    .venv-full/bin/python benchmarks/speech.py [--minutes 5]

The sound is drawn: voices of harmonics with pauses. Rates are of one process with one thread, so
compare them within one run.
"""

import argparse
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from faceoff.assets import fetch
from faceoff.media.sound import RATE
from faceoff.plugins import registry
from faceoff.speech import prosody


def talk(seconds: float) -> np.ndarray:
    """Return drawn speech: 1.2 s of voice, 0.4 s of pause, in turn."""
    random = np.random.default_rng(0)
    times = np.arange(round(seconds * RATE)) / RATE
    hertz = 160 + 40 * np.sin(2 * np.pi * times / 7)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 9)) / 2
    speaks = (times % 1.6) < 1.2
    noise = 0.002 * random.standard_normal(len(times))
    return (0.2 * tone * speaks + noise).astype(np.float32)


def measure(minutes: float) -> None:
    """Print a line for each segmenter and for the features of `prosody`."""
    sound = talk(60 * minutes)
    print(f"{minutes:g} minutes of drawn speech, one thread")
    for name in registry.names("segmenter"):
        plugin = registry.get("segmenter", name)
        if (
            name in ("clip", "given")
            or plugin.skip()
            or not all(map(fetch.is_there, plugin.assets.values()))
        ):
            continue
        files = {role: fetch.fetch(asset) for role, asset in plugin.assets.items()}
        segmenter = registry.load(plugin.source, plugin.class_name)(plugin.job().card, files)
        segmenter.segment(sound[:RATE])
        start = time.perf_counter()
        found = segmenter.segment(sound)
        rate = 60 * minutes / (time.perf_counter() - start)
        print(f"{name:10} {rate:8.0f} x real time   {len(found)} segments")
    prosody.features(sound[:RATE])
    pieces = [sound[place : place + 3 * RATE] for place in range(0, len(sound), 3 * RATE)]
    start = time.perf_counter()
    for piece in pieces:
        prosody.features(piece)
    print(f"{'prosody':10} {60 * minutes / (time.perf_counter() - start):8.0f} x real time")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    measure(parser.parse_args().minutes)
