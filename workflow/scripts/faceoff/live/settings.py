"""Say what a server reads, for whom, and within which bounds."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from faceoff.analysis import DETECTOR, MODELS

MODULES = ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Limits:
    """Bound what one client can ask of the server.

    body: bytes of a request; bodies: of all requests at once; pixels: of the pictures of a request;
    pictures: of a request; frame, frame_pixels: bytes and pixels of a frame of a socket; waiting,
    waiting_pixels: pictures, and their pixels, of all requests at once; jobs: videos that wait or
    are kept; sockets: open at once; request_s: seconds for a body, and then for its answer;
    job_s: seconds that a video may take; kept_s: seconds for which a finished job is kept;
    stalled_s: seconds that a socket's client may leave an answer unread; drain_s: seconds for open
    requests when the server is told to stop.
    """

    body: int = 64_000_000
    bodies: int = 512_000_000
    pixels: int = 40_000_000
    pictures: int = 64
    frame: int = 4_000_000
    frame_pixels: int = 9_000_000
    waiting: int = 256
    waiting_pixels: int = 200_000_000
    jobs: int = 8
    sockets: int = 16
    request_s: float = 30.0
    job_s: float = 1800.0
    kept_s: float = 3600.0
    stalled_s: float = 10.0
    drain_s: float = 30.0


@dataclass(frozen=True)
class Settings:
    """Hold what a server is told.

    detectors, models: every pair of them is a pipeline, named DETECTOR/MODEL; signals: that measure
    each face; keep: folder for the pictures that are read, None keeps none; origins: of pages of
    other addresses that may ask, as https://example.org.

    Raises ValueError for an address that is not this machine's own without a token, a token that is
    short or that no header can carry, and an origin with a path or without a scheme.
    """

    detectors: tuple[str, ...] = (DETECTOR,)
    models: tuple[str, ...] = MODELS
    signals: tuple[str, ...] = ()
    device: str = "auto"
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    keep: Path | None = None
    origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.is_local and not self.token:
            raise ValueError(
                f"the address {self.host} is open to other machines: give --token, or set "
                "FACEOFF_TOKEN, which clients have to send"
            )
        if self.token is not None and len(self.token) < 16:
            raise ValueError(
                "the token is shorter than 16 characters: take one that `openssl rand -hex 24` "
                "prints"
            )
        if self.token is not None and (
            not self.token.isascii()
            or not self.token.isprintable()
            or self.token != self.token.strip()
        ):
            raise ValueError(
                "the token has characters that no header can carry: take one line of ASCII, as "
                "`openssl rand -hex 24` prints"
            )
        for origin in self.origins:
            if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s]+", origin):
                raise ValueError(
                    f"--origin {origin}: give the address of a page without its path, as in "
                    "https://example.org"
                )

    @property
    def is_local(self) -> bool:
        """Return whether only this machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
