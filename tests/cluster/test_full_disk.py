"""Test a disk that fills in the middle of a run.

The run says so, leaves no half-written file, and goes on when there is space again.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import runs

pytestmark = pytest.mark.slow

PREDICTIONS = "results/small/predictions/posed/whole/fer.parquet"


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """Mount a disk of 1 MiB, less than the frames need; return its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_space(disk, local):
    stopped = runs.run(disk, runs.MATRIX, PREDICTIONS)
    assert stopped.returncode != 0
    assert "the disk is full or the quota used up; make space and run again" in stopped.stdout
    assert "results/small/frames/posed.parquet" in stopped.stdout
    assert not list((disk / "results").rglob(".*.tmp"))
    assert not (disk / "results/small/frames/posed.parquet").exists()

    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    resumed = runs.run(disk, runs.MATRIX, PREDICTIONS)
    assert resumed.returncode == 0, resumed.stdout[-3000:]
    assert "samples" not in runs.jobs(resumed.stdout)
    made, whole = runs.digests(disk), runs.digests(local)
    assert PREDICTIONS in made
    assert made == {name: whole[name] for name in made}
