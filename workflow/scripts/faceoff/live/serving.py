"""Run the server until it is told to stop."""

import uvicorn

from faceoff.live.app import make
from faceoff.live.settings import Settings

_BACKLOG = 128  # connections that the system holds until they are accepted
_CONNECTIONS = 256  # at once; more get the status 503


def server(settings: Settings) -> uvicorn.Server:
    """Return a server that is ready to run; its networks are loaded.

    Raises ValueError for names that are unknown or cannot run here, AssetError for missing weights.
    """
    limits = settings.limits
    return uvicorn.Server(
        uvicorn.Config(
            make(settings),
            host=settings.host,
            port=settings.port,
            log_level="info",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=round(limits.drain_s),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=limits.frame,
            ws_per_message_deflate=False,
        )
    )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked, and end.

    Raises as `server`, and OSError where the address cannot be had.
    """
    made = server(settings)
    made.run()
    if not made.started:
        raise OSError(f"{settings.host}:{settings.port} cannot be served: is the port in use?")
