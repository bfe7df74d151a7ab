"""Jobs that are forked behave as jobs that Python starts; what must not be forked is not."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceoff.plan import job_server

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="jobs are not forked here")

# `wave` is in no process yet; in a fork it is there before the script's own import.
_JOB = """
import sys

forked = "wave" in sys.modules
import wave

if __name__ == "__main__":
    import os, time

    print(forked, os.getcwd(), *sys.argv[1:], sys.stdin.read(), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a blank in its name and two scripts that do the same."""
    place = tmp_path / "a folder"
    place.mkdir()
    for name in ("job.py", "measured.py"):
        (place / name).write_text(_JOB, encoding="utf-8")
    return place


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[job_server.Server]:
    """Start a server for `job.py` alone; libraries have one thread, as in a job."""
    for name in job_server.ONE_THREAD:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # pytest changes it meanwhile
    started = job_server.start(["somewhere/job.py"])
    assert started is not None
    yield started
    started.stop()


def start(folder: Path, script: str = "job.py", **variables: str) -> subprocess.Popen[str]:
    """Start a script by `python` in a shell, as Snakemake does."""
    return subprocess.Popen(
        ["bash", "-c", f"exec python '../a folder/{script}' 'one word' ''"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"} | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def forked(process: subprocess.Popen[str]) -> bool:
    """Let a job end well, look at all that it says, and return whether it was a fork."""
    said, wrong = process.communicate("given", timeout=60)
    assert process.returncode == 0, wrong
    first, _, rest = said.partition(" ")
    assert rest.split("one word")[1:] == ["  given\n"]
    return first == "True"


@pytest.mark.usefixtures("server")
def test_a_fork_has_its_own_streams_folder_and_arguments(folder: Path) -> None:
    said, wrong = start(folder).communicate("given", timeout=60)
    assert (said, wrong) == (f"True {folder} one word  given\n", "")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("statement", "status", "told"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('a word')", 1, "a word"),
        ("raise ValueError('no')", 1, "ValueError: no"),
        ("os.kill(os.getpid(), 11)", -signal.SIGSEGV, ""),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
        ("os.kill(os.getpid(), 15)", -signal.SIGTERM, ""),
        ("os.kill(os.getpid(), 2)", -signal.SIGINT, "KeyboardInterrupt"),
    ],
)
def test_a_fork_ends_as_its_job_does(folder: Path, statement: str, status: int, told: str) -> None:
    (folder / "job.py").write_text(f"{_JOB}    {statement}\n", encoding="utf-8")
    process = start(folder)
    said, wrong = process.communicate("", timeout=60)
    assert said.startswith("True")
    assert process.returncode == status
    assert told in wrong
    assert bool(wrong) == bool(told)


@pytest.mark.usefixtures("server")
def test_other_scripts_and_other_environments_start_as_ever(folder: Path) -> None:
    assert forked(start(folder, TMPDIR="/elsewhere"))
    assert not forked(start(folder, "measured.py"))
    assert not forked(start(folder, OMP_NUM_THREADS="2"))
    assert not forked(start(folder, MALLOC_PERTURB_="1"))


def test_a_job_ends_with_the_process_that_waits_for_it(
    folder: Path, server: job_server.Server
) -> None:
    sleeps = f"{_JOB}    print(os.getpid(), flush=True); time.sleep(600)\n"
    (folder / "job.py").write_text(sleeps, encoding="utf-8")
    process = start(folder)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.stdout.readline().startswith("True")
    job = int(process.stdout.readline())
    process.kill()
    process.wait()
    server.stop()  # waits for its jobs
    with pytest.raises(ProcessLookupError):
        os.kill(job, 0)


def test_without_the_server_jobs_start_as_ever(folder: Path, server: job_server.Server) -> None:
    shim = Path(os.environ["PATH"].split(os.pathsep)[0])
    assert forked(start(folder))
    server._process.kill()
    server._process.wait()
    assert not forked(start(folder))
    server.stop()
    assert not shim.exists()
    assert str(shim) not in os.environ["PATH"]


def test_it_is_switched_off_and_no_socket_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 120)  # longer than the address of a socket may be
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert job_server.start(["job.py"]) is None
    assert not any(long.iterdir())
    monkeypatch.undo()
    monkeypatch.setenv("FACEOFF_JOB_SERVER", "0")
    assert job_server.start(["job.py"]) is None
