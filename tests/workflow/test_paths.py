"""Test that a run does not depend on where the checkout lies."""

import shutil
import subprocess

import pytest

import runs

pytestmark = pytest.mark.slow


def test_a_checkout_in_a_folder_with_a_space_and_a_quote(tmp_path):
    checkout = tmp_path / "it's a checkout"
    for name in ("workflow", "envs", "profiles"):
        shutil.copytree(
            runs.ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(runs.ROOT / "Snakefile", checkout)
    command = runs.command(tmp_path / "run", runs.SMALL)
    command = [
        command[0],
        *(part.replace(str(runs.ROOT), str(checkout)) for part in command[1:]),
        "results/small/faces/posed/whole.parquet",
    ]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=runs.environment(),
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "run/results/small/faces/posed/whole.parquet").is_file()
