"""`faceoff serve`: the numbers of `analyze`, many clients at once, and bad ones."""

import asyncio
import base64
import hashlib
import importlib.metadata
import multiprocessing
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import requests
from live_server import PIPELINE, Running, encoded, metric, running
from typer.testing import CliRunner

import faceoff
from faceoff.analysis.analyzer import Analyzer
from faceoff.cli import app
from faceoff.drawing import clips, scenes
from faceoff.drawing.video import write_video
from faceoff.inference.runtimes import BatchedNetwork
from faceoff.layout import PACKAGE
from faceoff.live import answers, pipelines, serving, settings
from faceoff.live.batching import Batcher
from faceoff.live.settings import Limits, Settings
from faceoff.storage import files

VERSION = importlib.metadata.version("faceoff")


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    limits = Limits(body=2_000_000, pixels=1_000_000, pictures=8, waiting=64, jobs=2)
    with running(Settings(limits=limits)) as server:
        yield server


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Return PNGs of drawn faces, of different people and emotions."""
    return [encoded(scenes.draw(scene)[0]) for scene in scenes.plan("test")[:6]]


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


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drawn clip of 8 frames."""
    path = tmp_path_factory.mktemp("clips") / "talk.mp4"
    frames = clips.frames(clips.plan("test")[0])
    write_video(path, (image for _, image, _ in islice(frames, 8)), 25)
    return path


