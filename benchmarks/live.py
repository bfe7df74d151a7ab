"""Measure `faceoff serve`: requests per second, round trips of the socket, memory over many.

    .venv-full/bin/python benchmarks/live.py [--seconds 10] [--soak 10000]

A server of its own process reads 48-px crops (whole/faceoff_small), asked by one client and by 16,
each of which sends the next picture once it has the answer. The socket reads drawn faces of
640 x 480 (mediapipe_short/faceoff_small) one after another. With --soak, 16 clients send so many
requests, every tenth a bad one, and the server's memory is printed ten times.
"""

import argparse
import http.client
import io
import json
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from websockets.sync.client import connect

from faceoff.drawing import scenes
from faceoff.faces.resampling import resize

CLIENTS = 16
CROPS, FRAMES = "whole/faceoff_small", "mediapipe_short/faceoff_small"
_BOUNDARY = "faceoff"
_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"


@contextmanager
def server() -> Iterator[str]:
    """Run a server, and yield its host and port once it answers."""
    command = [sys.executable, "-m", "faceoff", "serve", "--port", "0"]
    command += ["--detector", "mediapipe_short", "--detector", "whole"]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **quiet) as process:
        try:
            address = re.findall(r"http://([\d.]+:\d+)", process.stdout.readline())[0]
            ask(http.client.HTTPConnection(address), "GET", "/v1/health")
            yield address
        finally:
            process.terminate()


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    """Return the status and the body of an answer; the connection stays open."""
    connection.request(method, path, body, {"Content-Type": _TYPE} if body else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def form(picture: bytes) -> bytes:
    """Return a body with one file."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    return head.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()


def encoded(image: np.ndarray, form: str) -> bytes:
    """Return the bytes of an RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form, quality=85)
    return buffer.getvalue()


def drawn(size: tuple[int, int], form: str) -> list[bytes]:
    """Return 24 drawn faces of this size (width, height)."""
    return [encoded(resize(scenes.draw(one)[0], size), form) for one in scenes.plan("test")[:24]]


def clients(address: str, many: int, bodies: list[bytes], go_on: Callable[[], bool]) -> list[float]:
    """Return the seconds of each request that so many clients sent while `go_on` says so."""
    path = "/v1/analyze?" + urlencode({"pipeline": CROPS})

    def work(client: int) -> list[float]:
        connection, seconds = http.client.HTTPConnection(address, timeout=60), []
        while go_on():
            body = bodies[(client + len(seconds)) % len(bodies)]
            began = time.perf_counter()
            status, _ = ask(connection, "POST", path, body)
            assert status in (200, 422), status
            seconds.append(time.perf_counter() - began)
        return seconds

    with ThreadPoolExecutor(many) as pool:
        return [second for found in pool.map(work, range(many)) for second in found]


def during(seconds: float) -> Callable[[], bool]:
    """Return a function that says for so long that time is left."""
    until = time.perf_counter() + seconds
    return lambda: time.perf_counter() < until


def rest(address: str, seconds: float) -> None:
    """Print requests per second, and the server's CPU, of one client and of many, in turn."""
    bodies = [form(picture) for picture in drawn((48, 48), "PNG")]
    clients(address, 1, bodies, during(1))
    for many in (1, CLIENTS, 1, CLIENTS):
        before = number(address, "process_cpu_seconds_total")
        took = clients(address, many, bodies, during(seconds))
        cpu_ms = 1000 * (number(address, "process_cpu_seconds_total") - before) / len(took)
        p50, p95 = 1000 * np.percentile(took, [50, 95])
        print(
            f"REST, 48 px, {many:2} client{'s' * (many > 1)}: {len(took) / seconds:6.1f} "
            f"requests/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, "
            f"{cpu_ms:.1f} ms of the server's CPU each",
            flush=True,
        )


def live(address: str, seconds: float) -> None:
    """Print round trips of the socket, frame after frame."""
    frames = drawn((640, 480), "JPEG")
    with connect(f"ws://{address}/v1/live") as ws:
        ws.send(json.dumps({"pipelines": [FRAMES], "temporal": "ema"}))
        ws.recv()
        took, go_on = [], during(seconds)
        for number in count():
            began = time.perf_counter()
            ws.send(struct.pack("<d", 1000 * began) + frames[number // 10 % len(frames)])
            answer = json.loads(ws.recv())
            took.append(time.perf_counter() - began)
            assert answer["type"] == "frame", answer
            if not go_on():
                break
    p50, p95 = 1000 * np.percentile(took, [50, 95])
    rate = len(took) / sum(took)
    print(f"socket, 640 x 480: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {rate:.1f} frames/s", flush=True)


def number(address: str, name: str) -> float:
    """Return a number of the server's metrics."""
    _, text = ask(http.client.HTTPConnection(address), "GET", "/v1/metrics")
    return float(re.findall(rf"^{name} (\S+)", text.decode(), re.MULTILINE)[0])


def soak(address: str, requests: int) -> None:
    """Print the server's memory ten times while it answers so many requests."""
    pictures = drawn((48, 48), "PNG")
    bodies = [form(picture[: 200 if n % 10 == 9 else None]) for n, picture in enumerate(pictures)]
    for part in range(10):
        left = iter(range(requests // 10))
        clients(address, CLIENTS, bodies, lambda left=left: next(left, None) is not None)
        megabytes = number(address, "process_resident_memory_bytes") / 1e6
        asked = (part + 1) * (requests // 10)
        print(f"after {asked} requests: {megabytes:.0f} MB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--soak", type=int, default=0, metavar="REQUESTS")
    asked = parser.parse_args()
    with server() as address:
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        rest(address, asked.seconds)
        live(address, asked.seconds)
        if asked.soak:
            soak(address, asked.soak)
