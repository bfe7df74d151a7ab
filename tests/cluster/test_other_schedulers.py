"""Test the profiles of SGE, LSF and PBS against stand-ins for their commands.

Also test the settings that every profile must have.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import runs

STAND_IN = Path(__file__).with_name("stand_in_scheduler.sh")
SNAKEMAKE = runs.ROOT / ".venv-cluster/bin/snakemake"
PROFILES = sorted(runs.ROOT.glob("profiles/*/config.yaml"))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_every_profile_resumes_without_snakemakes_own_lock(profile):
    settings = yaml.safe_load(profile.read_text())
    for name in ("nolock", "rerun-incomplete", "keep-going", "show-failed-logs"):
        assert settings[name] is True, name
    assert settings.get("latency-wait") == (None if profile.parent.name == "default" else 60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "commands", "asked"),
    [
        ("sge", ["qsub", "qstat", "qacct", "qdel"], "-pe smp 1 -l h_vmem={mem}M -l h_rt={seconds}"),
        (
            "lsf",
            ["bsub", "bjobs", "bkill"],
            "-n 1 -R span[hosts=1] rusage[mem={mem}MB] -M {mem}MB -W {minutes}",
        ),
        ("pbs", ["qsub", "qstat", "qdel"], "-l select=1:ncpus=1:mem={mem}mb -l walltime={seconds}"),
    ],
)
def test_a_killed_job_is_sent_again_with_twice_the_memory_and_time_and_a_late_file_is_waited_for(
    name, commands, asked, local, tmp_path
):
    if not SNAKEMAKE.exists():
        pytest.skip("no .venv-cluster (`make cluster`)")
    for command in commands:
        shutil.copy(STAND_IN, tmp_path / command)
    line = [
        part for part in runs.command(tmp_path / "run", runs.MATRIX) if part not in {"--cores", "2"}
    ][1:-2]
    table = "results/small/samples/posed.parquet"
    profile = ["--workflow-profile", str(runs.ROOT / "profiles" / name)]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    waits = ["--seconds-between-status-checks", "1", "--latency-wait", "10"]
    done = subprocess.run(
        [str(SNAKEMAKE), *line, *profile, *waits, "--", table],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
        env=runs.environment() | {"PATH": path, "LATE": table, "LATE_S": "2"},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    first, second = (tmp_path / "state/submitted").read_text().splitlines()
    assert asked.format(mem=2000, minutes=120, seconds=7200) in first
    assert asked.format(mem=4000, minutes=240, seconds=14400) in second
    assert "Waiting at most 10 seconds for missing files" in done.stdout
    assert runs.digests(tmp_path / "run") == {table: runs.digests(local)[table]}
