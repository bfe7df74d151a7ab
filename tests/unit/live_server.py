"""Run a server for tests, and ask it."""

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import requests
from PIL import Image

from faceoff.live import serving
from faceoff.live.settings import Settings

PIPELINE = "mediapipe_short/faceoff_small"


@dataclass(frozen=True)
class Running:
    """A server of this process."""

    url: str

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask by GET."""
        return requests.get(self.url + path, timeout=60, **more)

    def post(self, path: str = "/v1/analyze", **more: Any) -> requests.Response:
        """Send pictures."""
        return requests.post(self.url + path, timeout=60, **more)


@contextmanager
def running(settings: Settings, buffer: int = 0) -> Iterator[Running]:
    """Run a server on a free port by a thread, and end it.

    buffer: bytes that the system holds of what a client does not read; 0: its own choice.
    """
    listening = serving.listen(replace(settings, port=0))
    if buffer:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    server = serving.server(settings)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()


def encoded(image: np.ndarray, form: str = "PNG") -> bytes:
    """Return the bytes of an RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form)
    return buffer.getvalue()


def metric(live: Running, name: str) -> float:
    """Return the number of a line of /v1/metrics."""
    lines = live.get("/v1/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).rpartition(" ")[2])
