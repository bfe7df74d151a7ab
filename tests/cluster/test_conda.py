"""Test `snakemake --use-conda` as the README has it.

Every rule runs in the environment of its own file and gives the same bytes as in one environment.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runs

pytestmark = pytest.mark.slow

STAND_IN = Path(__file__).with_name("stand_in_conda.py")
REPORT = "results/small/report.html"


@pytest.fixture
def with_conda(tmp_path) -> str:
    """Return a PATH with the stand-in for conda first."""
    folder = tmp_path / "conda/bin"
    folder.mkdir(parents=True)
    shutil.copy(STAND_IN, folder / "conda.py")
    (folder / "conda").write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/conda.py "$@"\n')
    (folder / "conda").chmod(0o755)
    (folder / "activate").write_text('source "$1/bin/activate"\n')
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_every_rule_in_its_own_environment_gives_the_same_bytes(with_conda, local, tmp_path):
    runs.command(tmp_path, runs.MATRIX)  # writes config.yaml
    snakefile = ["--snakefile", str(runs.ROOT / "Snakefile")]
    command = [str(runs.SNAKEMAKE), *snakefile, "--cores", "2", "--use-conda"]
    environment = runs.environment() | {"PATH": with_conda}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    made = {
        path.read_text().partition("\n")[0]
        for path in (tmp_path / ".snakemake/conda").glob("*.yaml")
    }
    assert made == {
        (runs.ROOT / f"envs/{name}.yaml").read_text().partition("\n")[0]
        for name in ("core", "onnx", "mediapipe")
    }
    results = [
        {name: digest for name, digest in runs.digests(folder).items() if name != REPORT}
        for folder in (tmp_path, local)
    ]
    assert results[0] == results[1]
    # The page names the packages' versions, those of the environment that wrote it.
    pages = [
        re.sub(r"<dd>[^<]*numpy[^<]*</dd>", "", (folder / REPORT).read_text())
        for folder in (tmp_path, local)
    ]
    assert pages[0] == pages[1]


def test_a_package_that_the_env_file_forgets_is_missed(with_conda, tmp_path):
    (tmp_path / "env.yaml").write_text(
        "channels: [conda-forge]\ndependencies: [python=3.11, {pip: [rich]}]\n"
    )
    create = ["conda", "env", "create", "--quiet", "--no-default-packages"]
    create += ["--file", str(tmp_path / "env.yaml"), "--prefix", str(tmp_path / "made")]
    subprocess.run(create, check=True, env=os.environ | {"PATH": with_conda})
    python = str(tmp_path / "made/bin/python")
    assert subprocess.run([python, "-c", "import rich, pygments"], check=False).returncode == 0
    absent = subprocess.run([python, "-c", "import numpy"], check=False, stderr=subprocess.DEVNULL)
    assert absent.returncode != 0
