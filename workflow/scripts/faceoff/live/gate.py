"""Let in what may come in: before a request is read, and while it is.

A plain ASGI layer, since it has to see each part of a body.
"""

import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from faceoff.live.settings import LOOPBACK, Limits, Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Told = Callable[[str, str, int, float], None]  # method, route, status, seconds
PAGE = "/static/"  # before the names of the page's files
OPEN = ("/", "/v1/health")  # paths that ask for no token, beside those files


class BodyError(Exception):
    """A request has more bytes than the server takes. status: 413, or 429 of all requests."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


class Gate:
    """Check host, origin, token and size of what comes in, and tell what became of it.

    A page of another address (Origin) is refused, since a browser sends its requests even where
    the page may not read the answers. Where no token is asked for, the Host has to be a name of
    this machine, so that no other name can be made to point here (DNS rebinding).
    """

    def __init__(self, app: App, settings: Settings, told: Told):
        self._app, self._settings, self._told = app, settings, told
        self._bodies = _Bodies(settings.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, socket or start of the server."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope, headers)
        if scope["type"] == "websocket":
            if refused is not None:
                await _deny(scope, receive, send, *refused)
                return
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        body = _Body(receive, self._bodies)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if refused is not None:
                await answer(watched, *refused)
                return
            if self._bodies.is_too_much(headers.get(b"content-length")):
                await answer(watched, 413, self._bodies.reason)
                return
            await self._app(scope, body.receive, watched)
        finally:
            body.forget()
            route = getattr(scope.get("route"), "path", "other")
            self._told(scope["method"], route, status, time.perf_counter() - began)

    def _refused(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Return status and reason of what may not come in."""
        settings = self._settings
        host = headers.get(b"host", "")
        if settings.token is None and _name(f"//{host}") not in (*LOOPBACK, settings.host):
            return 421, "the Host of the request is no name of this machine"
        origin = headers.get(b"origin")
        own = (f"http://{host}", f"https://{host}")
        if origin is not None and origin not in (*own, *settings.origins):
            return 403, "pages of other addresses may not ask"
        by_message = scope["type"] == "websocket" and b"authorization" not in headers
        is_open = scope["path"] in OPEN or scope["path"].startswith(PAGE)
        if settings.token is None or is_open or by_message:
            return None
        if not is_token(headers.get(b"authorization", "").removeprefix("Bearer "), settings.token):
            return 401, "the token is missing or wrong: send `Authorization: Bearer TOKEN`"
        return None


def is_token(given: str, token: str) -> bool:
    """Return whether a client's token is the right one, in a time that does not depend on it."""
    return hmac.compare_digest(given.encode(), token.encode())


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


class _Bodies:
    """Count the bytes of all requests that are open. reason: says how many one may have."""

    def __init__(self, limits: Limits):
        self.one, self._all, self.taken = limits.body, limits.bodies, 0
        self.reason = f"the request is larger than {limits.body} bytes"

    def is_too_much(self, length: str | None) -> bool:
        """Return whether the header Content-Length says more than a request may have."""
        return length is not None and length.isdigit() and int(length) > self.one

    @property
    def are_full(self) -> bool:
        """Return whether all requests together hold more than the server takes."""
        return self.taken > self._all


class _Body:
    """Pass on the parts of a body until they are too many."""

    def __init__(self, receive: Receive, bodies: _Bodies):
        self._receive, self._bodies, self._taken = receive, bodies, 0

    async def receive(self) -> Message:
        """Return the next message. Raises BodyError."""
        message = await self._receive()
        length = len(message.get("body", b""))
        self._taken += length
        self._bodies.taken += length
        if self._taken > self._bodies.one:
            raise BodyError(413, self._bodies.reason)
        if self._bodies.are_full:
            raise BodyError(429, "too many requests with large bodies are open")
        return message

    def forget(self) -> None:
        """Count the body no more: its request is answered."""
        self._bodies.taken -= self._taken
        self._taken = 0


async def answer(send: Send, status: int, reason: str) -> None:
    """Answer a request by an error, and close its connection, whose body may not be read."""
    body = json.dumps({"error": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _deny(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    """Refuse a socket before it opens, with a status where the server can send one."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return

    async def as_socket(message: Message) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.")})

    await answer(as_socket, status, reason)
