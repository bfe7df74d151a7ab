"""Time how long a dry-run and a single small job take, here and in another revision, in turns.

python benchmarks/startup.py --against v0.1

A dry-run reads the configuration, hashes the code and plans every job; a small job imports its
stage and writes a few rows. CPU seconds count, as other work on the machine does not change them.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
JOBS = {
    "dry-run": ["-m", "snakemake", "--dry-run", "--quiet", "all"],
    "faceoff --help": ["-m", "faceoff.cli", "--help"],
    "import of score": ["workflow/scripts/score.py", "--help"],
    "import of predict": ["workflow/scripts/predict.py", "--help"],
    "import of report": ["workflow/scripts/report.py", "--help"],
}


def cpu_seconds(checkout: Path, arguments: list[str]) -> float:
    """Return the CPU seconds that Python takes for these arguments in a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    scripts = str(checkout / "workflow" / "scripts")
    subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": scripts},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main() -> None:
    """Print a row for each job: CPU seconds here, there, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", default="HEAD", help="the revision to compare with")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "there"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(there)], check=True)
        subprocess.run(["git", "-C", str(there), "checkout", "-q", options.against], check=True)
        print(f"{'':20} {'here':>8} {options.against[:8]:>8} {'ratio':>6}   CPU s, median of turns")
        for name, arguments in JOBS.items():
            turns = [
                (cpu_seconds(ROOT, arguments), cpu_seconds(there, arguments))
                for _ in range(options.turns)
            ]
            here, other = (median(column) for column in zip(*turns, strict=True))
            print(f"{name:20} {here:8.2f} {other:8.2f} {here / other:6.2f}")


if __name__ == "__main__":
    main()
