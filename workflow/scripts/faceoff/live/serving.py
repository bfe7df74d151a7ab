"""Run the server until it is told to stop."""

import asyncio
import logging.config
import socket
from collections.abc import Callable

import uvicorn
import uvicorn.config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from faceoff.live.app import make
from faceoff.live.settings import Settings

_BACKLOG = 128  # connections that the system holds until they are accepted
_CONNECTIONS = 256  # at once; more get the status 503
_SILENT_S = 10.0  # for which a connection may ask nothing, as it counts among these


class _Connection(H11Protocol):
    """Read requests, and close a connection that leaves the next one unfinished.

    uvicorn waits for the first request, and for the rest of its headers, for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look for requests."""
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._looking.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        silent = self.cycle is None or self.cycle.response_complete
        self._looking = self.loop.call_later(_SILENT_S, self._look, self.cycle, silent)

    def _look(self, before: RequestResponseCycle | None, silent: bool) -> None:
        """Close the connection if no request began since the last look.

        before: the request of that look; silent: whether there was none, or it was answered.
        """
        if self.transport.get_protocol() is not self:
            return  # it is a WebSocket by now
        if silent and self.cycle is before:
            self.transport.close()
        else:
            self._look_again()


def server(settings: Settings) -> uvicorn.Server:
    """Return a server that is ready to run; its networks are loaded.

    Raises ValueError for names that are unknown or cannot run here, AssetError for missing weights.
    """
    limits = settings.limits
    return uvicorn.Server(
        uvicorn.Config(
            make(settings),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=round(limits.drain_s),
            http=_Connection,
            ws="websockets-sansio",
            ws_max_size=limits.frame,
            ws_per_message_deflate=False,
        )
    )


def listen(settings: Settings) -> socket.socket:
    """Return a socket on the address. Raises OSError that names an address that cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        address = (settings.host, settings.port)
        listening = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, reason, f"{settings.host}:{settings.port}") from None
    # asyncio sets it for sockets that it makes itself. Without it the second part of an answer
    # waits 40 ms until the client acknowledges the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(settings: Settings, told: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked, and end.

    told: is called with the server's address, before the networks are loaded. Raises as `listen`
    and `server`, and OSError for a folder of kept pictures that cannot be made.
    """
    if settings.keep is not None:
        settings.keep.mkdir(parents=True, exist_ok=True)  # an error comes before the first request
    logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
    with listen(settings) as listening:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        told(f"http://{host}:{listening.getsockname()[1]}")
        server(settings).run([listening])
