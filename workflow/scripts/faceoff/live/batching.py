"""Read the pictures of requests that come at the same time by one batch."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from faceoff.analysis.result import Analysis
from faceoff.live.settings import Limits
from faceoff.live.uploads import RefusedError
from faceoff.plugins.protocols import RGB

BATCH = 64  # pictures that are read together at most
# The longest that a batch waits for requests that are expected; it takes several times as long.
WINDOW_S = 0.016
Read = Callable[[str, Sequence[RGB]], list[Analysis]]  # pipeline, pictures


@dataclass
class _Request:
    """The pictures of a request for one pipeline. answer: an analysis of each."""

    pipeline: str
    images: Sequence[RGB]
    answer: "Future[list[Analysis]]" = field(default_factory=Future)


class Room:
    """Bound the pictures that are in memory. pictures: that are, and their pixels."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self.pictures = self.pixels = 0

    @contextmanager
    def taken(self, pictures: int, pixels: int) -> Iterator[None]:
        """Hold pictures for as long as a request is open. Raises RefusedError (429) if full."""
        if (
            self.pictures + pictures > self._limits.waiting
            or self.pixels + pixels > self._limits.waiting_pixels
        ):
            raise RefusedError(429, "too many pictures are waiting", retry_s=1)
        self.pictures += pictures
        self.pixels += pixels
        try:
            yield
        finally:
            self.pictures -= pictures
            self.pixels -= pixels


class Batcher:
    """Give pictures to the networks by a thread that joins what is waiting.

    read: reads pictures by a pipeline; told: is called with the size of each batch; coming: how
    many requests are on their way here.
    """

    def __init__(self, read: Read, told: Callable[[int], None]):
        self._read, self._told = read, told
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self.coming = 0
        self._thread = threading.Thread(target=self._work, name="networks", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Return whether the thread works."""
        return self._thread.is_alive()

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Let those that wait know of a request whose pictures are on their way."""
        self.coming += 1
        try:
            yield
        finally:
            self.coming -= 1

    async def analyses(self, pipeline: str, images: Sequence[RGB]) -> list[Analysis]:
        """Return an analysis of each picture.

        Raises what the pipeline raises. If this is cancelled before the networks begin, they do
        not.
        """
        request = _Request(pipeline, images)
        self._queue.put(request)
        return await asyncio.wrap_future(request.answer)

    def close(self) -> None:
        """End the thread once it has read what is waiting."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        for joined in self._joined():
            for pipeline in dict.fromkeys(request.pipeline for request in joined):
                self._answer(pipeline, [one for one in joined if one.pipeline == pipeline])

    def _joined(self) -> Iterator[list[_Request]]:
        """Yield what is waiting, up to BATCH pictures, until the end is put.

        A batch waits WINDOW_S for requests that are on their way, and for as many as were open at
        the end of the batch before, since its clients may ask again; a lone client never waits.
        """
        expected = 1
        while (request := self._queue.get()) is not None:
            joined, pictures = [request], len(request.images)
            until = time.monotonic() + WINDOW_S
            while pictures < BATCH:
                awaited = self.coming or len(joined) < expected
                left = until - time.monotonic() if awaited else 0.0
                try:
                    more = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                joined.append(more)
                pictures += len(more.images)
            yield joined
            expected = len(joined) + self._queue.qsize()

    def _answer(self, pipeline: str, requests: Sequence[_Request]) -> None:
        requests = [one for one in requests if one.answer.set_running_or_notify_cancel()]
        images = [image for one in requests for image in one.images]
        if not images:
            return
        self._told(len(images))
        try:
            found = iter(self._read(pipeline, images))
        except Exception as error:
            if len(requests) == 1:
                requests[0].answer.set_exception(error)
                return
            for one in requests:  # so that one request spoils no other
                self._alone(one)
            return
        for one in requests:
            one.answer.set_result([next(found) for _ in one.images])

    def _alone(self, request: _Request) -> None:
        try:
            request.answer.set_result(self._read(request.pipeline, request.images))
        except Exception as error:
            request.answer.set_exception(error)
