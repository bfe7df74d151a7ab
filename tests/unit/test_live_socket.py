"""The socket of `faceoff serve`: its numbers, the newest frame, and bad clients."""

import json
import math
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from live_server import PIPELINE, Running, encoded, metric, running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import faceoff
from faceoff.drawing import scenes
from faceoff.live.frames import Course, SeenFace, causal, disagreement, joined
from faceoff.live.settings import Limits, Settings
from faceoff.media.images import decode_image

TOKEN = "a token of tests, 2026"
TAU_S = 0.4  # of the rule ema, docs/over_time.md


@pytest.fixture(scope="module")
def live() -> Iterator[Running]:
    limits = Limits(frame=500_000, frame_pixels=1_000_000)
    with running(Settings(limits=limits)) as server:
        yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """Return a server that asks for a token and takes little."""
    limits = Limits(sockets=1, waiting=1, request_s=1.0, stalled_s=0.3)
    with running(Settings(token=TOKEN, limits=limits), buffer=4096) as server:
        yield server


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """Return JPEGs of drawn faces of different emotions."""
    return [encoded(scenes.draw(scene)[0], "JPEG") for scene in scenes.plan("test")[:6]]


@contextmanager
def talking(live: Running, first: Any, **more: Any) -> Iterator[ClientConnection]:
    """Open a socket and send the first message."""
    address = live.url.replace("http", "ws") + "/v1/live"
    with connect(address, **more) as ws:
        ws.send(json.dumps(first))
        yield ws


def ask(ws: ClientConnection, jpeg: bytes, ms: float = 0.0) -> dict[str, Any]:
    """Send a frame and return the answer."""
    ws.send(struct.pack("<d", ms) + jpeg)
    answer: dict[str, Any] = json.loads(ws.recv(timeout=30))
    return answer


def test_frames_are_read_as_analyze_reads_them_and_steadied_by_the_rule(
    live: Running, frames: list[bytes]
) -> None:
    """The running mean is computed here by its formula, s = w s + (1 - w) p, w = exp(-dt / tau)."""
    analyzer = faceoff.Analyzer()
    times = [0.0, 20.0, 50.0]
    rows = [analyzer.analyze(decode_image(jpeg)).frames.to_pylist()[0] for jpeg in frames]
    other = next(n for n, row in enumerate(rows) if row["emotion"] != rows[0]["emotion"])
    held = []
    steadied: np.ndarray | None = None
    with talking(live, {"pipelines": [PIPELINE], "temporal": "ema", "units": True}) as ws:
        ready = json.loads(ws.recv(timeout=30))
        emotions = ready["pipelines"][0]["emotions"]
        assert ready == {
            "type": "ready", "temporal": "ema",
            "pipelines": [{"name": PIPELINE, "emotions": list(analyzer.emotions)}],
        }  # fmt: skip
        for number, (ms, place) in enumerate(zip(times, (0, other, other), strict=True)):
            answer = ask(ws, frames[place], ms)
            row = rows[place]
            (face,) = answer["faces"]
            assert (answer["sent"], answer["frame"], answer["dropped"]) == (ms, number, 0)
            assert (answer["width"], answer["height"]) == (240, 240)
            assert set(answer["ms"]) == {"decode", "detect", "read", "all"}
            assert face["box"] == [row[side] for side in "xywh"]
            assert face["score"] == row["score"]
            reading = face["readings"][PIPELINE]
            assert reading["emotion"] == row["emotion"] == face["vote"]["emotion"]
            own = [row[f"p_{name}"] for name in emotions]
            assert list(reading["posterior"].values()) == pytest.approx(own, abs=1e-6)
            assert (reading["valence"], reading["units"]) == (None, None)
            assert face["disagreement"] is None
            posterior = np.array(own)
            if steadied is not None:
                weight = math.exp(-(ms - times[number - 1]) / 1000 / TAU_S)
                posterior = weight * steadied + (1 - weight) * posterior
            steadied = posterior
            assert face["states"] == {PIPELINE: emotions[int(posterior.argmax())]}
            held.append(face["states"][PIPELINE] != row["emotion"])
    assert any(held)  # the rule keeps a state that the frame alone would not give


def test_a_face_keeps_its_track_and_states_are_none_without_a_rule(
    live: Running, frames: list[bytes]
) -> None:
    with talking(live, {}) as ws:
        ws.recv()
        answers = [ask(ws, frames[0], 40.0 * number) for number in range(4)]
    assert [answer["faces"][0]["track"] for answer in answers] == [0] * 4
    assert answers[0]["faces"][0]["states"] == {}


