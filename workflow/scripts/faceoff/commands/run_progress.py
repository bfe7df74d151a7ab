"""Run Snakemake in this process and show its run as a bar and a few lines.

Snakemake's own log, in .snakemake/log, has everything.
"""

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from snakemake import cli
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from faceoff.progress import Bars, Work, heard_from_jobs

INTERRUPTED = 130  # the exit status that a shell gives a program that Ctrl-C ended

_INTERRUPT = KeyboardInterrupt.__name__  # ends the traceback of a Ctrl-C at an awkward moment
_STEPS = 5  # lines about the progress where there is no terminal
_AT_LEAST_EVERY_S = 600.0
_LONG_S = 1.0  # work of a job that gets a bar of its own
# What Snakemake says of a failed run, which the lines about its jobs say better.
_SAID = ("At least one job did not complete", "Exiting because a job", "CalledProcessError in file")


class LogHandler(LogHandlerBase):
    """Turn what Snakemake logs into a bar in a terminal, and into a few lines elsewhere."""

    def __post_init__(self) -> None:
        self.interrupted = self.idle = False
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._started = self._last = time.monotonic()
        self._done = self._total = self._step = self._targets = 0
        self._failed: dict[int, str] = {}  # job -> what is said of it
        self._bar: Progress | None = None
        self._works: Bars | None = None  # one below it for each job that tells of its work
        self._over = False
        handlers.append(self)

    # What Snakemake asks of a handler.
    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record. Snakemake calls this in a thread of its own."""
        event, text = getattr(record, "event", None), str(record.msg or "")
        if event == LogEvent.RUN_INFO:
            stats = getattr(record, "stats", {})
            # The target `all` makes no file, and is no job to a reader.
            self._targets = int(stats.get("all", 0))
            self._total = int(stats.get("total", 0)) - self._targets
            self._say(f"{self._total} jobs to do")
        elif event == LogEvent.JOB_INFO:
            self._show(_job_of(record))
        elif event == LogEvent.PROGRESS:
            told = record.__dict__
            total = told["total"] - self._targets
            self._advance(min(told["done"], total), total)
        elif event == LogEvent.JOB_ERROR:
            self._fail(record)
        elif text == NOTHING_TO_BE_DONE_MSG:
            self.idle = True
            self._say("Nothing to be done: every file is there and up to date")
        elif text.startswith("Terminating processes on user request") or _INTERRUPT in text:
            self.interrupted = True
        elif event == LogEvent.ERROR and getattr(record, "exception", "").endswith("Error"):
            self._complain(text.strip().split("\n")[-1])  # Python's error, after its traceback
        elif record.levelno >= logging.WARNING:
            self._complain(text)

    def flush(self) -> None:
        """End the bar before something else is printed, and say what was done."""
        if self._over or not self._total:
            return
        self._over = True
        if self._bar:
            self._bar.stop()
        if not self.interrupted:
            self._say(f"{self._done} of {self._total} jobs done in {self._elapsed()}")
            for text in self._failed.values():
                self._say(text)

    def close(self) -> None:
        """End the bar also where the run broke off."""
        if self._bar:
            self._bar.stop()
        super().close()

    def hear(self, work: Work) -> None:
        """Show what a running job tells of its work."""
        if self._works and not self._over and (work.over or work.seconds >= _LONG_S):
            self._works.show(work)

    def _say(self, text: str) -> None:
        for line in text.strip().splitlines():
            self._console.print(f"faceoff: {line}", markup=False)

    def _complain(self, text: str) -> None:
        if not any(said in text for said in _SAID):
            self._say(text)

    def _show(self, job: str) -> None:
        """Show the job that starts; start the bar with the first one."""
        if not self._console.is_terminal or self._over:
            return
        if self._bar is None:
            self._bar = Progress(
                BarColumn(),
                TextColumn("{task.fields[amount]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(job, total=self._total, amount="")
            self._advance(self._done, self._total)
            self._works = Bars(self._bar, keep=False)
            self._bar.start()
        self._bar.update(self._task, description=job)

    def _advance(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        if self._bar:
            amount = f"{done} of {total} jobs"
            self._bar.update(self._task, completed=done, total=total, amount=amount)
        now = time.monotonic()
        step = _STEPS * done // max(total, 1)
        due = step > self._step or now - self._last > _AT_LEAST_EVERY_S
        if due and done < total and not self._console.is_terminal:
            self._step, self._last = step, now
            self._say(f"{done} of {total} jobs, {self._elapsed()}")

    def _fail(self, record: logging.LogRecord) -> None:
        if self._works:  # it may have told nothing of its end
            self._works.remove()
        told = record.__dict__
        if told["rule_name"] == "check":  # the leaderboard names the cells that failed
            return
        log = next(iter(told["log"]), None)
        self._failed[told["jobid"]] = f"failed: {_job_of(record)}: {_last_line(log)}" + (
            f" (log: {log})" if log else ""
        )

    def _elapsed(self) -> str:
        seconds = round(time.monotonic() - self._started)
        return f"{seconds // 60}:{seconds % 60:02d}"


class _Late(logging.StreamHandler[Any]):
    """Print what Snakemake logs after it has closed its handlers, but for a stopped run.

    A Ctrl-C at an awkward moment makes the event loop fail as it closes.
    """

    def __init__(self) -> None:
        super().__init__()  # to the standard error
        self.setLevel(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        if not any(handler.interrupted for handler in handlers):
            super().emit(record)


handlers: list[LogHandler] = []  # those that Snakemake has made


def _hear(work: Work) -> None:
    for handler in handlers:
        handler.hear(work)


def _job_of(record: logging.LogRecord) -> str:
    """Return a job as its rule and what it is about: 'predict posed/haar/fer'."""
    told: dict[str, Any] = record.__dict__
    names = "/".join(map(str, dict(told.get("wildcards") or {}).values()))
    return f"{told['rule_name']} {names}".strip()


def _last_line(log: str | None) -> str:
    """Return the last line of a job's log, which says why it failed."""
    if log is None or not Path(log).is_file():
        return "no message"
    lines = Path(log).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:400] for line in reversed(lines) if line.strip()), "no message")


def run(arguments: Sequence[str]) -> int:
    """Run Snakemake with these arguments; return its exit status, 130 after Ctrl-C."""
    logging.lastResort = _Late()
    LoggerPluginRegistry().register_plugin("snakemake_logger_plugin_faceoff", sys.modules[__name__])
    try:
        with heard_from_jobs(_hear) if sys.stderr.isatty() else nullcontext():
            cli.main(["--logger", "faceoff", *arguments])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = INTERRUPTED
    for handler in handlers:
        handler.flush()
        status = INTERRUPTED if handler.interrupted else status
    if status == INTERRUPTED:
        print("\nfaceoff: stopped; run it again to go on from here", file=sys.stderr)
    return status


def is_idle() -> bool:
    """Return whether the run found nothing to do."""
    return any(handler.idle for handler in handlers)
