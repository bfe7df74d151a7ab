"""Read a source by a thread of its own, so that the frame that is read next is the newest one."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from faceoff.analysis.pictures import Pictures

_LOOK_S = 0.1  # between two looks at whether the reading is to end
_CLOSE_S = 1e-9  # times as close as this are one time: 9 / 30 and 3 * 0.1 differ
_END_S = 1.0  # that the thread has to end; one that waits for a machine is left behind


@dataclass(frozen=True)
class Captured:
    """A frame. row: of `Pictures.rows`; at_s: when it came, on the clock `time.perf_counter`."""

    row: dict[str, Any]
    at_s: float


class Capture:
    """Hold the newest frame of a source; an older one that nobody has taken is dropped.

    every_s: seconds of the source between two frames that are given, 0 for all; paced: frames come
    at their own times, as a file's would not; whole: every frame is given, the source waits.
    dropped: how many frames a newer one replaced.
    """

    def __init__(
        self,
        pictures: Pictures,
        stop: threading.Event,
        *,
        every_s: float = 0.0,
        paced: bool = False,
        whole: bool = False,
    ):
        self._pictures, self._stop = pictures, stop
        self._every_s, self._paced, self._whole = every_s, paced, whole
        self._changed = threading.Condition()
        self._frame: Captured | None = None
        self._over = False
        self._failure: BaseException | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._read, name="capture", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Captured]:
        """Yield the newest frame as soon as there is one, until the source ends or is stopped.

        Raises what the source raises.
        """
        while not self._stop.is_set():
            with self._changed:
                if self._frame is None and not self._over:
                    self._changed.wait(_LOOK_S)
                frame, self._frame = self._frame, None
                self._changed.notify_all()
            if frame is not None:
                yield frame
            elif self._over:
                break
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(_END_S)

    def _read(self) -> None:
        try:
            for row in self._due(self._pictures.rows()):
                self._offer(Captured(row, time.perf_counter()))
                if self._stop.is_set():
                    break
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _due(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the first frame of each `every_s`, at its own time where they are paced."""
        start = due = None
        for row in rows:
            time_s = row["timestamp_s"]
            if start is None or due is None:
                start, due = time_s, time_s
                began = time.monotonic()
            if time_s < due - _CLOSE_S:
                continue
            if self._every_s:
                due = start + ((time_s - start + _CLOSE_S) // self._every_s + 1) * self._every_s
            if self._paced:
                self._stop.wait(max(0.0, began + time_s - start - time.monotonic()))
            yield row

    def _offer(self, frame: Captured) -> None:
        with self._changed:
            while self._whole and self._frame is not None and not self._stop.is_set():
                self._changed.wait(_LOOK_S)
            self.dropped += self._frame is not None and not self._whole
            self._frame = frame
            self._changed.notify_all()


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Set an event on Ctrl-C and SIGTERM, so that what was read is saved; a second one ends all."""

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before: list[tuple[int, Callable[..., Any] | int | None]] = [
        (number, signal.signal(number, ask)) for number in numbers
    ]
    try:
        yield
    finally:
        for number, action in before:
            signal.signal(number, action)
