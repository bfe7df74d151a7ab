"""Read the frames of one client's WebSocket: the newest frame wins, and none is queued.

docs/live.md describes the messages.
"""

import asyncio
import json
import math
import struct
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceoff.live import uploads
from faceoff.live.frames import Course, FrameReader, causal
from faceoff.live.gate import is_token
from faceoff.live.measured import Measured
from faceoff.live.pipelines import Pipeline, Pipelines
from faceoff.live.settings import Settings
from faceoff.live.uploads import RefusedError
from faceoff.media.images import AnimationError
from faceoff.plugins.protocols import RGB
from faceoff.storage.files import plain

_STAMP = struct.Struct("<d")
_GREETING_S = 10.0  # for the first message
_POLICY, _BUSY = 1008, 1013  # codes of RFC 6455 and its registry


class Greeting(BaseModel):
    """The first message of a client. token: where its requests cannot have a header."""

    model_config = ConfigDict(extra="forbid")
    pipelines: list[str] = Field(default=[], max_length=32)
    temporal: str | None = None
    units: bool = False
    token: str | None = None


@dataclass(frozen=True)
class _Frame:
    """A message that is to be read. number: of the frame among all; at_s: when it came."""

    data: bytes
    number: int
    at_s: float


class Sockets:
    """Serve the sockets of all clients by one thread, which has the networks."""

    def __init__(
        self,
        settings: Settings,
        pipelines: Pipelines,
        reader: FrameReader,
        thread: Executor,
        measured: Measured,
    ):
        self._settings, self._pipelines = settings, pipelines
        self._reader, self._thread, self._measured = reader, thread, measured
        self.open = 0

    async def serve(self, socket: WebSocket, has_token: bool) -> None:
        """Serve one client until it goes. has_token: whether its header had the right one."""
        await socket.accept()
        if self.open >= self._settings.limits.sockets:
            await socket.close(_BUSY, "too many sockets are open")
            return
        self.open += 1
        try:
            await self._served(socket, has_token)
        except (WebSocketDisconnect, TimeoutError):
            pass  # the client has gone, or reads no more
        finally:
            self.open -= 1

    async def _served(self, socket: WebSocket, has_token: bool) -> None:
        try:
            async with asyncio.timeout(_GREETING_S):
                greeting = Greeting.model_validate_json(await socket.receive_text())
            token = None if has_token else self._settings.token
            if token is not None and not is_token(greeting.token or "", token):
                await socket.close(_POLICY, "the token is missing or wrong")
                return
            chosen = self._pipelines.chosen(greeting.pipelines)
            rule = causal(greeting.temporal)
        except (ValidationError, ValueError, KeyError, RefusedError) as error:
            await self._send(socket, {"type": "error", "reason": _said(error)})
            await socket.close(_POLICY, "the first message is wrong")
            return
        emotions = {one.name: one.emotions for one in chosen}
        course = Course(emotions, rule, self._reader.thresholds)
        await self._send(socket, {
            "type": "ready",
            "pipelines": [{"name": one.name, "emotions": list(one.emotions)} for one in chosen],
            "temporal": greeting.temporal,
        })  # fmt: skip
        newest = _Newest(self._measured.frames.labels("dropped").inc)
        receiver = asyncio.create_task(newest.receive(socket))
        try:
            while (frame := await newest.take()) is not None:
                answer = await self._answer(frame, chosen, course, greeting.units, newest)
                await self._send(socket, answer)
            await receiver  # raises why there are no more
        finally:
            receiver.cancel()

    async def _send(self, socket: WebSocket, message: dict[str, Any]) -> None:
        """Send a message. Raises TimeoutError for a client that does not read."""
        async with asyncio.timeout(self._settings.limits.stalled_s):
            await socket.send_text(json.dumps(plain(message)))

    async def _answer(
        self,
        frame: _Frame,
        chosen: list[Pipeline],
        course: Course,
        units: bool,
        newest: "_Newest",
    ) -> dict[str, Any]:
        """Return what is told of a frame: its faces, or the reason why it is not read."""
        loop = asyncio.get_running_loop()
        try:
            sent, data = _parts(frame.data)
            began = time.perf_counter()
            image = await loop.run_in_executor(None, self._decoded, data)
            decode_s = time.perf_counter() - began
            read = await loop.run_in_executor(self._thread, self._reader.read, image, chosen, units)
        except RefusedError as error:
            self._measured.frames.labels("bad").inc()
            return {"type": "error", "reason": error.reason}
        except Exception as error:  # of a network; the next frame may be another matter
            self._measured.frames.labels("failed").inc()
            return {"type": "error", "reason": f"not read: {type(error).__name__}"}
        faces = course.told(read.faces, sent / 1000, units)
        all_s = time.perf_counter() - frame.at_s
        self._measured.frames.labels("read").inc()
        self._measured.frame_seconds.observe(all_s)
        height, width = image.shape[:2]
        seconds = {
            "decode": decode_s, "detect": read.detect_s, "read": read.read_s, "all": all_s,
        }  # fmt: skip
        return {
            "type": "frame",
            "sent": sent,
            "frame": frame.number,
            "width": width,
            "height": height,
            "dropped": newest.dropped,
            "ms": {name: round(1000 * value, 3) for name, value in seconds.items()},
            "faces": faces,
        }

    def _decoded(self, data: bytes) -> RGB:
        if not data.startswith(b"\xff\xd8\xff"):
            raise RefusedError(415, "the frame is no JPEG")
        try:
            image = uploads.still(data, self._settings.limits.frame_pixels)
        except AnimationError as error:
            raise RefusedError(415, str(error)) from None
        if self._settings.keep is not None:
            uploads.keep(data, self._settings.keep)
        return image


class _Newest:
    """Hold the newest frame of a client; an older one that nobody has taken is dropped.

    drop: is called for each of these; dropped: how many.
    """

    def __init__(self, drop: Callable[[], None]):
        self._drop, self._over = drop, False
        self._changed = asyncio.Event()
        self._frame: _Frame | None = None
        self.dropped = 0

    async def receive(self, socket: WebSocket) -> None:
        """Take messages until the client goes. Raises WebSocketDisconnect."""
        number = 0
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message.get("code", 1000))
                if self._frame is not None:
                    self.dropped += 1
                    self._drop()
                # A text where a frame is due is a bad frame.
                self._frame = _Frame(message.get("bytes") or b"", number, time.perf_counter())
                number += 1
                self._changed.set()
        finally:
            self._over = True
            self._changed.set()

    async def take(self) -> _Frame | None:
        """Return the newest frame as soon as there is one; None when there are no more."""
        while self._frame is None and not self._over:
            self._changed.clear()
            await self._changed.wait()
        frame, self._frame = self._frame, None
        return None if self._over else frame


def _parts(data: bytes) -> tuple[float, bytes]:
    """Return the client's milliseconds and the JPEG of a message. Raises RefusedError."""
    if len(data) <= _STAMP.size:
        raise RefusedError(422, "no frame: send 8 bytes of a float64, little-endian, then a JPEG")
    (sent,) = _STAMP.unpack_from(data)
    if not math.isfinite(sent) or abs(sent) > 1e15:
        raise RefusedError(422, "the time of the frame is no number of milliseconds")
    return sent, data[_STAMP.size :]


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"the first message: {where + ': ' if where else ''}{first['msg']}"
    if isinstance(error, KeyError):
        return "the first message is no text"
    return error.reason if isinstance(error, RefusedError) else str(error)
