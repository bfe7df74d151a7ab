"""Show the progress of long work.

A terminal has a bar; a job's log has a line every few seconds.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")
_EVERY_S = 5.0


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
    what: str, total: int | None = None, done: int = 0, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Give a function to call with each number of new items or bytes.

    done: the number that was there before.
    """
    if _elsewhere is not None:
        with _sent(_elsewhere, what, total, done) as send:
            yield send
        return
    if sys.stderr.isatty():
        with _bars(in_bytes) as bar:
            yield partial(bar.advance, bar.add_task(what, total=total, completed=done))
        return
    start = last = time.monotonic()
    came = 0
    unit, scale, form = (" MB", 1e6, ",.1f") if in_bytes else ("", 1, ",.0f")

    def advance(new: int) -> None:
        nonlocal came, last
        came += new
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last, rate = now, came / (now - start)
            whole = f" of {total / scale:{form}}" if total else ""
            rest = f", {max(total - done - came, 0) / rate:.0f} s left" if total and rate else ""
            so_far = f"{(done + came) / scale:{form}}{whole}{unit}"
            speed = f"{rate / scale:.1f}{unit}/s"
            print(f"{what}: {so_far}, {speed}{rest}", file=sys.stderr, flush=True)

    yield advance
    in_all = f"{(done + came) / scale:{form}}{unit}"
    took = f"{time.monotonic() - start:.1f} s"
    print(f"{what}: {in_all} in {took}", file=sys.stderr, flush=True)


def _bars(in_bytes: bool = False) -> "Progress":
    """Return bars for a terminal, one per task."""
    from rich import progress
    from rich.console import Console

    amount = (
        (progress.DownloadColumn(), progress.TransferSpeedColumn())
        if in_bytes
        else (progress.TaskProgressColumn(),)
    )
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        *amount,
        progress.TimeRemainingColumn(),
    )
    return progress.Progress(*columns, console=Console(stderr=True))


_elsewhere: Any = None  # the queue of the process that draws this one's bars
_SEND_S = 0.2


def draw_elsewhere(queue: Any) -> None:
    """Send the progress of this process to a queue from now on, None to draw it here."""
    global _elsewhere
    _elsewhere = queue


@contextmanager
def _sent(queue: Any, what: str, total: int | None, done: int) -> Iterator[Callable[[int], None]]:
    last = time.monotonic()
    queue.put((what, total, done))

    def advance(new: int) -> None:
        nonlocal done, last
        done += new
        if time.monotonic() - last >= _SEND_S:
            last = time.monotonic()
            queue.put((what, total, done))

    yield advance
    queue.put((what, done, done))


@contextmanager
def drawn_here(queue: Any) -> Iterator[None]:
    """Draw a bar for each work of which other processes tell by a queue; None draws nothing."""
    if queue is None:
        yield
        return
    with _bars() as bars:
        tasks: dict[str, Any] = {}

        def draw() -> None:
            for what, total, done in iter(queue.get, None):
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], total=total, completed=done)

        drawer = threading.Thread(target=draw, daemon=True)
        drawer.start()
        try:
            yield
        finally:
            queue.put(None)
            drawer.join()
