"""`faceoff serve`: the numbers of `analyze`, many clients at once, and bad ones."""

import base64
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

import faceoff
from faceoff.drawing import scenes
from faceoff.live import serving
from faceoff.live.settings import Limits, Settings

PIPELINE = "mediapipe_short/faceoff_small"


@dataclass(frozen=True)
class Running:
    """A server of this process."""

    url: str
    server: Any

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask by GET."""
        return requests.get(self.url + path, timeout=60, **more)

    def post(self, **more: Any) -> requests.Response:
        """Send pictures."""
        return requests.post(f"{self.url}/v1/analyze", timeout=60, **more)


@contextmanager
def running(settings: Settings) -> Iterator[Running]:
    """Run a server on a free port by a thread, and end it."""
    server = serving.server(replace(settings, port=0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", server)
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    limits = Limits(body=2_000_000, pixels=1_000_000, pictures=8, waiting=64, jobs=2)
    with running(Settings(limits=limits)) as server:
        yield server


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Return PNGs of drawn faces, of different people and emotions."""
    return [encoded(scenes.draw(scene)[0]) for scene in scenes.plan("test")[:6]]


def encoded(image: np.ndarray, form: str = "PNG") -> bytes:
    """Return the bytes of an RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def expected(pictures: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """Return the rows that `faceoff analyze` writes of each picture as a file."""
    analyzer = faceoff.Analyzer()
    found = []
    for number, data in enumerate(pictures):
        path = tmp_path_factory.mktemp("alone") / f"{number}.png"
        path.write_bytes(data)
        found.append(analyzer.analyze(path).frames.to_pylist())
    return found


def rows(answer: requests.Response, number: int = 0) -> list[Any]:
    """Return the rows of a picture of an answer."""
    assert answer.status_code == 200, answer.text
    rows: list[Any] = answer.json()["pictures"][number]["results"][PIPELINE]["rows"]
    return rows


def test_the_rows_of_one_picture_are_those_of_analyze_to_the_bit(
    live: Running, pictures: list[bytes], expected: list[list[Any]]
) -> None:
    assert expected[0][0]["success"] == 1
    sent = live.post(files={"file": ("x", pictures[0])})
    assert rows(sent) == expected[0]
    text = base64.b64encode(pictures[0]).decode()
    for form in (text, f"data:image/png;base64,{text}"):
        assert rows(live.post(json={"pictures": [form]})) == expected[0]


def test_ten_clients_at_once_get_their_own_rows_to_the_bit_by_few_batches(
    live: Running, pictures: list[bytes], expected: list[list[Any]]
) -> None:
    before = metric(live, "faceoff_batch_pictures_count")

    def ask(number: int) -> list[Any]:
        return rows(live.post(files={"file": ("x", pictures[number % len(pictures)])}))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(30)))
    assert answers == [expected[number % len(pictures)] for number in range(30)]
    assert metric(live, "faceoff_batch_pictures_count") - before < 20


def test_health_pipelines_and_openapi(live: Running) -> None:
    assert live.get("/v1/health").json()["state"] == "ok"
    listed = live.get("/v1/pipelines").json()["pipelines"]
    assert [one["name"] for one in listed] == [PIPELINE]
    assert listed[0]["emotions"][:2] == ["neutral", "happiness"]
    paths = live.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/health", "/v1/pipelines", "/v1/metrics", "/v1/analyze", "/v1/jobs/{name}",
    }  # fmt: skip


def metric(live: Running, name: str) -> float:
    """Return the number of a line of /v1/metrics."""
    lines = live.get("/v1/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).rpartition(" ")[2])