def finished(live: Running, name: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        job: dict[str, Any] = live.get(f"/v1/jobs/{name}").json()
        if job["state"] not in ("waiting", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError(job)


@pytest.mark.slow
def test_a_video_becomes_a_job_with_the_rows_of_analyze(live: Running, clip: Path) -> None:
    begun = live.post(files={"file": ("../../etc/passwd.png", clip.read_bytes())})
    assert begun.status_code == 202
    name = begun.json()["id"]
    assert begun.headers["location"] == f"/v1/jobs/{name}"
    job = finished(live, name)
    answers.JobState.model_validate(job)
    assert (job["state"], job["frames"], job["total"]) == ("done", 8, 8)
    assert job["result"][PIPELINE]["rows"] == faceoff.analyze(clip).frames.to_pylist()
    assert requests.delete(f"{live.url}/v1/jobs/{name}", timeout=60).status_code == 204
    gone = live.get(f"/v1/jobs/{name}")
    assert gone.status_code == 404
    assert "no such job" in gone.json()["error"]


@pytest.mark.slow
def test_jobs_are_cancelled_bounded_and_outlived_by_the_server(live: Running, clip: Path) -> None:
    """One of two videos is cancelled, a third is refused, a process is killed."""
    sent = {"file": ("x", clip.read_bytes())}
    first, second = (live.post(files=sent).json()["id"] for _ in range(2))
    third = live.post(files=sent)
    assert third.status_code == 429
    assert int(third.headers["retry-after"]) > 0
    assert live.get(f"/v1/jobs/{second}").json()["state"] == "waiting"
    assert requests.delete(f"{live.url}/v1/jobs/{second}", timeout=60).status_code == 204
    until = time.monotonic() + 20
    while not (processes := multiprocessing.active_children()) and time.monotonic() < until:
        time.sleep(0.01)
    (process,) = processes
    process.kill()
    job = finished(live, first)
    assert (job["state"], job["reason"]) == ("failed", "its process ended with status -9")
    # A finished job makes room for a new one.
    broken = clip.read_bytes()[:40] + b"\0" * 1000
    name = live.post(files={"file": ("x", broken)}).json()["id"]
    job = finished(live, name)
    assert job["state"] == "failed"
    assert "not readable: cannot decode" in job["reason"]
    running = live.post(files=sent).json()["id"]
    while live.get(f"/v1/jobs/{running}").json()["state"] != "running":
        time.sleep(0.01)
    assert requests.delete(f"{live.url}/v1/jobs/{running}", timeout=60).status_code == 204
    assert multiprocessing.active_children() == []


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a grey PNG of these chunks between its head and its end."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def bomb(size: int) -> bytes:
    """Return deflated zeros, a thousandth of their size."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(10**6)) for _ in range(size // 10**6)]
    return b"".join([*parts, packer.flush()])


NOISE = encoded(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))


def multipart(data: bytes, name: str = "x") -> dict[str, Any]:
    """Return a request with one file."""
    return {"files": {"file": (name, data, "image/jpeg")}}


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "a truncated PNG": (multipart(NOISE[: len(NOISE) // 2]), 422, "cannot decode"),
    "an empty file": (multipart(b""), 422, "an empty file"),
    "text as JPEG": (multipart(b"hello", "face.jpg"), 415, "neither a picture nor a video"),
    "a PDF": (multipart(b"%PDF-1.7 ...", "face.jpg"), 415, "PDF"),
    "20,000 x 20,000 pixels": (
        multipart(png(20_000, 20_000, chunk(b"IDAT", bomb(10**6)))), 413, "pixels",
    ),
    "more pixels than are read": (
        multipart(png(2000, 2000, chunk(b"IDAT", bomb(5 * 10**6)))), 413, "1000000",
    ),
    "many pictures of too many pixels": (
        {"files": [("file", ("x", png(800, 800, chunk(b"IDAT", bomb(10**6)))))] * 2},
        413,
        "1280000 pixels",
    ),
    "a body that is too large": (multipart(bytes(3_000_000)), 413, "larger than 2000000 bytes"),
    "too many pictures": ({"files": [("file", ("x", NOISE))] * 9}, 413, "8"),
    "a form without a file": ({"files": {"other": (None, "x")}}, 422, "no file"),
    "a form without a boundary": (
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary",
    ),
    "a body of another type": ({"data": NOISE, "headers": {"Content-Type": "image/png"}}, 415, ""),
    "no JSON": ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 422, "JSON"),
    "JSON of another kind": ({"json": {"pictures": "x"}}, 422, "pictures"),
    "JSON with a path": ({"json": {"pictures": ["eA=="], "path": "/"}}, 422, "path"),
    "no base64": ({"json": {"pictures": ["*"]}}, 422, "no base64"),
    "no pictures": ({"json": {"pictures": []}}, 422, "pictures"),
    "an unknown pipeline": (
        {**multipart(NOISE), "params": {"pipeline": "mediapipe_short/faceoff_smal"}},
        422,
        f"did you mean '{PIPELINE}'",
    ),
    "an unknown form": ({**multipart(NOISE), "params": {"as": "csv"}}, 422, "rows"),
    "a Host of another name": (
        {**multipart(NOISE), "headers": {"Host": "faces.example"}}, 421, "Host",
    ),
    "a page of another address": (
        {**multipart(NOISE), "headers": {"Origin": "https://faces.example"}}, 403, "pages",
    ),
    "a page of no address": (
        {**multipart(NOISE), "headers": {"Origin": "http://["}}, 403, "pages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_a_status_and_a_reason(live: Running, what: str) -> None:
    request, status, reason = BAD[what]
    answer = live.post(**request)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert reason in answer.json()["error"]
    assert "Traceback" not in answer.text
    assert live.get("/v1/health").json() == {"state": "ok", "version": VERSION, "waiting": 0}


def test_a_page_of_the_servers_own_address_may_ask(live: Running) -> None:
    answer = live.post(**multipart(NOISE), headers={"Origin": live.url})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_unknown_paths_and_methods_are_json_errors(live: Running) -> None:
    assert live.get("/etc/passwd").json() == {"error": "Not Found"}
    assert live.get("/v1/analyze").status_code == 405
    wrong = live.post(path="/v1/jobs/x")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, GET")
    assert "other" in {
        line.partition('route="')[2].partition('"')[0]
        for line in live.get("/v1/metrics").text.splitlines()
        if line.startswith("faceoff_requests_total")
    }


def test_a_body_without_a_length_ends_early(live: Running) -> None:
    """The server takes its 2 MB of 100 and closes."""
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 100_000
            yield bytes(100_000)

    headers = {"Content-Type": "application/json"}
    with suppress(requests.ConnectionError):  # it may close before the client listens
        answer = live.post(data=parts(), headers=headers)
        assert answer.status_code == 413
    assert sent < 30_000_000
    assert live.get("/v1/health").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        png(64, 64, chunk(b"IDAT", bomb(200 * 10**6))),
        png(64, 64, chunk(b"zTXt", b"a\0\0" + bomb(200 * 10**6)), chunk(b"IDAT", bomb(10**6))),
    ],
    ids=["pixels", "text"],
)
def test_a_bomb_in_a_png_takes_no_memory(live: Running, data: bytes) -> None:
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = peak()
    answer = live.post(**multipart(data))
    assert answer.status_code in (200, 422)
    assert peak() - before < 100 * 10**6


def peak() -> int:
    """Return the most bytes of memory that this process, and so the server, has had."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.slow
def test_memory_stays_flat_over_many_requests(live: Running, pictures: list[bytes]) -> None:
    """Sixteen clients, every fifth request a bad one; benchmarks/live.py --soak asks 10,000."""
    bodies = [*pictures[:4], pictures[4][:200]]

    def ask(number: int) -> int:
        return live.post(**multipart(bodies[number % 5])).status_code

    def resident(requests: int) -> float:
        """Return the bytes of memory of this process, the server's too, after so many requests."""
        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(ask, range(requests))) == {200, 422}
        return metric(live, "process_resident_memory_bytes")

    first = resident(160)
    assert resident(480) < 1.05 * first


def test_answers_and_examples_are_as_openapi_says(live: Running, pictures: list[bytes]) -> None:
    params = {"pipeline": PIPELINE, "as": "document"}
    answer = live.post(files=[("file", ("x", data)) for data in pictures[:2]], params=params)
    told = answers.Answer.model_validate(answer.json())
    assert [(one.width, one.height) for one in told.pictures] == [(240, 240)] * 2
    document = told.pictures[0].results[PIPELINE].document
    jsonschema.validate(document, files.read_json(PACKAGE / "analysis" / "schema.json"))
    answers.PipelineList.model_validate(live.get("/v1/pipelines").json())
    models = (answers.Answer, answers.JobState, answers.PipelineInfo, answers.Health)
    for model in (*models, answers.Upload, answers.Problem, answers.Read):
        model.model_validate(model.model_json_schema()["example"])


def test_a_network_that_raises_fails_its_request_without_a_traceback(
    live: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("/home/somebody/model.onnx is broken")

    with monkeypatch.context() as patched:
        patched.setattr(Analyzer, "stills", broken)
        answer = live.post(**multipart(NOISE))
    assert answer.status_code == 500
    assert answer.json() == {"error": "the server failed: RuntimeError"}
    assert live.post(**multipart(NOISE)).status_code == 200


def test_batches_are_small_only_where_that_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose bits depend on the size of its batch keeps the size of `analyze`; so does
    one that reads nothing.
    """
    asked = ((("whole", "faceoff_small"),), (), "cpu")
    assert pipelines.is_same_in_small_batches.__wrapped__(*asked)
    real = BatchedNetwork.run

    def moved(self: BatchedNetwork, inputs: np.ndarray) -> Any:
        return [
            output + np.float32(1e-6 * (self._batch == pipelines._TOGETHER))
            for output in real(self, inputs)
        ]

    with monkeypatch.context() as patched:
        patched.setattr(BatchedNetwork, "run", moved)
        assert not pipelines.is_same_in_small_batches.__wrapped__(*asked)
    monkeypatch.setattr(pipelines.scenes, "draw", lambda scene: (np.zeros((64, 64, 3), np.uint8),))
    asked = ((("mediapipe_short", "faceoff_small"),), (), "cpu")
    assert not pipelines.is_same_in_small_batches.__wrapped__(*asked)


def test_requests_of_a_batch_that_fails_are_read_one_by_one() -> None:
    """The first request keeps the thread busy until the other three wait: they are one batch."""
    held, sizes = threading.Event(), list[int]()

    def read(pipeline: str, images: Sequence[np.ndarray]) -> list[Any]:
        held.wait(10)
        if any(image.max() == 0 for image in images):
            raise RuntimeError("black")
        return [(pipeline, int(image.max())) for image in images]

    async def ask() -> list[Any]:
        batcher = Batcher(read, sizes.append)
        first = asyncio.create_task(batcher.analyses("a", [picture(9)]))
        await asyncio.sleep(0.05)
        sent = [[picture(1), picture(2)], [picture(0)], [picture(3)]]
        tasks = [asyncio.create_task(batcher.analyses("a", images)) for images in sent]
        gone = asyncio.create_task(batcher.analyses("a", [picture(4)]))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.05)
        held.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        await asyncio.to_thread(batcher.close)
        assert not batcher.alive
        return found

    first, two, black, three = asyncio.run(ask())
    assert (first, two, three) == ([("a", 9)], [("a", 1), ("a", 2)], [("a", 3)])
    assert str(black) == "black"
    assert sizes == [1, 4]


def picture(value: int) -> np.ndarray:
    """Return a picture of one value."""
    return np.full((2, 2, 3), value, np.uint8)


def test_an_answer_that_takes_too_long_is_given_up(
    pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Analyzer.stills

    def slow(self: Analyzer, images: Sequence[np.ndarray]) -> Any:
        time.sleep(1)
        return real(self, images)

    with running(Settings(limits=Limits(request_s=0.5))) as server:
        with monkeypatch.context() as patched:
            patched.setattr(Analyzer, "stills", slow)
            answer = server.post(**multipart(pictures[0]))
            assert (answer.status_code, answer.json()) == (504, {"error": "not read in time"})
        time.sleep(0.6)  # the network ends what it began
        assert server.post(**multipart(pictures[0])).status_code == 200


def test_pictures_are_kept_only_where_that_is_asked_for(
    pictures: list[bytes], tmp_path: Path
) -> None:
    with running(Settings(keep=tmp_path / "kept")) as server:
        server.post(files={"file": ("../../x.jpg", pictures[0])})
        server.post(files={"file": ("y", b"no picture")})
    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.name == f"{hashlib.sha256(pictures[0]).hexdigest()}.png"
    assert kept.read_bytes() == pictures[0]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.slow
def test_the_server_does_what_its_openapi_says_whatever_is_sent(
    live: Running, tmp_path: Path
) -> None:
    """Any text is base64 to the schema, so that refusing it is no fault."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{live.url}/openapi.json"]
    command += ["--max-examples", "5", "--seed", "1", "--generation-database", "none"]
    command += ["--exclude-checks", "positive_data_acceptance"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "Tested: 6" in done.stdout


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_answers_what_was_asked(pictures: list[bytes]) -> None:
    command = [sys.executable, "-m", "faceoff", "serve", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = re.findall(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        sent = [("file", ("x", pictures[number % 6])) for number in range(64)]
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(requests.post, f"{url}/v1/analyze", files=sent, timeout=60)
            while not requests.get(f"{url}/v1/health", timeout=60).json()["waiting"]:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            answer = asked.result()
        assert answer.status_code == 200
        assert len(answer.json()["pictures"]) == 64
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert "Traceback" not in process.stderr.read()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/v1/health", timeout=60)


def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else 256 of them, which need no token, would shut out all others."""
    monkeypatch.setattr(serving, "_SILENT_S", 0.3)
    with running(Settings(token="a token of tests")) as live, ExitStack() as stack:
        address = ("127.0.0.1", int(live.url.rpartition(":")[2]))
        silent, slow, busy = [
            stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(3)
        ]
        slow.sendall(b"GET /v1/health HTTP/1.1\r\n")
        for _ in range(8):
            busy.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            said = b""
            while b"}" not in said:
                said += busy.recv(4096)
            assert said.startswith(b"HTTP/1.1 200 ")
            time.sleep(0.15)
        assert silent.recv(1) == slow.recv(1) == b""


def serve(*options: str) -> str:
    """Return what `faceoff serve` says where it does not begin."""
    done = CliRunner().invoke(app, ["serve", *options])
    assert done.exit_code == 1
    return done.stderr


def test_the_command_says_what_is_wrong_before_it_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FACEOFF_TOKEN", raising=False)
    for host in ("0.0.0.0", "::", "192.168.1.5", "faces.example"):
        assert "open to other machines: give --token" in serve("--host", host)
    assert "shorter than 16 characters" in serve("--token", "short")
    secret = tmp_path / "token"
    assert f"{secret}: No such file" in serve("--token-file", str(secret))
    for text, said in (("\n", "holds no token"), ("short\n", "shorter than 16 characters")):
        secret.write_text(text)
        assert said in serve("--token-file", str(secret))
    secret.write_bytes(bytes(range(128, 255)))
    assert f"{secret}: no text" in serve("--token-file", str(secret))
    for token in ("ü" * 20, "line of 16 and more\nand another", " a blank before a token"):
        assert "no header can carry" in serve("--token", token)
    for origin in ("faces.example", "https://faces.example/", "https://"):
        assert f"--origin {origin}: give" in serve("--origin", origin)
    assert f"{secret}: File exists" in serve("--keep", str(secret))
    assert "not both" in serve("--token-file", str(secret), "--token", "a" * 16)
    assert "did you mean 'faceoff_small'" in serve("--model", "faceoff_smal")
    assert "no device 'tpu'" in serve("--device", "tpu")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}: Address already in use" in serve("--port", port)
    monkeypatch.setattr(settings, "MODULES", ("fastapi", "no_such_package"))
    said = serve()
    assert "'no_such_package' is not installed: `pip install 'faceoff[live]'`" in said
