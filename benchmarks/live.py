"""Measure `faceoff serve`: requests per second, round trips of the socket, memory over many.

    .venv-full/bin/python benchmarks/live.py [--seconds 10] [--soak 10000] [--deepface]

A server of its own process reads 48-px crops (whole/faceoff_small), asked by one client and by 16,
each of which sends the next picture once it has the answer. The socket reads drawn faces of
640 x 480 (mediapipe_short/faceoff_small) one after another. With --soak, 16 clients send so many
requests, every tenth a bad one, and the server's memory is printed ten times.

With --deepface, deepface's own API (deepface.api, Flask) reads the same crops beside it, in turn:
one worker of gunicorn, as its image has, its PyTorch network, no face detector, action emotion. It
needs `pip install "deepface[api]"`. Its weights are random where its own are not here, which cost
the same time; what it names is then without meaning, and is not looked at.
"""

import argparse
import http.client
import io
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from websockets.sync.client import connect

from faceoff.drawing import scenes
from faceoff.faces.resampling import resize

CLIENTS = 16
CROPS, FRAMES = "whole/faceoff_small", "mediapipe_short/faceoff_small"
OURS, ITS = "/v1/analyze?" + urlencode({"pipeline": CROPS}), "/analyze"
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


def clients(
    address: str, many: int, bodies: list[bytes], go_on: Callable[[], bool], path: str = OURS
) -> list[float]:
    """Return the seconds of each request that so many clients sent while `go_on` says so."""

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
    """Print the server's memory ten times while it answers so many requests, and its growth."""
    pictures = drawn((48, 48), "PNG")
    bodies = [form(picture[: 200 if n % 10 == 9 else None]) for n, picture in enumerate(pictures)]
    memory = []
    for part in range(10):
        left = iter(range(requests // 10))
        clients(address, CLIENTS, bodies, lambda left=left: next(left, None) is not None)
        memory.append(number(address, "process_resident_memory_bytes") / 1e6)
        asked = (part + 1) * (requests // 10)
        print(f"after {asked} requests: {memory[-1]:.0f} MB", flush=True)
    growth = max(memory) / memory[0] - 1
    print(f"most of all over the first: {growth:+.1%}", flush=True)


def its_form(picture: bytes) -> bytes:
    """Return a body as deepface's API wants it."""
    fields = {"actions": '["emotion"]', "detector_backend": "skip"}
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join(parts).encode() + form(picture).replace(b'name="file"', b'name="img"')


@contextmanager
def deepface() -> Iterator[str]:
    """Run deepface's API, and yield its host and port once it reads a picture."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as home:
        engine = {"DEEPFACE_BACKEND_ENGINE": "pytorch", "DEEPFACE_LOG_LEVEL": "40"}
        env = {"DEEPFACE_HOME": home, **os.environ, **engine}
        subprocess.run([sys.executable, "-c", _WEIGHTS], env=env, check=True)
        command = [sys.executable, "-m", "gunicorn", "--workers=1", f"--bind={address}"]
        command += ["--log-level", "error", "deepface.api.src.app:create_app()"]
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
            try:
                body, until = its_form(drawn((48, 48), "PNG")[0]), time.monotonic() + 120
                while time.monotonic() < until:
                    with suppress(OSError):
                        status, said = ask(http.client.HTTPConnection(address), "POST", ITS, body)
                        assert status == 200, said
                        break
                    time.sleep(0.2)
                yield address
            finally:
                process.terminate()


_WEIGHTS = """
import os, pathlib, torch
from deepface.models.demography.pytorch.Emotion import EmotionModel
folder = pathlib.Path(os.environ["DEEPFACE_HOME"], ".deepface", "weights")
path = folder / "facial_expression_model_weights.pth"
if not path.exists():
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(EmotionModel().state_dict(), path)
    print("deepface: random weights, since its own are not here", flush=True)
"""


def beside_deepface(address: str, seconds: float) -> None:
    """Print requests per second of both servers in turn, and ours over its."""
    pictures = drawn((48, 48), "PNG")
    bodies = {OURS: [form(one) for one in pictures], ITS: [its_form(one) for one in pictures]}
    with deepface() as other:
        places = {OURS: address, ITS: other}
        for many in (1, CLIENTS):
            rates: dict[str, list[float]] = {OURS: [], ITS: []}
            for _ in range(3):
                for path, rate in rates.items():
                    took = clients(places[path], many, bodies[path], during(seconds / 3), path)
                    rate.append(3 * len(took) / seconds)
            ours, its = (np.median(rates[path]) for path in (OURS, ITS))
            print(
                f"48 px, {many:2} client{'s' * (many > 1)}: faceoff {ours:.1f}, deepface's API "
                f"{its:.1f} requests/s, {ours / its:.2f} times as many",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--soak", type=int, default=0, metavar="REQUESTS")
    parser.add_argument("--deepface", action="store_true")
    asked = parser.parse_args()
    with server() as address:
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        rest(address, asked.seconds)
        live(address, asked.seconds)
        if asked.soak:
            soak(address, asked.soak)
        if asked.deepface:
            beside_deepface(address, asked.seconds)
