"""Progress is a bar on a terminal, lines in a log, and a bar of whoever started the job."""

import io
import os
import queue
import re
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from faceoff import progress
from faceoff.progress import Bars, Work

ROUNDS = """
import time
from faceoff import progress
with progress.meter("net", 40, 20, unit="pictures", rounds=True) as advance:
    for epoch in (2, 3):
        advance.say(f"epoch {epoch} of 3")
        for _ in range(10):
            time.sleep(0.03)
            advance(1)
        advance.round(f"epoch {epoch} of 3, accuracy 0.{epoch}")
"""


def bars() -> Progress:
    """Return a display that nobody sees."""
    return Progress(console=Console(file=io.StringIO()))


def test_works_of_other_processes_have_a_bar_each(monkeypatch: pytest.MonkeyPatch) -> None:
    told: queue.Queue[Any] = queue.Queue()
    drawn = bars()
    monkeypatch.setattr(progress, "_bars", lambda: drawn)
    try:
        progress.draw_elsewhere(told)
        with progress.drawn_here(told):
            assert list(progress.track(range(3), "a.mp4", 3)) == [0, 1, 2]
            with progress.meter("b.mp4") as advance:
                advance(7)
    finally:
        progress.draw_elsewhere(None)
    shown = {task.description: (task.completed, task.total) for task in drawn.tasks}
    assert shown == {"a.mp4": (3, 3), "b.mp4": (7, 7)}


def test_without_a_queue_nothing_is_drawn_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.drawn_here(None):
        assert list(progress.track("ab", "letters")) == ["a", "b"]
    assert capsys.readouterr().err.startswith("letters: 2 in ")


def test_a_log_has_a_line_for_each_round() -> None:
    done = subprocess.run([sys.executable, "-c", ROUNDS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, end = done.stderr.splitlines()
    found = re.fullmatch(
        r"net: epoch 2 of 3, accuracy 0\.2, (\d+) pictures/s, (0:00:0\d) left", first
    )
    assert found, first
    assert int(found[1]) <= 34, "what was done before the start is no speed"
    assert re.fullmatch(r"net: epoch 3 of 3, accuracy 0\.3, \d+ pictures/s", second)
    assert re.fullmatch(r"net: 40 pictures in \d\.\d s", end)


def test_a_terminal_has_a_bar_with_the_round_its_score_the_speed_and_the_time_left() -> None:
    outside, inside = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", ROUNDS], stderr=inside, env=environment) as child:
        os.close(inside)
        said = b""
        try:
            while part := os.read(outside, 65536):
                said += part
        except OSError:  # how Linux says that the other side has closed
            pass
        assert child.wait() == 0
    os.close(outside)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode()))
    last = [line for line in lines if line.strip()][-1]
    assert re.search(
        r"^net, epoch 3 of 3, accuracy 0\.3 .*100% \d+ pictures/s \d:\d\d:\d\d", last
    ), lines


def test_who_starts_a_job_hears_of_its_work_and_its_log_has_it_too() -> None:
    heard: list[Work] = []
    with progress.heard_from_jobs(heard.append):
        done = subprocess.run([sys.executable, "-c", ROUNDS], capture_output=True, text=True)
    assert len(done.stderr.splitlines()) == 3
    assert progress._SOCKET not in os.environ
    assert [work.done for work in heard] == sorted(work.done for work in heard)
    rounds = [work.title for work in heard if "accuracy" in work.note]
    assert rounds[0] == "net, epoch 2 of 3, accuracy 0.2"
    assert heard[-1].over
    assert (heard[-1].done, heard[-1].total, heard[-1].before) == (40, 40, 20)


def test_a_job_goes_on_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(progress._SOCKET, "/no/such/socket")
    with progress.meter("work", unit="faces") as advance:
        advance(2)
    assert capsys.readouterr().err.startswith("work: 2 faces in ")


def test_a_folder_with_a_long_name_leaves_the_bars_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("n" * 120)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with progress.heard_from_jobs(lambda work: None):
        assert progress._SOCKET not in os.environ


def test_a_work_that_failed_tells_that_it_is_over() -> None:
    heard: list[Work] = []

    def fail() -> None:
        with progress.meter("numbers"):
            raise ValueError("broken")

    with progress.heard_from_jobs(heard.append), pytest.raises(ValueError, match="broken"):
        fail()
    assert [work.over for work in heard] == [True]


def test_bars_that_are_not_kept_go_when_their_work_is_over() -> None:
    drawn = bars()
    shown = Bars(drawn, keep=False)
    work = Work("a", total=10, done=4, before=2, unit="clips", seconds=2.0)
    shown.show(work)
    shown.show(Work("b"))
    assert [task.fields["amount"] for task in drawn.tasks] == ["1 clips/s", ""]
    work.over = True
    shown.show(work)
    assert [task.description for task in drawn.tasks] == ["b"]
    shown.remove()
    assert not drawn.tasks
