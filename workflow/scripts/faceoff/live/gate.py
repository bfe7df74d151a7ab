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
OPEN = ("/v1/health",)  # paths that ask for no token


class BodyTooLargeError(Exception):
    """A request has more bytes than the server takes."""


class Gate:
    """Check host, origin, token and size of what comes in, and tell what became of it.

    A page of another address (Origin) is refused, since a browser sends its requests even where
    the page may not read the answers. Where no token is asked for, the Host has to be a name of
    this machine, so that no other name can be made to point here (DNS rebinding).
    """

    def __init__(self, app: App, settings: Settings, told: Told):
        self._app, self._settings, self._told = app, settings, told

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

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if refused is not None:
                await answer(watched, *refused)
                return
            body = _Body(receive, self._settings.limits)
            if body.states_too_much(headers.get(b"content-length")):
                await answer(watched, 413, body.reason)
                return
            await self._app(scope, body.receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._told(scope["method"], route, status, time.perf_counter() - began)

    def _refused(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Return status and reason of what may not come in."""
        settings = self._settings
        host = headers.get(b"host", "")
        if settings.token is None and _name(f"//{host}") not in (*LOOPBACK, settings.host):
            return 421, "the Host of the request is no name of this machine"
        origin = headers.get(b"origin")
        if origin is not None and origin not in settings.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or parts.netloc != host:
                return 403, "pages of other addresses may not ask"
        by_message = scope["type"] == "websocket" and b"authorization" not in headers
        if settings.token is None or scope["path"] in OPEN or by_message:
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


class _Body:
    """Pass on the parts of a body until they are too many. reason: says how many are taken."""

    def __init__(self, receive: Receive, limits: Limits):
        self._receive, self._most, self._taken = receive, limits.body, 0
        self.reason = f"the request is larger than {limits.body} bytes"

    def states_too_much(self, length: str | None) -> bool:
        """Return whether the header Content-Length says more than is taken."""
        return length is not None and length.isdigit() and int(length) > self._most

    async def receive(self) -> Message:
        """Return the next message. Raises BodyTooLargeError."""
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._most:
            raise BodyTooLargeError(self.reason)
        return message


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
