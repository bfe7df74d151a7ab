"""Progress of long work: a bar on a terminal, else a line in the job's log every few seconds."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_EVERY_S = 5.0


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and report how many are done, how fast, and (with `total`) how long the rest will take."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description=what, total=total, console=Console(stderr=True))
        return
    start = last = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last, rate = now, done / (now - start)
            rest = f", {max(total - done, 0) / rate:.0f} s left" if total else ""
            print(f"{what}: {done:,}{f' of {total:,}' if total else ''}, {rate:.1f}/s{rest}", file=sys.stderr, flush=True)
    print(f"{what}: {done:,} in {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
