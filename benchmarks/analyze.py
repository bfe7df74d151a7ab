"""Measure how fast `faceoff analyze` reads a video, decoding included.

    .venv-full/bin/python benchmarks/analyze.py VIDEO… [--model NAME]

Prints for each video its size, frames, seconds and frames per second, the better of two passes, and
the peak of the process's memory.
"""

import argparse
import resource
from pathlib import Path

from faceoff import Analyzer

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--detector", default="mediapipe_short")
    parser.add_argument("--model", action="append")
    asked = parser.parse_args()
    analyzer = Analyzer(asked.detector, asked.model or ["faceoff_small"])
    for video in asked.videos:
        found = min((analyzer.analyze(video) for _ in range(2)), key=lambda run: run.seconds)
        head = found.to_json()["video_metadata"]
        rate = head["frames"] / found.seconds
        print(
            f"{video.name}: {head['width']} x {head['height']}, {head['frames']} frames in "
            f"{found.seconds:.2f} s, {rate:.1f} frames/s"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MiB")