BAD = {
    "nothing": (b"", "no frame"),
    "a time alone": (struct.pack("<d", 1.0), "no frame"),
    "a text": ("hello", "no frame"),
    "no time": (struct.pack("<d", math.nan) + b"\xff\xd8\xff", "no number of milliseconds"),
    "a PNG": (struct.pack("<d", 1.0) + b"\x89PNG\r\n\x1a\n", "no JPEG"),
    "a cut JPEG": (struct.pack("<d", 1.0) + b"\xff\xd8\xff\xe0\0\x10JFIF", "cannot decode"),
    "a large picture": (
        struct.pack("<d", 1.0) + encoded(np.zeros((1001, 1000, 3), np.uint8), "JPEG"), "pixels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_frame_is_an_error_and_the_socket_stays_open(
    live: Running, frames: list[bytes], what: str
) -> None:
    message, reason = BAD[what]
    with talking(live, {}) as ws:
        ws.recv()
        ws.send(message)
        answer = json.loads(ws.recv(timeout=30))
        assert answer["type"] == "error"
        assert reason in answer["reason"]
        assert ask(ws, frames[0])["type"] == "frame"


GREETINGS = {
    "an unknown pipeline": ({"pipelines": ["mediapipe_short/fer"]}, f"did you mean '{PIPELINE}'"),
    "an unknown rule": ({"temporal": "emma"}, "did you mean 'ema'"),
    "a rule that looks ahead": ({"temporal": "centred_mean"}, "looks at later frames"),
    "a rule that learns": ({"temporal": "viterbi"}, "learns from labelled clips"),
    "an unknown key": ({"pipeline": PIPELINE}, "pipeline"),
    "no object": ([], "should be an object"),
}


@pytest.mark.parametrize("what", GREETINGS)
def test_a_wrong_first_message_is_answered_and_closed(live: Running, what: str) -> None:
    greeting, reason = GREETINGS[what]
    with talking(live, greeting) as ws:
        answer = json.loads(ws.recv(timeout=30))
        assert answer["type"] == "error"
        assert reason in answer["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_the_newest_frame_wins_and_older_ones_are_counted(
    live: Running, frames: list[bytes]
) -> None:
    with talking(live, {}) as ws:
        ws.recv()
        for number in range(40):
            ws.send(struct.pack("<d", number) + frames[number % 3])
        answers = [json.loads(ws.recv(timeout=30))]
        while answers[-1]["frame"] < 39:
            answers.append(json.loads(ws.recv(timeout=30)))
    assert answers[-1]["sent"] == 39
    assert answers[-1]["dropped"] == 40 - len(answers) > 0


def test_a_client_that_reads_nothing_or_goes_in_mid_frame_holds_up_nobody(
    live: Running, frames: list[bytes]
) -> None:
    with talking(live, {}) as stalled, talking(live, {}) as other:
        other.recv()
        for number in range(100):
            stalled.send(struct.pack("<d", number) + frames[0])
        assert ask(other, frames[1])["type"] == "frame"
        # A frame that says 100,000 bytes, of which ten come; then the connection breaks.
        raw = stalled.socket
        raw.sendall(b"\x82\xff" + struct.pack(">Q", 100_000) + bytes(4) + bytes(10))
        raw.shutdown(socket.SHUT_RDWR)
        assert ask(other, frames[2])["type"] == "frame"
        until = time.monotonic() + 10
        while metric(live, "faceoff_open_sockets") > 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert metric(live, "faceoff_open_sockets") == 1


def test_a_message_that_is_too_large_closes_the_socket(live: Running) -> None:
    with talking(live, {}) as ws:
        ws.recv()
        with pytest.raises(ConnectionClosed) as closed:
            ask(ws, bytes(600_000))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_page_of_another_address_gets_no_socket(live: Running, frames: list[bytes]) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        talking(live, {}, origin="https://faces.example"),
    ):
        pass
    assert refused.value.response.status_code == 403
    with talking(live, {}, origin=live.url) as ws:
        ws.recv()
        assert ask(ws, frames[0])["type"] == "frame"


