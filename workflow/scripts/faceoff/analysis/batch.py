"""Analyse files into folders, one after another or in several processes."""

import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceoff import progress
from faceoff.analysis import outputs
from faceoff.analysis.analyzer import Analyzer


@dataclass(frozen=True)
class Task:
    """What is done with each file.

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


def finished(todo: Mapping[Path, Path], task: Task, jobs: int = 1) -> Iterator[Finished]:
    """Analyse files and yield each in order, once its folder is written.

    todo: the folder of each file; jobs: how many processes, each of which loads the networks. They
    write the bytes that one process writes. Raises RuntimeError if a process is ended from outside.
    """
    jobs = min(jobs, len(todo))
    if jobs <= 1:
        analyzer = Analyzer(**task.options)
        for path, folder in todo.items():
            yield _written(analyzer, path, folder, task)
        return
    context = multiprocessing.get_context("spawn")  # threads of networks do not survive a fork
    queue = context.Queue() if sys.stderr.isatty() else None
    with (
        progress.drawn_here(queue),
        ProcessPoolExecutor(jobs, context, _start, (task, queue)) as pool,
    ):
        try:
            yield from pool.map(_run, todo.keys(), todo.values())
        except BrokenProcessPool:
            raise RuntimeError(
                "a process was ended from outside, maybe for lack of memory: use fewer --jobs"
            ) from None


_state: dict[str, Any] = {}  # of this process: its analyzer and its task


def _start(task: Task, queue: Any) -> None:
    progress.draw_elsewhere(queue)
    _state.update(analyzer=Analyzer(**task.options), task=task)


def _run(path: Path, folder: Path) -> Finished:
    return _written(_state["analyzer"], path, folder, _state["task"])


def _written(analyzer: Analyzer, path: Path, folder: Path, task: Task) -> Finished:
    outputs.begin(path, folder)
    found = analyzer.analyze(path, task.start_s, task.end_s)
    outputs.write(found, folder, task.kinds)
    if found.state == "ok":
        outputs.finish(path, folder, task.settings)
    return Finished(path, folder, found.state, found.reason, outputs.summary_lines(found))
