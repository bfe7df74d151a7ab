"""Measure how fast one core makes pictures worse.

    python benchmarks/corruptions.py [--sides 48 224 512] [--seconds 0.1]

Each picture shows a drawn face that fills it, at every severity in turn; random streams are made
anew for each, as in a run. Clips count their pictures. Figures depend on the machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Corruption, Seen, generators
from faceoff.drawing import scenes

CLIP = 50  # pictures


def one_round(name: str, made: Corruption, image: np.ndarray) -> Callable[[], int]:
    """Return a function that applies every severity once and returns how many pictures it made."""
    side = float(image.shape[0])
    box = (0.0, 0.0, side, side)
    options = {**made.options, "allow_upscale": True} if name == "resize" else made.options

    def apply() -> int:
        pictures = 0
        for severity, value in enumerate(made.levels, 1):
            seen = Seen(box, None, *generators(0, "sample", pictures, name, severity))
            if made.on == "clip":
                clip = islice(cycle([image, np.ascontiguousarray(image[:, ::-1])]), CLIP)
                pictures += sum(1 for _ in made.apply(clip, value, seen, options))
            else:
                made.apply(box if made.on == "box" else image, value, seen, options)
                pictures += 1
        return pictures

    return apply


def rate(apply: Callable[[], int], seconds: float) -> float:
    """Return pictures per second of the fastest of three spells."""
    apply()
    best = 0.0
    for _ in range(3):
        made, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            made += apply()
        best = max(best, made / (time.perf_counter() - start))
    return best


def main() -> None:
    """Print a row for each corruption."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", nargs="+", type=int, default=[48, 224, 512], metavar="PX")
    parser.add_argument("--seconds", type=float, default=0.1)
    told = parser.parse_args()
    cv2.setNumThreads(1)
    face = scenes.draw(scenes.plan("test")[3])[0]
    table = Table("corruption", *(f"{side} px" for side in told.sides), title="pictures per second")
    for name in corruption_list.names():
        made = corruption_list.get(name)
        rates = (
            rate(one_round(name, made, cv2.resize(face, (side, side))), told.seconds)
            for side in told.sides
        )
        table.add_row(name, *(f"{number:,.0f}" for number in rates))
    Console().print(table)


if __name__ == "__main__":
    main()
