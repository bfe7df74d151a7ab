"""Estimate what large corpora would cost, from the rates that a finished run measured.

    python benchmarks/capacity.py results/RUN [--start-up 10] [--speed-up 1] [--markdown]

Print hours on 1, 8 and 64 workers. The estimate cuts each dataset as `shards: auto` cuts it. Every
shard's detection and prediction is a job of its own that starts (Slurm: about 10 s), loads its
network and works at the run's rate; the workers take the longest jobs first. `--speed-up` is how
much faster a GPU is than the measured core, where you have measured that (benchmarks/gpu.py); 1
gives hours of such cores. The estimate leaves out the time to read frames off the disk.
"""

import argparse
import csv
import heapq
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from printing import show

from faceoff.plan.shards import shards_for

FPS = 5
CORPORA = {
    "AffectNet, 1,000,000 pictures": 1_000_000,
    "VGGFace2, 3,300,000 pictures": 3_300_000,
    "10,000 h of video at 5 frames per second": 10_000 * 3600 * FPS,
}
WORKERS = (1, 8, 64)


def makespan(jobs: list[float], workers: int) -> float:
    """Return the seconds until the last of these jobs (seconds each) ends.

    Each free worker takes the longest job left (Graham 1969).
    """
    free = [0.0] * workers
    for job in sorted(jobs, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + job)
    return max(free)


def jobs_of(
    stages: list[dict[str, str]], pictures: int, start_up: float, speed_up: float
) -> list[float]:
    """Return the seconds of every shard's job of every detector and pair."""
    shards = shards_for(pictures)
    each = [
        start_up + float(row["load_s"]) + pictures / shards / (speed_up * float(row["items_per_s"]))
        for row in stages
    ]
    return [seconds for seconds in each for _ in range(shards)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--start-up",
        type=float,
        default=10.0,
        help="seconds from a job's submission to its first line",
    )
    parser.add_argument(
        "--speed-up", type=float, default=1.0, help="a worker's speed in units of the measured core"
    )
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args()
    with open(arguments.run / "tables" / "speed.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["items_per_s"]]
    # Keep each detector and pair once, from the dataset on which it was measured longest.
    stages = {
        (row["detector"], row["model"]): row
        for row in sorted(rows, key=lambda row: int(row["items"]))
    }
    workers = [f"{count} worker{'s' if count > 1 else ''}, h" for count in WORKERS]
    header = ("corpus", "shards", *workers)
    made = []
    for name, pictures in CORPORA.items():
        jobs = jobs_of(list(stages.values()), pictures, arguments.start_up, arguments.speed_up)
        hours = [f"{makespan(jobs, count) / 3600:,.1f}" for count in WORKERS]
        made.append((name, str(len(jobs) // len(stages)), *hours))
    pairs = sum(1 for _, model in stages if model)
    counts = f"{len(stages) - pairs} detectors, {pairs} pairs of {arguments.run.name}"
    title = f"{counts}; {arguments.speed_up:g} x the measured core"
    show(header, made, title, arguments.markdown)


if __name__ == "__main__":
    main()
