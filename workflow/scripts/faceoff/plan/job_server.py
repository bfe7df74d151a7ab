"""Start a run's jobs on this machine from one process that has their imports already.

A job of a second spends most of it in imports. So the run has one process that waits; it imports
what a script imports when the first job of this script comes, and forks for each. In the jobs'
shells a `python` that lies first on PATH asks it (`job_client`). Jobs keep their own streams,
folder, arguments, exit status and signals. All others start as ever: those of rules that measure
their memory, of conda's environments, and of other environment variables (more threads).
"""

import gc
import importlib
import os
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from faceoff.layout import scripts_folder
from faceoff.plan import job_client

_THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")
# Snakemake sets these for jobs of one thread, and libraries read them when they are imported.
ONE_THREAD = dict.fromkeys(
    [*(f"{name}_NUM_THREADS" for name in _THREADS), "VECLIB_MAXIMUM_THREADS"], "1"
)
# No library that is imported before the fork reads these.
_FREE = {"PWD", "OLDPWD", "SHLVL", "_", "PATH", "TMPDIR", "TMP", "TEMP", "TEMPDIR"}

_SHIM = """#!/bin/sh
case "$1" in
{patterns}) exec {python} -I -S {client} {address} {python} "$@" ;;
*) exec {python} "$@" ;;
esac
"""


def start(scripts: Collection[str]) -> "Server | None":
    """Start a server for jobs of these scripts (paths) and put its `python` on PATH.

    Return None where there can be none: jobs then start as ever.
    """
    if not scripts or os.environ.get("FACEOFF_JOB_SERVER") == "0" or not hasattr(os, "pidfd_open"):
        return None
    folder = Path(tempfile.mkdtemp(prefix="faceoff-"))
    try:
        return Server(folder, scripts)
    except OSError:  # the path is longer than a socket's may be, or no process can be started
        shutil.rmtree(folder)
        return None


class Server:
    """The process that forks jobs, as its run holds it; it ends when the run's process does.

    folder: an empty folder of its own, for the socket and its `python`.
    """

    def __init__(self, folder: Path, scripts: Collection[str]):
        self._folder = folder
        address = str(folder / "socket")
        shim = folder / "bin" / "python"
        shim.parent.mkdir()
        words = {"python": sys.executable, "client": job_client.__file__, "address": address}
        quoted = {key: shlex.quote(word) for key, word in words.items()}
        patterns = "|".join(f"*/{name}" for name in sorted({Path(path).name for path in scripts}))
        shim.write_text(_SHIM.format(patterns=patterns, **quoted), encoding="utf-8")
        shim.chmod(stat.S_IRWXU)
        code = (
            f"import sys; sys.path[0] = {str(scripts_folder())!r}\n"
            "from faceoff.plan.job_server import serve; serve(int(sys.argv[1]))"
        )
        # The first job may come before the server has started.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(listener.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD,
                pass_fds=[listener.fileno()],
            )
        os.environ["PATH"] = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"

    def stop(self) -> None:
        """End the server after the jobs that still run."""
        os.environ["PATH"] = os.environ["PATH"].removeprefix(f"{self._folder}/bin{os.pathsep}")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class Job(NamedTuple):
    """Hold what a client asks for. streams: open files for stdin, stdout and stderr."""

    folder: str
    arguments: list[str]
    environment: dict[str, str]
    streams: list[int]


def serve(listening: int) -> None:
    """Fork jobs until stdin is closed and all have ended; in a fork, run the job.

    listening: the file number of the socket on which clients ask.
    """
    with socket.socket(fileno=listening) as listener, _deaf():
        job = _fork_jobs(listener)
    if job is not None:
        _run(job)


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore what asks this process to end: it stays while a job runs. Jobs hear it again."""
    sent = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in sent}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fork_jobs(listener: socket.socket) -> Job | None:
    """Return a job in the process that is to run it, None in the server at its end."""
    started = dict(os.environ)
    running: dict[int, tuple[int, socket.socket]] = {}  # pidfd -> job, client
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while running or 0 in selector.get_map():
            for key, _ in selector.select():
                if key.fd == 0:
                    selector.unregister(0)  # the run has ended
                elif key.fileobj is listener:
                    client = listener.accept()[0]
                    job = _received(client)
                    pid = _forked(job, started) if job is not None else None
                    if job is not None and pid == 0:
                        for each in (client, *(other for _, other in running.values())):
                            each.close()
                        return job
                    for stream in job.streams if job is not None else ():
                        os.close(stream)
                    if pid is None:
                        client.close()
                        continue
                    with suppress(OSError):  # it has died already, which is seen next
                        client.sendall(job_client.STARTED)
                    pidfd = os.pidfd_open(pid)
                    running[pidfd] = pid, client
                    selector.register(pidfd, selectors.EVENT_READ)
                    selector.register(client, selectors.EVENT_READ, pidfd)
                elif key.data in running:  # the client has died: nobody waits for the job
                    os.kill(running[key.data][0], signal.SIGKILL)
                    selector.unregister(key.fileobj)
                elif key.fd in running:
                    pid, client = running.pop(key.fd)
                    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    if client in {each.fileobj for each in selector.get_map().values()}:
                        selector.unregister(client)
                    with suppress(OSError):
                        client.sendall(str(status).encode())
                    client.close()
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return None


def _forked(job: Job, started: Mapping[str, str]) -> int | None:
    """Fork for a job; return as os.fork, or None where its environment asks for a start of its own.

    started: the environment under which this process has imported.
    """
    changed = {name for name, _ in job.environment.items() ^ started.items()}
    if not changed <= _FREE:
        return None
    _import(Path(job.folder, job.arguments[0]))
    return os.fork()


def _received(client: socket.socket) -> Job | None:
    """Return what a client asks for; None where it died before it had said all."""
    streams: list[int] = []
    message, size = b"", 1
    with suppress(OSError):
        head, streams, _, _ = socket.recv_fds(client, 8, 3)
        size = int.from_bytes(head, "big")
        with client.makefile("rb") as file:
            message = file.read(size)
    if len(streams) < 3 or len(message) < size:
        for stream in streams:
            os.close(stream)
        return None
    count, folder, *words = map(os.fsdecode, message.split(b"\0"))
    arguments, settings = words[: int(count)], words[int(count) :]
    environment = dict(setting.split("=", 1) for setting in settings)
    return Job(folder, arguments, environment, streams)


def _import(script: Path) -> None:
    """Import what a script imports, once."""
    with suppress(Exception):  # the job says what is wrong
        runpy.run_path(str(script), run_name="imported by the job server")
        if arrow := sys.modules.get("pyarrow"):
            arrow.array([0]).to_numpy()  # imports pandas where it is installed
    gc.freeze()


def _run(job: Job) -> None:
    """Run the job in this process as `python` would."""
    for place, stream in enumerate(job.streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(job.folder)
    os.environ.clear()
    os.environ.update(job.environment)
    importlib.invalidate_caches()
    sys.argv = job.arguments
    runpy.run_path(job.arguments[0], run_name="__main__")
