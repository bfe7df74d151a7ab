"""Test runs through a real Slurm of one node: they give the same bytes as a local run.

Jobs are killed, preempted and hang; the node is drained and lost; time runs out.
"""

import contextlib
import copy
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import one_node
import runs

pytestmark = pytest.mark.slow

SNAKEMAKE = runs.ROOT / ".venv-cluster/bin/snakemake"
# This job takes the node from whatever runs on it.
URGENT = ["sbatch", "--parsable", "--partition=urgent", "--exclusive"]
URGENT += ["--output=/dev/null", "--wrap=true"]
BY_SLURM = (
    "overlaps/posed.json",
    "fusion/posed/soft_mean.parquet",
    "scores/posed/whole/fer.json",
    "scores/posed/mediapipe_full/fer.json",
)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory) -> Iterator[None]:
    """Run a Slurm for this module's tests."""
    if reason := one_node.obstacle():
        pytest.skip(reason)
    with one_node.slurm(tmp_path_factory.mktemp("slurm")):
        yield


def ask(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


def node(*changes: str) -> None:
    ask("scontrol", "update", "NodeName=localhost", *changes)


def until(look: Callable[[], object], what: str, seconds: float = 180) -> object:
    """Return what `look` finds, as soon as it finds something.

    Where it finds nothing, the error shows the queue.
    """
    try:
        return runs.until(look, what, seconds, pause_s=0.2)
    except AssertionError as error:
        raise AssertionError(
            f"{error}:\n{ask('squeue', '--states=all', '--format=%i %T %r %k')}"
        ) from None


def job(rule: str, state: str = "RUNNING") -> str:
    """Wait for a job of this rule in this state; return its id."""

    def look() -> str:
        queue = ask("squeue", "--noheader", f"--states={state}", "--format=%i %k")
        for line in queue.splitlines():
            number, comment = line.split(maxsplit=1)
            if comment.startswith(f"rule_{rule}_wildcards"):
                return number
        return ""

    return str(until(look, f"{rule} job that is {state}"))


def told(number: str) -> dict[str, str]:
    """Return what Slurm says of a job."""
    words = ask("scontrol", "--oneliner", "show", "job", number).split()
    return dict(word.split("=", 1) for word in words if "=" in word)


def restarts(rule: str) -> int:
    """Return how often Slurm has requeued this rule's jobs."""
    queue = ask("squeue", "--noheader", "--states=all", "--format=%i %k").splitlines()
    numbers = [line.split()[0] for line in queue if f" rule_{rule}_wildcards" in line]
    return sum(int(told(number)["Restarts"]) for number in numbers)


def process_of(number: str, script: str) -> int:
    """Wait for the process in which a Slurm job runs a script; return its id."""
    mark = f"SLURM_JOB_ID={number}".encode()

    def look() -> int:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):  # it has ended or has no argument
                words = (folder / "cmdline").read_bytes().split(b"\0")
                settings = (folder / "environ").read_bytes().split(b"\0")
                if mark in settings and words[1].endswith(script.encode()):
                    return int(folder.name)
        return 0

    return int(str(runs.until(look, f"process of job {number}")))


def sent_again(number: str) -> dict[str, str]:
    """Return what Slurm says of the job that Snakemake sent to replace a failed one."""
    comment = told(number)["Comment"]
    jobs = map(told, ask("squeue", "--noheader", "--states=all", "--format=%i").split())
    return next(each for each in jobs if each["Comment"] == comment and each["JobId"] != number)


