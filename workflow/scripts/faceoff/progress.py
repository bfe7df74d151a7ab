"""Show the progress of long work.

A terminal has a bar. A job's log has a line every few seconds, or one at each round of the work;
`faceoff run` and `faceoff train` draw a bar for each job that they hear of.
"""

import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

Item = TypeVar("Item")
_EVERY_S = 5.0  # between the lines of a log
_SEND_S = 0.2  # between messages to another process
_LAST_S = 2.0  # for the last messages; a process that was killed may hold the queue for ever
_MESSAGE_BYTES = 65536
_SOCKET = "FACEOFF_PROGRESS"  # variable: the socket of the program that started this job


@dataclass
class Work:
    """What is known of a work.

    total, done: items or bytes; before: those that were done earlier; unit: of items, in the
    plural; seconds: since it began; note: where it stands; over: it has ended.
    """

    what: str
    total: int | None = None
    done: int = 0
    before: int = 0
    unit: str = ""
    seconds: float = 0.0
    note: str = ""
    over: bool = False

    @property
    def rate(self) -> float:
        """Return items or bytes per second since it began."""
        return (self.done - self.before) / self.seconds if self.seconds else 0.0

    @property
    def title(self) -> str:
        """Return what it is, and where it stands."""
        return f"{self.what}, {self.note}" if self.note else self.what

    @property
    def speed(self) -> str:
        """Return items per second, as a bar has it; nothing for items without a unit."""
        return f"{self.rate:,.0f} {self.unit}/s" if self.unit and self.rate else ""


_Show = Callable[[Work, bool], None]  # the flag: a round has just ended