def open_sockets(strict: Running) -> float:
    """Return how many sockets the server with a token has open."""
    text = strict.get("/v1/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    return float(text.partition("\nfaceoff_open_sockets ")[2].split("\n")[0])


def alone(strict: Running) -> None:
    """Wait until the server, which takes one socket at a time, has closed the one before."""
    until = time.monotonic() + 10
    while open_sockets(strict) and time.monotonic() < until:
        time.sleep(0.01)


def test_a_token_is_asked_for(strict: Running, frames: list[bytes]) -> None:
    sent = {"file": ("x", frames[0])}
    right = {"Authorization": f"Bearer {TOKEN}"}
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN[:-1]}):
        answer = strict.post(files=sent, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert strict.get("/v1/metrics").status_code == strict.get("/v1/pipelines").status_code == 401
    assert strict.get("/v1/health").status_code == 200
    assert strict.post(files=sent, headers=right).status_code == 200
    # Where a token is asked for, a server may have any name.
    assert strict.get("/v1/pipelines", headers={**right, "Host": "faces"}).status_code == 200
    with (
        pytest.raises(InvalidStatus) as refused,
        talking(strict, {}, additional_headers={"Authorization": "Bearer wrong"}),
    ):
        pass
    assert refused.value.response.status_code == 401
    for greeting in ({}, {"token": "wrong"}):
        alone(strict)
        with talking(strict, greeting) as ws, pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    for greeting, more in (({"token": TOKEN}, {}), ({}, {"additional_headers": right})):
        alone(strict)
        with talking(strict, greeting, **more) as ws:
            assert json.loads(ws.recv(timeout=30))["type"] == "ready"


def test_too_much_at_once_is_refused_for_now(strict: Running, frames: list[bytes]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = strict.post(files=[("file", ("x", frames[0]))] * 2, headers=headers)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    alone(strict)
    with talking(strict, {"token": TOKEN}) as first:
        assert json.loads(first.recv(timeout=30))["type"] == "ready"
        with pytest.raises(ConnectionClosed) as closed, talking(strict, {"token": TOKEN}) as second:
            second.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


def test_a_body_that_stalls_ends_by_a_time_out(strict: Running) -> None:
    host, port = strict.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/analyze HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(head.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_leaves_answers_unread_loses_its_socket(
    strict: Running, frames: list[bytes]
) -> None:
    """Its system holds few bytes, so that the server notices after a hundred answers or so."""
    alone(strict)
    host, port = strict.url.removeprefix("http://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    until = time.monotonic() + 30
    with talking(strict, {"token": TOKEN}, sock=raw, max_queue=1) as ws:
        while (still := open_sockets(strict)) and time.monotonic() < until:
            with suppress(ConnectionClosed):
                ws.send(struct.pack("<d", 0.0) + frames[0])
        assert still == 0
        assert time.monotonic() < until - 10  # before the server's pings would tell
        raw.close()


def reading(emotion: str, **shares: float) -> dict[str, Any]:
    """Return what a model says of a face."""
    return {
        "emotion": emotion, "confidence": max(shares.values()),
        **{f"p_{name}": share for name, share in shares.items()},
    }  # fmt: skip


def test_faces_of_two_detectors_are_one_where_their_boxes_overlap() -> None:
    """The boxes (0, 0, 10, 10) and (2, 0, 10, 10) share 80 of 120 pixels, 0.67."""
    one = SeenFace((0.0, 0.0, 10.0, 10.0), 0.9, None, {"a/m": {}})
    near = SeenFace((2.0, 0.0, 10.0, 10.0), 0.8, None, {"b/m": {}})
    far = SeenFace((8.0, 8.0, 10.0, 10.0), 0.7, None, {"b/m": {}})
    found = joined([one], [far, near])
    assert [(face.box, list(face.readings)) for face in found] == [
        (one.box, ["a/m", "b/m"]),
        (far.box, ["b/m"]),
    ]
    assert list(one.readings) == ["a/m"]
    assert joined([], [far]) == [far]


def test_pipelines_vote_by_their_mean_and_disagree_by_pairs() -> None:
    """Of three pipelines two pairs differ: 2/3. The mean of happiness is (.6 + .2 + .5) / 3."""
    readings = {
        "d/a": reading("happiness", happiness=0.6, neutral=0.4),
        "d/b": reading("neutral", happiness=0.2, neutral=0.8),
        "d/c": reading("happiness", happiness=0.5, neutral=0.5),
        "d/e": {"success": 0, "state": "error", "reason": "broken"},
    }
    course = Course(dict.fromkeys(readings, ("neutral", "happiness")), None, {})
    (face,) = course.told([SeenFace((0.0, 0.0, 9.0, 9.0), 0.9, None, readings)], 0.0, False)
    assert face["disagreement"] == pytest.approx(2 / 3)
    assert face["vote"]["emotion"] == "neutral"
    assert face["vote"]["posterior"]["happiness"] == pytest.approx(1.3 / 3)
    broken = face["readings"]["d/e"]
    assert (broken["state"], broken["reason"], broken["posterior"]) == ("error", "broken", None)
    assert disagreement(["anger"]) is None
    assert disagreement(["anger", "fear"]) == 1


def test_a_time_that_falls_counts_as_no_time() -> None:
    course = Course({"d/a": ("neutral", "happiness")}, causal("ema"), {})
    for time_s, expected in ((1.0, "happiness"), (0.5, "happiness")):
        readings = {"d/a": reading("happiness", happiness=0.9, neutral=0.1)}
        (face,) = course.told([SeenFace((0.0, 0.0, 9.0, 9.0), 1.0, None, readings)], time_s, False)
        assert (face["track"], face["states"]) == (0, {"d/a": expected})
