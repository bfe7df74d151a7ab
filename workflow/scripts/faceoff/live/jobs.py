"""Keep the videos that clients sent: one is read at a time, the others wait."""

import asyncio
import multiprocessing
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from faceoff.live import video_job
from faceoff.live.pipelines import Pipeline
from faceoff.live.settings import Limits
from faceoff.live.uploads import RefusedError
from faceoff.storage import files

State = Literal["waiting", "running", "done", "failed", "cancelled"]
_LOOK_S = 0.1  # between two looks at a process
_END_S = 5.0  # that a process has to end when it is told to


@dataclass
class Job:
    """A video. frames, total: as of `answers.JobState`; ended_s: when, on the monotonic clock."""

    id: str
    folder: Path
    pipelines: Sequence[Pipeline]
    as_document: bool
    state: State = "waiting"
    reason: str | None = None
    frames: int = 0
    total: int | None = None
    ended_s: float | None = None
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def video(self) -> Path:
        """Return where the video lies until it is read; the name says nothing of the client's."""
        return self.folder / "video"

    def to_json(self) -> dict[str, Any]:
        """Return what a client is told, with the result of a job that is done."""
        done = self.state == "done"
        return {
            "id": self.id, "state": self.state, "reason": self.reason, "frames": self.frames,
            "total": self.total,
            "result": files.read_json(self.folder / video_job.RESULT) if done else None,
        }  # fmt: skip

    def end(self, state: State, reason: str | None = None) -> None:
        """Note how the job ended, and forget the video."""
        self.state, self.reason, self.ended_s = state, reason, time.monotonic()
        self.video.unlink(missing_ok=True)


class Jobs:
    """The jobs of a server. It lives in one event loop.

    options: of `Analyzer`, beside detector and models.
    """

    def __init__(self, limits: Limits, options: Mapping[str, Any]):
        self._limits, self._options = limits, options
        self._root = Path(tempfile.mkdtemp(prefix="faceoff-jobs-"))
        self._jobs: dict[str, Job] = {}
        self._one = asyncio.Lock()
        self._context = multiprocessing.get_context("spawn")

    def count(self, state: State) -> int:
        """Return how many jobs have this state."""
        return sum(job.state == state for job in list(self._jobs.values()))

    def new(self, pipelines: Sequence[Pipeline], as_document: bool) -> Job:
        """Return a job whose video is still to be written. Raises RefusedError (429) if full."""
        self._forget_old()
        if len(self._jobs) >= self._limits.jobs:
            done = [job for job in self._jobs.values() if job.ended_s is not None]
            if not done:
                raise RefusedError(429, "too many videos are waiting", retry_s=30)
            self.remove(min(done, key=lambda job: job.ended_s or 0.0))
        name = secrets.token_urlsafe(16)
        job = Job(name, self._root / name, pipelines, as_document)
        job.folder.mkdir()
        self._jobs[name] = job
        return job

    def begin(self, job: Job) -> None:
        """Read the job's video as soon as those before it are read."""
        job.task = asyncio.create_task(self._read(job))

    def get(self, name: str) -> Job:
        """Return a job. Raises RefusedError (404) for an unknown one."""
        self._forget_old()
        if name not in self._jobs:
            raise RefusedError(404, "no such job; finished ones are kept for a while only")
        return self._jobs[name]

    async def cancel(self, job: Job) -> None:
        """End a job that is not finished, and forget a finished one."""
        if job.task is not None and not job.task.done():
            job.task.cancel()
            with suppress(asyncio.CancelledError):
                await job.task
        self.remove(job)

    def remove(self, job: Job) -> None:
        """Forget a job and delete its folder."""
        self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    async def close(self) -> None:
        """End all jobs and delete what they wrote."""
        for job in list(self._jobs.values()):
            await self.cancel(job)
        shutil.rmtree(self._root, ignore_errors=True)

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._limits.kept_s
        for job in list(self._jobs.values()):
            if job.ended_s is not None and job.ended_s < oldest:
                self.remove(job)

    async def _read(self, job: Job) -> None:
        try:
            async with self._one:
                job.state = "running"
                await self._in_process(job)
        except asyncio.CancelledError:
            job.end("cancelled")
            raise
        except OSError as error:
            job.end("failed", error.strerror or "the file cannot be written")

    async def _in_process(self, job: Job) -> None:
        """Run the process of a job, and take what it tells until it ends."""
        mine, its = self._context.Pipe(duplex=False)
        pairs = [(pipeline.detector, pipeline.model) for pipeline in job.pipelines]
        process = self._context.Process(
            target=video_job.read,
            args=(job.video, pairs, dict(self._options), job.as_document, its),
            daemon=True,
        )
        await asyncio.to_thread(process.start)
        its.close()
        until = time.monotonic() + self._limits.job_s
        failed: str | None = None
        try:
            while True:
                alive = process.is_alive()
                with suppress(EOFError, OSError):
                    while mine.poll():
                        failed = _take(job, mine.recv()) or failed
                if not alive:
                    break
                if time.monotonic() > until:
                    job.end("failed", f"not read within {self._limits.job_s:g} s")
                    return
                await asyncio.sleep(_LOOK_S)
        finally:
            mine.close()
            await asyncio.shield(asyncio.to_thread(_ended, process))
        if process.exitcode == 0 and (job.folder / video_job.RESULT).is_file():
            job.end("done")
        else:
            job.end("failed", failed or f"its process ended with status {process.exitcode}")


def _take(job: Job, told: Mapping[str, Any]) -> str | None:
    """Note the progress that a process tells; return why it failed, if it tells that."""
    if "failed" in told:
        return str(told["failed"])
    job.frames = told["done"]
    if told["total"] is not None:
        job.total = told["total"] * len(job.pipelines)
    return None


def _ended(process: BaseProcess) -> None:
    process.terminate()
    process.join(_END_S)
    if process.is_alive():
        process.kill()
        process.join()
