"""Progress of other processes is drawn by the one that has the terminal."""

import io
import queue
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from faceoff import progress


def test_works_of_other_processes_have_a_bar_each(monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.Queue[Any] = queue.Queue()
    bars = Progress(console=Console(file=io.StringIO()))
    monkeypatch.setattr(progress, "_bars", lambda: bars)
    try:
        progress.draw_elsewhere(told)
        with progress.drawn_here(told):
            assert list(progress.track(range(3), "a.mp4", 3)) == [0, 1, 2]
            with progress.meter("b.mp4") as advance:
                advance(7)
    finally:
        progress.draw_elsewhere(None)
    shown = {task.description: (task.completed, task.total) for task in bars.tasks}
    assert shown == {"a.mp4": (3, 3), "b.mp4": (7, 7)}


def test_without_a_queue_nothing_is_drawn_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.drawn_here(None):
        assert list(progress.track("ab", "letters")) == ["a", "b"]
    assert capsys.readouterr().err.startswith("letters: 2 in ")
