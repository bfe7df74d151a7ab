"""Measure what running costs.

    python benchmarks/run.py [--folder FOLDER] [--only default|noop|ferplus|memory]

Time the default run, a rerun with nothing to do and one FER+ cell, and compare the peak memory of
few and many pictures. Figures depend on the machine; the last column says what should hold
anywhere.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from faceoff.media.images import encode_png  # noqa: E402
from faceoff.plan.config_files import read  # noqa: E402
from faceoff.plan.job_specs import Plan  # noqa: E402
from faceoff.plugins.jobs import Job  # noqa: E402
from faceoff.storage import columns, parquet  # noqa: E402


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the wall seconds of a command that must succeed, and its peak memory.

    The memory is the peak resident MiB of the largest process.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}\n{output.decode()[-2000:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def snakemake(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run the workflow in a folder; return seconds and peak memory."""
    profile = ROOT / "profiles" / "default"
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--workflow-profile",
        str(profile),
        *arguments,
    ]
    return measured([*command, "--directory", str(folder)], folder)


def frames_of(n: int, path: Path) -> None:
    """Write a frames table of n random grey 48-pixel pictures, as FER+ has them."""
    random = np.random.default_rng(0)

    def rows():
        for index in range(n):
            pixels = np.repeat(random.integers(0, 256, (48, 48, 1), dtype=np.uint8), 3, axis=2)
            key = {
                "sample_id": f"s{index}",
                "frame": 0,
                "timestamp_s": 0.0,
                "state": "ok",
                "width": 48,
                "height": 48,
            }
            yield key | {"image": {"bytes": encode_png(pixels), "path": f"{index}.png"}}

    parquet.write_rows(path, columns.FRAMES, rows())


def memory(folder: Path, n: int) -> tuple[float, float]:
    """Return (images/s, peak MiB) on n pictures.

    `whole` detects and `fer` predicts.
    """
    plan = Plan(read(ROOT / "config.yaml").model_dump(mode="json"))
    frames, faces = folder / f"frames{n}.parquet", folder / f"faces{n}.parquet"
    output = folder / f"predictions{n}.parquet"
    frames_of(n, frames)
    common = ["--frames", str(frames), "--timing", str(folder / "timing.json")]

    def script(name: str, job: Job, *options: str) -> tuple[float, float]:
        command = [sys.executable, str(SCRIPTS / f"{name}.py"), *common, *options]
        return measured([*command, "--spec", job.to_json()], folder)

    detect = script("detect", plan.detect_job("posed", "whole"), "--output", str(faces))
    job = plan.predict_job("posed", "whole", "fer")
    predict = script("predict", job, "--faces", str(faces), "--output", str(output))
    return n / (detect[0] + predict[0]), max(detect[1], predict[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--only", choices=["default", "noop", "ferplus", "memory"])
    arguments = parser.parse_args()
    table = Table("what", "measured", "should be", title=f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.only in (None, "default", "noop"):
            table.add_row(
                "default run, environment ready",
                f"{snakemake(folder)[0]:.1f} s",
                "<= 75 s on two cores",
            )
            table.add_row("rerun with nothing to do", f"{snakemake(folder)[0]:.1f} s", "<= 4 s")
        if arguments.only in (None, "ferplus") and os.environ.get("FACEOFF_DATA"):
            target = [
                "results/ferplus/scores/ferplus/whole/pd_best.json",
                "--configfile",
                str(ROOT / "configs/ferplus.yaml"),
            ]
            table.add_row(
                "FER+ test x whole x pd_best, to its score",
                f"{snakemake(folder, *target)[0]:.1f} s",
                "<= 30 s",
            )
            predictions = folder / "results/ferplus/predictions/ferplus"
            timing = json.loads((predictions / "whole/pd_best.timing.json").read_text())
            table.add_row("  of it, reading emotions", f"{timing['items_per_s']:.0f} images/s", "")
        if arguments.only in (None, "memory"):
            small, large = memory(folder, 1_000), memory(folder, 30_000)
            table.add_row("peak memory, 1,000 pictures", f"{small[1]:.0f} MiB", "")
            table.add_row(
                "peak memory, 30,000 pictures",
                f"{large[1]:.0f} MiB, x {large[1] / small[1]:.2f}",
                "x <= 1.10",
            )
            table.add_row("detect + predict, 30,000 pictures", f"{large[0]:.0f} images/s", "")
    Console().print(table)


if __name__ == "__main__":
    main()
