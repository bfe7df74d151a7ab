"""Measure how fast `faceoff analyze` reads a video, decoding included, and its memory.

    .venv-full/bin/python benchmarks/analyze.py VIDEO… [--model NAME]
    .venv-full/bin/python benchmarks/analyze.py --drawn MINUTES

Prints for each video its size, frames, seconds and frames per second, the better of two passes, and
the peak of the process's memory. With --drawn, a drawn video of that length (25 frames per second,
two people) is read once, all files are written, and the peak is printed after either.
"""

import argparse
import resource
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from faceoff import Analyzer
from faceoff.analysis import outputs
from faceoff.drawing import clips
from faceoff.drawing.video import write_video
from faceoff.faces.resampling import resize

FPS = 25
HEIGHT = 240


def peak(when: str) -> None:
    """Print the most memory that this process had so far."""
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {when}: {mib:.0f} MiB", flush=True)


def drawn(count: int) -> Iterator[np.ndarray]:
    """Yield so many pictures of a drawn clip of two people, forwards and backwards in turn."""
    clip = next(clip for clip in clips.plan("test") if len(clip.cast) == 2)
    pictures = [image for _, image, _ in clips.frames(clip)]
    size = (HEIGHT, 2 * round(pictures[0].shape[1] / pictures[0].shape[0] * HEIGHT / 2))
    pictures = [resize(image, size) for image in pictures]
    yield from islice(cycle([*pictures, *reversed(pictures)]), count)


def told(analyzer: Analyzer, video: Path, passes: int) -> None:
    """Print how fast a video is read, and write its files where it is read once."""
    found = min((analyzer.analyze(video) for _ in range(passes)), key=lambda run: run.seconds)
    head = found.head()["video_metadata"]
    rate = head["frames"] / found.seconds
    print(
        f"{video.name}: {head['width']} x {head['height']}, {head['frames']} frames in "
        f"{found.seconds:.2f} s, {rate:.1f} frames/s",
        flush=True,
    )
    if passes == 1:
        peak("after reading")
        for kind in outputs.KINDS:
            outputs.write(found, video.parent / "out", [kind])
            peak(f"after {kind}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--drawn", type=float, metavar="MINUTES")
    parser.add_argument("--detector", default="mediapipe_short")
    parser.add_argument("--model", action="append")
    asked = parser.parse_args()
    analyzer = Analyzer(asked.detector, asked.model or ["faceoff_small"])
    for video in asked.videos:
        told(analyzer, video, passes=2)
    if asked.videos:
        peak("of all")
    if asked.drawn:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drawn.mp4"
            write_video(path, drawn(round(60 * FPS * asked.drawn)), FPS)
            told(analyzer, path, passes=1)