def test_a_slurm_job_each_through_every_fault(slurm, local, tmp_path):
    """Slurm runs the jobs as far as the vote and the cells' scores.

    A local run makes what is drawn from them, one job after the other; it makes nothing again.
    """
    if not SNAKEMAKE.exists():
        pytest.skip("no .venv-cluster (`make cluster`)")
    profile = [
        "--workflow-profile",
        str(runs.ROOT / "profiles/slurm"),
        "--slurm-init-seconds-before-status-checks",
        "15",
    ]
    command = [
        part for part in runs.command(tmp_path / "run", runs.MATRIX) if part not in {"--cores", "2"}
    ][:-2]
    targets = [f"results/small/{name}" for name in BY_SLURM]
    with open(tmp_path / "output.txt", "w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [str(SNAKEMAKE), *command[1:], *profile, "--", *targets],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=runs.environment(),
        )
        try:
            drained = job("samples")
            node("State=DRAIN", "Reason=test")
            waiting = job("frames", "PENDING")
            unhurt, queued = told(drained), told(waiting)
            node("State=RESUME")

            job("detect")
            urgent = ask(*URGENT)
            until(lambda: told(urgent)["JobState"] == "COMPLETED", "urgent job that took the node")
            # The job that runs next is the preempted one or another detector's.
            lost = job("detect")
            preempted = restarts("detect")
            before = int(told(lost)["Restarts"])
            node("State=DOWN", "Reason=test")
            # A node that answers again comes back by itself (ReturnToService); then this fails.
            subprocess.run(
                ["scontrol", "update", "NodeName=localhost", "State=RESUME"], check=False
            )

            cancelled = job("predict")
            ask("scancel", cancelled)

            hung = job("overlaps")
            os.kill(process_of(hung, "/overlaps.py"), signal.SIGSTOP)
            # A limit has whole minutes; Slurm looks at it every 30 s.
            ask("scontrol", "update", f"JobId={hung}", "EndTime=now+2")
            status = process.wait(timeout=540)
        finally:
            process.kill()
            # Where this test fails, the next one has the node to itself.
            ask("scancel", "--user=root")
        output.seek(0)
        said = output.read()
    assert status == 0, said[-4000:]
    assert (unhurt["JobState"], unhurt["Restarts"]) == ("COMPLETED", "0")
    assert queued["JobState"] == "PENDING"
    assert told(waiting)["Restarts"] == "0"
    # Slurm requeued a job when it was preempted, and one when the node was lost.
    assert preempted >= 1
    assert told(lost)["Restarts"] == str(before + 1)
    states = {number: told(number)["JobState"] for number in (cancelled, hung)}
    assert states == {cancelled: "CANCELLED", hung: "TIMEOUT"}, said[-4000:]
    for number in (cancelled, hung):
        assert f"'{number}' failed, SLURM status is: '{told(number)['JobState']}'" in said
    # The second attempts get twice the memory and time of the first.
    again = [sent_again(number) for number in (cancelled, hung)]
    assert [each["MinMemoryNode"] for each in again] == ["8000M", "4000M"]
    assert [each["TimeLimit"] for each in again] == ["02:00:00", "01:00:00"]
    rest = runs.run(tmp_path / "run", runs.MATRIX)
    assert rest.returncode == 0, rest.stdout[-4000:]
    assert set(runs.jobs(rest.stdout)).isdisjoint(
        {"samples", "frames", "detect", "predict", "overlaps", "fuse", "score"}
    )
    assert runs.digests(tmp_path / "run") == runs.digests(local)


def test_one_allocation_with_shards_preempted_and_out_of_time(slurm, local, tmp_path):
    config = copy.deepcopy(runs.MATRIX)
    config["datasets"]["posed"]["shards"] = 2
    runs.command(tmp_path / "run", config)  # writes config.yaml
    results = tmp_path / "run/results/small"
    script = runs.ROOT / "profiles/slurm_one_node/faceoff.sbatch"
    limits = ["--cpus-per-task=2", "--mem=8G", "--time=10"]
    submit = ["sbatch", "--parsable", f"--chdir={tmp_path / 'run'}", *limits, str(script)]
    environment = runs.environment() | {"FACEOFF_SNAKEMAKE": str(runs.SNAKEMAKE)}
    number = subprocess.run(
        submit, check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()
    until((results / "samples/posed.parquet").exists, "first table")
    ask(*URGENT)
    until(lambda: told(number)["Restarts"] == "1", "preemption")
    until(lambda: list(results.glob("predictions/*/*/*.parquet")), "predictions")
    # Slurm sends this before the limit; here its moment does not depend on the machine's speed.
    ask("scancel", "--signal=USR1", "--batch", number)
    until(lambda: told(number)["Restarts"] == "2", "requeueing")
    until(
        lambda: told(number)["JobState"] not in {"PENDING", "RUNNING", "COMPLETING"},
        "end",
        seconds=300,
    )
    said = (tmp_path / f"run/faceoff-{number}.log").read_text()
    assert told(number)["JobState"] == "COMPLETED", said[-4000:]
    assert "the time limit is near" in said
    whole, cut = runs.digests(local), runs.digests(tmp_path / "run")
    # Two files differ: frames stay in their shards, and the page shows the configuration.
    for name in ("results/small/frames/posed.parquet", "results/small/report.html"):
        del whole[name]
    assert {name: cut.get(name) for name in whole} == whole
    assert runs.page(tmp_path / "run") == runs.page(local)