class Meter:
    """Count how much of a work is done, and tell those who show it."""

    def __init__(self, work: Work, shows: Sequence[_Show]):
        self._work, self._shows, self._began = work, shows, time.monotonic()

    def __call__(self, new: int) -> None:
        """Count new items or bytes."""
        self._tell(new, False)

    def say(self, note: str) -> None:
        """Say where the work stands, beside its bar."""
        self._work.note = note
        self._tell(0, False)

    def round(self, note: str) -> None:
        """Say that a round has ended, and what it gave."""
        self._work.note = note
        self._tell(0, True)

    def _tell(self, new: int, ended: bool) -> None:
        self._work.done += new
        self._work.seconds = time.monotonic() - self._began
        for show in self._shows:
            show(self._work, ended)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, and report how many are done, how fast, and how long the rest will take.

    The remaining time needs the `total` number of items.
    """
    with meter(what, total) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def meter(
    what: str,
    total: int | None = None,
    done: int = 0,
    in_bytes: bool = False,
    unit: str = "",
    rounds: bool = False,
) -> Iterator[Meter]:
    """Give a function to call with each number of new items or bytes.

    done: the number that was there before; unit: of the items, in the plural; rounds: a log has a
    line for each `round` of the work instead of one every few seconds.
    """
    work = Work(what, total, done, done, unit)
    with ExitStack() as stack:
        if _elsewhere is not None:
            sinks = [_sent(_elsewhere.put, work)]
        elif sys.stderr.isatty():
            sinks = [_drawn(work, in_bytes)]
        else:
            sinks = [_written(work, in_bytes, rounds)]
            if address := os.environ.get(_SOCKET):
                sinks.append(_sent(_Socket(address).put, work))
        yield Meter(work, [stack.enter_context(sink) for sink in sinks])


# -- bars and lines --------------------------------------------------------------------------------


@contextmanager
def _drawn(work: Work, in_bytes: bool) -> Iterator[_Show]:
    """Draw a bar on the terminal."""
    with _bars(in_bytes) as display:
        bars = Bars(display)
        bars.show(work)
        yield bars.show


@contextmanager
def _written(work: Work, in_bytes: bool, rounds: bool) -> Iterator[_Show]:
    """Write lines to the log, and one more when the work has ended well."""
    begun = last = time.monotonic()
    mega, scale, form = (" MB", 1e6, ",.1f") if in_bytes else ("", 1, ",.0f")
    unit = f" {work.unit}" if work.unit else mega

    def write(work: Work, ended: bool) -> None:
        nonlocal last
        now = time.monotonic()
        if not (ended if rounds else now - last >= _EVERY_S):
            return
        last = now
        if rounds:
            so_far, speed = work.note, work.speed
        else:
            whole = f" of {work.total / scale:{form}}" if work.total else ""
            so_far = f"{work.done / scale:{form}}{whole}{unit}"
            speed = f"{work.rate / scale:.1f}{mega}/s"
        left = max(work.total - work.done, 0) / work.rate if work.total and work.rate else 0.0
        rest = f", {timedelta(seconds=round(left))} left" if left else ""
        print(f"{work.what}: {so_far}, {speed}{rest}", file=sys.stderr, flush=True)

    yield write
    in_all = f"{work.done / scale:{form}}{unit}"
    took = f"{time.monotonic() - begun:.1f} s"
    print(f"{work.what}: {in_all} in {took}", file=sys.stderr, flush=True)


class Bars:
    """A bar for each work, on a display of rich.

    The display's columns may name the field `amount`, which is how fast the work is.
    """

    def __init__(self, display: "Progress", keep: bool = True):
        self._display, self._keep = display, keep
        self._tasks: dict[str, Any] = {}

    def show(self, work: Work, ended: bool = False) -> None:
        """Draw what is known of a work now; without `keep`, one that is over loses its bar."""
        if work.over and not self._keep:
            self.remove(work.what)
            return
        if work.what not in self._tasks:
            self._tasks[work.what] = self._display.add_task(
                work.title, total=work.total, completed=work.done, amount=work.speed
            )
        self._display.update(
            self._tasks[work.what],
            description=work.title,
            total=work.done if work.over and work.total is None else work.total,
            completed=work.done,
            amount=work.speed,
        )

    def remove(self, *names: str) -> None:
        """Take the bars of these works away, all of them without a name."""
        for name in names or list(self._tasks):
            if name in self._tasks:
                self._display.remove_task(self._tasks.pop(name))


def _bars(in_bytes: bool = False) -> "Progress":
    """Return bars for a terminal, one per task."""
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    amount: tuple[ProgressColumn, ...] = (
        (progress.DownloadColumn(), progress.TransferSpeedColumn())
        if in_bytes
        else (progress.TaskProgressColumn(), progress.TextColumn("{task.fields[amount]}"))
    )
    columns = (
        progress.TextColumn("{task.description}", table_column=Column(ratio=1)),
        progress.BarColumn(),
        *amount,
        progress.TimeRemainingColumn(),
    )
    return progress.Progress(*columns, console=Console(stderr=True))


# -- bars that another process draws ---------------------------------------------------------------

_elsewhere: Any = None  # the queue of the process that draws this one's bars


def draw_elsewhere(queue: Any) -> None:
    """Send the progress of this process to a queue from now on, None to draw it here."""
    global _elsewhere
    _elsewhere = queue


@contextmanager
def _sent(put: Callable[[Work], None], work: Work) -> Iterator[_Show]:
    """Send what is known of a work a few times a second, and that it is over."""
    last = time.monotonic()

    def send(work: Work, ended: bool) -> None:
        nonlocal last
        if ended or time.monotonic() - last >= _SEND_S:
            last = time.monotonic()
            put(replace(work))  # as it is now

    try:
        yield send
    finally:
        put(replace(work, over=True))


@contextmanager
def drawn_here(queue: Any) -> Iterator[None]:
    """Draw a bar for each work of which other processes tell by a queue; None draws nothing."""
    if queue is None:
        yield
        return
    with _bars() as display:
        bars = Bars(display)

        def draw() -> None:
            for work in iter(queue.get, None):
                bars.show(work)

        drawer = threading.Thread(target=draw, daemon=True)
        drawer.start()
        try:
            yield
        finally:
            queue.put(None)
            drawer.join(_LAST_S)


class _Socket:
    """Send works to the program that started this job; what it does not read is lost."""

    def __init__(self, address: str):
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def put(self, work: Work) -> None:
        """Send a message, unless the program has ended or runs on another machine."""
        with suppress(OSError):
            self._socket.sendto(json.dumps(asdict(work)).encode(), self._address)


@contextmanager
def heard_from_jobs(show: Callable[[Work], None]) -> Iterator[None]:
    """Call `show`, in a thread, with what processes that start meanwhile tell of their work."""
    with (
        tempfile.TemporaryDirectory(prefix="faceoff-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear,
    ):
        address = str(Path(folder) / "progress")
        try:
            ear.bind(address)
        except OSError:  # the path of the folder is too long for a socket
            yield
            return

        def listen() -> None:
            while message := ear.recv(_MESSAGE_BYTES):
                show(Work(**json.loads(message)))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        os.environ[_SOCKET] = address
        try:
            yield
        finally:
            del os.environ[_SOCKET]
            ear.sendto(b"", address)  # ends the listening
            listener.join()
