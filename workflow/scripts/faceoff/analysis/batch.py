"""Analyse files into folders, one after another or in several processes."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceoff import progress
from faceoff.analysis import outputs
from faceoff.analysis.analyzer import Analyzer


@dataclass(frozen=True)
class Task:
    """Say what is done with each file.

    options: of `Analyzer`; start_s, end_s: the part that is read; kinds: of files that are written;
    settings: what the folder's note says, by which a later call knows it.
    """

    options: Mapping[str, Any]
    start_s: float
    end_s: float | None
    kinds: Sequence[str]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Finished:
    """A file whose folder is written. state, reason: of its analysis; lines: its summary."""

    path: Path
    folder: Path
    state: str
    reason: str
    lines: list[str]


def finished(
    todo: Mapping[Path, Path], task: Task, jobs: int = 1
) -> Generator[Finished, None, None]:
    """Analyse files and yield each in order, once its folder is written.

    todo: the folder of each file; jobs: how many processes, each of which loads the networks. They
    write the bytes that one process writes, and end at once when this is closed or interrupted.
    Raises RuntimeError if a process is ended from outside.
    """
    jobs = min(jobs, len(todo))
    if jobs <= 1:
        analyzer = Analyzer(**task.options)
        for path, folder in todo.items():
            yield _written(analyzer, path, folder, task)
        return
    context = multiprocessing.get_context("spawn")  # threads of networks do not survive a fork
    queue = context.Queue() if sys.stderr.isatty() else None
    if queue is not None:
        queue.cancel_join_thread()  # of a queue that a killed process holds, the end would wait
    with (
        progress.drawn_here(queue),
        ProcessPoolExecutor(jobs, context, _start, (task, queue)) as pool,
        _ending_processes(),
    ):
        try:
            with _interrupts_blocked():
                results = pool.map(_run, todo.keys(), todo.values())
            yield from results
        except BrokenProcessPool:
            raise RuntimeError(
                "a process was ended from outside, maybe for lack of memory: use fewer --jobs"
            ) from None


@contextmanager
def _ending_processes() -> Iterator[None]:
    """End this process's processes at once where the work is given up, also by SIGTERM."""

    def ask_to_end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, ask_to_end)
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: this process ends them, without tracebacks."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_state: dict[str, Any] = {}  # of this process: its analyzer and its task


def _start(task: Task, queue: Any) -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    progress.draw_elsewhere(queue)
    _state["task"] = task


def end_with_parent() -> None:
    """End this process when the one that started it is gone, even if it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(path: Path, folder: Path) -> Finished:
    task = _state["task"]
    if "analyzer" not in _state:  # here its errors reach the caller
        _state["analyzer"] = Analyzer(**task.options)
    return _written(_state["analyzer"], path, folder, task)


def _written(analyzer: Analyzer, path: Path, folder: Path, task: Task) -> Finished:
    outputs.begin(path, folder)
    found = analyzer.analyze(path, task.start_s, task.end_s)
    outputs.write(found, folder, task.kinds)
    if found.state == "ok":
        outputs.finish(path, folder, task.settings)
    return Finished(path, folder, found.state, found.reason, outputs.summary_lines(found))
