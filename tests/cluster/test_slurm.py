"""Through a real Slurm of one node, with jobs killed, nodes failing and time running out: the same bytes as a local run."""

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

import one_node
import runs

pytestmark = pytest.mark.slow

SNAKEMAKE = runs.ROOT / ".venv-cluster/bin/snakemake"
MATRIX = {
    "run": "small",
    "datasets": {"posed": {"rungs": ["plain"], "limit": 24}},
    "detectors": {"whole": {}, "haar": {}},
    "models": {"fer": {}, "geometry": {}},
    "fusions": {"soft_mean": {"members": ["*/*"]}},
    "figures": {"formats": ["svg"], "examples": 2},
}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[None]:
    """A Slurm for this module's tests."""
    if reason := one_node.obstacle():
        pytest.skip(reason)
    with one_node.slurm(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def local(slurm, tmp_path_factory) -> dict[str, str]:
    """The digests of the matrix run without Slurm."""
    folder = tmp_path_factory.mktemp("local")
    done = runs.run(folder, MATRIX)
    assert done.returncode == 0, done.stdout[-3000:]
    return runs.digests(folder)


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def until(look: Callable[[], str], what: str, seconds: float = 180) -> str:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"no {what} in {seconds} s:\n{ask('squeue')}")


def running(rule: str) -> str:
    """The id of a job of this rule that Slurm runs now; empty when there is none."""
    jobs = (line.split(maxsplit=1) for line in ask("squeue", "--noheader", "--states=RUNNING", "--format=%i %k").splitlines())
    return next((number for number, comment in jobs if comment.startswith(f"rule_{rule}_wildcards")), "")


def state(job: str) -> dict[str, str]:
    """What Slurm tells of a job."""
    return dict(word.split("=", 1) for word in ask("scontrol", "--oneliner", "show", "job", job).split() if "=" in word)


def test_a_slurm_job_each_with_a_job_cancelled_and_the_node_lost(local, tmp_path):
    if not SNAKEMAKE.exists():
        pytest.skip("no .venv-cluster (`make cluster`)")
    profile = ["--workflow-profile", str(runs.ROOT / "profiles/slurm"), "--slurm-init-seconds-before-status-checks", "10"]
    command = [part for part in runs.command(tmp_path / "run", MATRIX) if part not in {"--cores", "2"}][:-2]
    with open(tmp_path / "output.txt", "w+", encoding="utf-8") as output:
        process = subprocess.Popen([str(SNAKEMAKE), *command[1:], *profile], stdout=output, stderr=subprocess.STDOUT, env=runs.environment())
        try:
            cancelled = until(lambda: running("predict"), "predict job")
            ask("scancel", cancelled)
            lost = until(lambda: running("score"), "score job")
            ask("scontrol", "update", "NodeName=localhost", "State=DOWN", "Reason=test")
            # A node that answers again comes back by itself (ReturnToService), and then cannot be told to.
            subprocess.run(["scontrol", "update", "NodeName=localhost", "State=RESUME"], check=False)
            status = process.wait(timeout=540)
        finally:
            process.kill()
            ask("scancel", "--user=root")  # where this test fails, the next one has the node to itself
        output.seek(0)
        said = output.read()
    assert status == 0, said[-4000:]
    assert state(cancelled)["JobState"] == "CANCELLED"
    assert f"'{cancelled}' failed, SLURM status is: 'CANCELLED'" in said
    again = next(job for job in map(state, ask("squeue", "--noheader", "--states=all", "--format=%i").split())
                 if job["Comment"] == state(cancelled)["Comment"] and job["JobId"] != cancelled)  # fmt: skip
    assert (again["MinMemoryNode"], again["TimeLimit"]) == ("8000M", "02:00:00")  # twice what the first attempt had
    assert state(lost)["Restarts"] == "1"  # Slurm's own requeueing
    assert runs.digests(tmp_path / "run") == local


def test_one_allocation_whose_time_runs_out_goes_back_to_the_queue_and_resumes(local, tmp_path):
    runs.command(tmp_path / "run", MATRIX)  # writes config.yaml
    script = runs.ROOT / "profiles/slurm_one_node/faceoff.sbatch"
    submit = ["sbatch", "--parsable", f"--chdir={tmp_path / 'run'}", "--cpus-per-task=2", "--mem=8G", "--time=10", str(script)]
    job = subprocess.run(submit, check=True, capture_output=True, text=True, env=runs.environment() | {"FACEOFF_SNAKEMAKE": str(runs.SNAKEMAKE)}).stdout.strip()
    until(lambda: "begun" if (tmp_path / "run/results/small/samples/posed.parquet").exists() else "", "first table")
    ask("scancel", "--signal=USR1", "--batch", job)  # what Slurm sends before the limit, at a moment that does not depend on this machine's speed
    until(lambda: "again" if state(job)["Restarts"] != "0" else "", "requeueing")
    until(lambda: "ended" if state(job)["JobState"] not in {"PENDING", "RUNNING", "COMPLETING"} else "", "end", seconds=300)
    said = (tmp_path / f"run/faceoff-{job}.log").read_text()
    assert state(job)["JobState"] == "COMPLETED", said[-4000:]
    assert "the time limit is near" in said
    assert runs.digests(tmp_path / "run") == local
