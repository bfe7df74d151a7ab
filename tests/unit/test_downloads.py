"""Downloads from a server that misbehaves: the file arrives whole, or the message names file, URL
and reason, and only a resumable beginning is left.
"""

import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from faceoff import progress
from faceoff.assets import downloads
from faceoff.assets.asset import Asset, AssetError
from faceoff.assets.fetch import fetch, locate

BODY = hashlib.shake_256(b"weights").digest(1_000_000)
SHA, MD5 = hashlib.sha256(BODY).hexdigest(), hashlib.md5(BODY).hexdigest()
CUT = 400_000
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers the n-th request with the n-th answer of its server, the last one again and again."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))
        answers = self.server.answers
        answers[min(len(self.server.asked), len(answers)) - 1](self)

    def reply(
        self, status: int, body: bytes = b"", length: int | None = None, **headers: str
    ) -> None:
        """Send this; a `length` that is larger than the body is a connection that drops."""
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body) if length is None else length),
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.server.sent.append(len(body))
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """On an ephemeral port of this machine; `asked`: the headers of each request, `sent`: bytes of
    each body.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = [whole]
        self.asked: list[dict[str, str]] = []
        self.sent: list[int] = []

    def handle_error(self, *words: object) -> None:
        """A client that hangs up is meant here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/w.bin"


def whole(handler: Handler) -> None:
    handler.reply(200, BODY, ETag='"v1"')


def ranged(handler: Handler) -> None:
    """As a good server: the rest if asked for, when it is still that version."""
    wanted = handler.headers.get("Range")
    if wanted and handler.headers.get("If-Range", '"v1"') == '"v1"':
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        handler.reply(
            206,
            BODY[start:],
            ETag='"v1"',
            Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}",
        )
    else:
        whole(handler)


def cut(etag: str | None = '"v1"', **headers: str) -> Answer:
    more = headers | ({"ETag": etag} if etag else {})
    return lambda handler: handler.reply(200, BODY[:CUT], len(BODY), **more)


def status(code: int, **headers: str) -> Answer:
    return lambda handler: handler.reply(code, b"sorry", **headers)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache that downloads go to; no mirror."""
    monkeypatch.delenv("FACEOFF_MIRROR", raising=False)
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "weights"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    found: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", found.append)
    monkeypatch.setattr(downloads, "_READ_S", 2.0)
    return found


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def asset(*urls: str, **more: object) -> Asset:
    return Asset(**{"file": "w.bin", "sha256": SHA, "urls": urls} | more)


def arrives(cache: Path, wanted: Asset) -> None:
    """The file comes whole and alone."""
    path = fetch(wanted)
    assert path == cache / "w.bin"
    assert path.read_bytes() == BODY
    assert [path.name for path in cache.iterdir()] == ["w.bin"]


def fails(cache: Path, wanted: Asset, left: int = 0, network: bool = True) -> str:
    """The message; what stays is a beginning of `left` bytes with its note, or nothing."""
    with pytest.raises(AssetError) as caught:
        fetch(wanted)
    parts = {path.suffix: path for path in cache.iterdir()}
    assert set(parts) == ({".part", ".json"} if left else set())
    if left:
        assert 0 < parts[".part"].stat().st_size <= left
        assert parts[".part"].read_bytes() == BODY[: parts[".part"].stat().st_size]
        assert str(parts[".part"]) in str(caught.value)
    assert all(word in str(caught.value) for word in ("w.bin", *(wanted.urls if network else ())))
    return str(caught.value)


def test_a_dropped_connection_is_resumed(cache: Path, server: Server, waits: list[float]) -> None:
    server.answers = [cut(), ranged]
    arrives(cache, asset(server.url))
    first, second = server.asked
    assert "Range" not in first
    start = int(second["Range"].removeprefix("bytes=").rstrip("-"))
    assert CUT - downloads._CHUNK <= start <= CUT
    assert second["If-Range"] == '"v1"'
    assert server.sent == [CUT, len(BODY) - start]
    assert waits == [1.0]


def test_a_connection_that_drops_again_and_again_but_moves_on_is_not_given_up(
    cache: Path, server: Server, waits: list[float]
) -> None:
    def piece(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content_Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"} if start else {}
        handler.reply(
            206 if start else 200,
            BODY[start : start + 150_000],
            len(BODY) - start,
            ETag='"v1"',
            **headers,
        )

    server.answers = [piece]
    arrives(cache, asset(server.url))
    assert len(server.asked) > downloads._ATTEMPTS
    assert set(waits) == {1.0}


def test_the_next_call_goes_on_where_an_earlier_one_was_cut(cache: Path, server: Server) -> None:
    server.answers = [cut(), status(404)]
    assert "404" in fails(cache, asset(server.url), left=CUT)
    server.answers, server.asked = [ranged], []
    arrives(cache, asset(server.url))
    assert "Range" in server.asked[0]
    assert server.sent[-1] < len(BODY) - CUT + downloads._CHUNK + 1


def test_a_complete_part_is_not_fetched_again(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(downloads.os, "replace", lambda *paths: sys.exit("killed"))
        with pytest.raises(SystemExit):
            fetch(asset(server.url))
    arrives(cache, asset(server.url))
    assert len(server.asked) == 1


def test_last_modified_stands_in_for_a_weak_etag(cache: Path, server: Server) -> None:
    when = "Fri, 13 Nov 2026 10:00:00 GMT"
    server.answers = [cut('W/"v1"', Last_Modified=when), whole]
    arrives(cache, asset(server.url))
    assert server.asked[1]["If-Range"] == when


def test_a_server_that_ignores_range_starts_anew(cache: Path, server: Server) -> None:
    server.answers = [cut(), whole]
    arrives(cache, asset(server.url))
    assert "Range" in server.asked[1]
    assert server.sent == [CUT, len(BODY)]


def test_a_server_that_ignores_range_and_drops_for_ever_is_given_up(
    cache: Path, server: Server, waits: list[float]
) -> None:
    server.answers = [cut()]
    assert "given up after 4 attempts" in fails(cache, asset(server.url), left=CUT)
    assert waits == [1.0, 2.0, 4.0]


def test_a_server_that_drops_and_then_refuses_to_continue_for_ever_is_given_up(
    cache: Path, server: Server
) -> None:
    server.answers = [
        lambda handler: (status(416) if "Range" in handler.headers else cut())(handler)
    ]
    assert "given up after 4 attempts" in fails(cache, asset(server.url), left=CUT)


@pytest.mark.parametrize(
    "answer",
    [
        status(416),
        lambda handler: handler.reply(206, BODY[7:], ETag='"v1"', Content_Range="bytes 7-9/10"),
    ],
)
def test_a_range_that_does_not_fit_starts_anew(cache: Path, server: Server, answer: Answer) -> None:
    server.answers = [cut(), answer, ranged]
    arrives(cache, asset(server.url))
    assert "Range" in server.asked[1]
    assert "Range" not in server.asked[2]


def test_a_part_of_another_version_starts_anew_unread(
    cache: Path, server: Server, waits: list[float]
) -> None:
    def other(handler: Handler) -> None:
        start = int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))
        handler.reply(
            206,
            bytes(len(BODY) - start),
            ETag='"v2"',
            Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}",
        )

    server.answers = [cut(), other, whole]
    arrives(cache, asset(server.url))
    assert waits == [1.0]
    assert "Range" not in server.asked[2]


def test_a_damaged_beginning_starts_anew_once(cache: Path, server: Server) -> None:
    server.answers = [cut(), status(404)]
    fails(cache, asset(server.url), left=CUT)
    part = next(cache.glob("*.part"))
    part.write_bytes(bytes(part.stat().st_size))
    server.answers, server.asked = [ranged], []
    arrives(cache, asset(server.url))
    assert ["Range" in headers for headers in server.asked] == [True, False]


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": "http://elsewhere/w.bin"}'])
def test_a_part_that_nothing_is_known_of_is_not_used(
    cache: Path, server: Server, note: str
) -> None:
    server.answers = [cut(), status(404)]
    fails(cache, asset(server.url), left=CUT)
    next(cache.glob("*.json")).write_text(note)
    server.answers, server.asked = [ranged], []
    arrives(cache, asset(server.url))
    assert "Range" not in server.asked[0]


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    cache: Path, server: Server, waits: list[float], code: int
) -> None:
    server.answers = [status(code)]
    assert f"HTTP {code}" in fails(cache, asset(server.url))
    assert len(server.asked) == 1
    assert not waits


def test_429_waits_as_long_as_asked(cache: Path, server: Server, waits: list[float]) -> None:
    server.answers = [status(429, Retry_After="7"), whole]
    arrives(cache, asset(server.url))
    assert waits == [7.0]


def test_retry_after_may_be_a_date(cache: Path, server: Server, waits: list[float]) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 20))
    server.answers = [status(503, Retry_After=date), whole]
    arrives(cache, asset(server.url))
    assert 15 < waits[0] <= 20


def test_a_wait_beyond_the_bound_is_given_up(
    cache: Path, server: Server, waits: list[float]
) -> None:
    server.answers = [status(429, Retry_After="3600")]
    assert "asks to wait 3600 s" in fails(cache, asset(server.url))
    assert not waits


def test_503_is_asked_again_more_and_more_slowly(
    cache: Path, server: Server, waits: list[float]
) -> None:
    server.answers = [status(503), status(503), whole]
    arrives(cache, asset(server.url))
    assert waits == [1.0, 2.0]


def test_a_server_that_stays_down_is_given_up_and_the_next_address_taken(
    cache: Path, server: Server, waits: list[float]
) -> None:
    server.answers = [status(500)] * 4 + [whole]
    arrives(cache, asset(server.url, f"{server.url}?second"))
    assert waits == [1.0, 2.0, 4.0]


def test_a_refused_connection_is_tried_again(cache: Path, waits: list[float]) -> None:
    assert "given up after 4 attempts" in fails(cache, asset("http://127.0.0.1:9/w.bin"))
    assert waits == [1.0, 2.0, 4.0]


def test_a_server_that_goes_silent_is_a_cut(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_READ_S", 0.2)
    done = threading.Event()

    def silent(handler: Handler) -> None:
        handler.reply(200, BODY[:CUT], len(BODY), ETag='"v1"')
        done.wait(5)

    server.answers = [silent, ranged]
    arrives(cache, asset(server.url))
    done.set()
    assert "Range" in server.asked[1]


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (b"\n<!DOCTYPE html><title>log in</title>", "application/octet-stream"),
        (b"<HTML>", "text/html"),
        (b"<!-- moved -->", "text/html; charset=utf-8"),
    ],
)
def test_a_web_page_is_refused(
    cache: Path, server: Server, waits: list[float], page: bytes, kind: str
) -> None:
    server.answers = [lambda handler: handler.reply(200, page, Content_Type=kind)]
    assert "web page (HTML) instead of w.bin" in fails(cache, asset(server.url))
    assert not waits


def test_a_server_that_calls_everything_html_is_believed_for_its_bytes(
    cache: Path, server: Server
) -> None:
    server.answers = [lambda handler: handler.reply(200, BODY, Content_Type="text/html")]
    arrives(cache, asset(server.url))


def test_a_web_page_may_be_what_is_wanted(cache: Path, server: Server) -> None:
    page = b"<!doctype html>"
    server.answers = [lambda handler: handler.reply(200, page, Content_Type="text/html")]
    assert (
        fetch(
            asset(server.url, file="w.html", sha256=hashlib.sha256(page).hexdigest())
        ).read_bytes()
        == page
    )


def test_another_file_is_named_with_both_hashes(
    cache: Path, server: Server, waits: list[float]
) -> None:
    wrong = BODY[::-1]
    server.answers = [lambda handler: handler.reply(200, wrong)]
    message = fails(cache, asset(server.url))
    assert f"expected {SHA}, found {hashlib.sha256(wrong).hexdigest()}" in message
    assert len(server.asked) == 1
    assert not waits


def test_another_size_is_refused_before_it_is_read(cache: Path, server: Server) -> None:
    assert "offers 1,000,000 bytes as w.bin, the card says 999" in fails(
        cache, asset(server.url, size=999)
    )


def test_a_body_without_length_that_never_ends_is_stopped_at_the_size(
    cache: Path, server: Server
) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(50):
            handler.wfile.write(BODY)

    server.answers = [endless]
    assert "more than the 1,000,000 bytes" in fails(cache, asset(server.url, size=len(BODY)))


@pytest.mark.parametrize("length", [True, False])
def test_a_file_of_no_stated_size_has_a_bound(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch, length: bool
) -> None:
    def without_length(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(BODY)

    server.answers = [whole if length else without_length]
    monkeypatch.setattr(downloads, "_MOST_BYTES", len(BODY) - 1)
    message = fails(cache, asset(server.url))
    assert ("offers 1,000,000 bytes" if length else "sends") in message
    assert "without a `size` on its card at most 999,999 are taken" in message
    arrives(cache, asset(server.url, size=len(BODY)))
    (cache / "w.bin").unlink()
    monkeypatch.setattr(downloads, "_MOST_BYTES", len(BODY))
    arrives(cache, asset(server.url))


def dripping(handler: Handler) -> None:
    """Send a byte well before each read timeout, and never end."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BODY)))
    handler.send_header("ETag", '"v1"')
    handler.end_headers()
    start = BODY[:600]
    handler.wfile.write(start)
    for place in range(len(start), len(BODY)):
        handler.wfile.write(BODY[place : place + 1])
        threading.Event().wait(0.02)


def test_a_server_that_drips_is_given_up_and_the_next_address_taken(
    cache: Path,
    server: Server,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(downloads, "_SLOW_S", 1.0)
    server.answers = [dripping]
    message = fails(cache, asset(server.url), left=CUT)
    assert "too slow: " in message
    assert "1,024 per second are the least" in message
    server.answers, server.asked = [dripping, ranged], []
    arrives(cache, asset(server.url, f"{server.url}?second"))
    assert not waits


def test_a_server_that_sends_little_for_each_request_is_given_up(
    cache: Path, server: Server, waits: list[float]
) -> None:
    def little(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content_Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"} if start else {}
        handler.reply(
            206 if start else 200,
            BODY[start : start + 1000],
            len(BODY) - start,
            ETag='"v1"',
            **headers,
        )

    server.answers = [little]
    assert "given up after 4 attempts" in fails(cache, asset(server.url), left=CUT)
    assert waits == [1.0, 2.0, 4.0]


def test_a_cut_body_without_length_is_noticed_by_the_size(cache: Path, server: Server) -> None:
    def short(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(BODY[:CUT])

    server.answers = [short, ranged]
    arrives(cache, asset(server.url, size=len(BODY)))
    assert server.asked[1]["Range"] == f"bytes={CUT}-"


def test_md5_of_a_publisher_that_gives_no_more(cache: Path, server: Server) -> None:
    arrives(cache, asset(server.url, sha256=None, md5=MD5.upper()))
    (cache / "w.bin").unlink()
    assert "md5 expected 0000" in fails(cache, asset(server.url, sha256=None, md5="0" * 32))
    (cache / "w.bin").write_bytes(b"another")
    with pytest.raises(AssetError, match="md5 is"):
        fetch(asset(server.url, sha256=None, md5=MD5))


@pytest.mark.parametrize("known", ["Content-Length", "size"])
def test_no_space_is_said_before_anything_is_written(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    def without_length(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(BODY)

    server.answers = [whole if known == "Content-Length" else without_length]
    usage = shutil.disk_usage(cache.parent.parent)
    monkeypatch.setattr(
        downloads.shutil, "disk_usage", lambda path: usage._replace(free=len(BODY) - 1)
    )
    message = fails(
        cache, asset(server.url, size=len(BODY) if known == "size" else None), network=False
    )
    assert "1,000,000 bytes are needed, 999,999 are free" in message


def test_a_disk_that_fills_up_is_freed(
    cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        downloads.os,
        "fsync",
        lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")),
    )
    assert "No space left on device" in fails(cache, asset(server.url), network=False)


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match=r"file/weights/w\.bin: cannot be written"):
        fetch(asset(server.url))


def test_the_mirror_comes_before_the_network(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.bin").write_bytes(BODY)
    monkeypatch.setenv("FACEOFF_MIRROR", str(tmp_path))
    assert fetch(asset(server.url)) == tmp_path / "w.bin"
    assert not server.asked


def test_another_folder_of_the_cache(cache: Path, server: Server) -> None:
    wanted = asset(server.url)
    assert (
        fetch(wanted, "datasets")
        == locate(wanted, "datasets")
        == cache.parent / "datasets" / "w.bin"
    )
    assert locate(wanted) is None


def _fetch_in_process(url: str, cache: str, results: "multiprocessing.Queue[str]") -> None:
    os.environ["FACEOFF_CACHE"] = cache
    results.put(str(fetch(asset(url))))


def test_two_processes_fetch_once(
    cache: Path, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    def slow(handler: Handler) -> None:
        both.wait(10)
        whole(handler)

    both = threading.Event()
    server.answers = [slow]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_fetch_in_process, args=(server.url, str(cache.parent), results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    deadline, said = time.monotonic() + 20, ""
    while time.monotonic() < deadline and "another process is fetching" not in said:
        threading.Event().wait(0.02)  # not time.sleep, which is patched
        said += capfd.readouterr().err
    assert "another process is fetching" in said, "the two processes never met at the lock"
    both.set()
    assert [results.get(timeout=10) for _ in processes] == [str(cache / "w.bin")] * 2
    for process in processes:
        process.join(10)
        assert process.exitcode == 0
    assert len(server.asked) == 1
    assert [path.name for path in cache.iterdir()] == ["w.bin"]


def test_the_lock_of_a_process_that_died_holds_nobody(cache: Path, server: Server) -> None:
    cache.mkdir(parents=True)
    (cache / ".w.bin.lock").write_bytes(b"")
    arrives(cache, asset(server.url))


def test_a_lock_that_its_holder_removed_meanwhile_is_taken_anew(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A process that waits with the removed file open must not share the lock with one that comes
    later.
    """
    path, held, free = tmp_path / "lock", threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with downloads.locked(path):
            held.set()
            free.wait(10)

    with open(path, "a") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        waiting = threading.Thread(target=wait_for_it, daemon=True)
        waiting.start()
        assert not held.wait(0.2)
        path.unlink()
    assert held.wait(10)
    with open(path, "a") as later, pytest.raises(BlockingIOError):
        fcntl.flock(later, fcntl.LOCK_EX | fcntl.LOCK_NB)
    free.set()
    waiting.join(10)
    assert not path.exists()
    assert "another process is fetching this file" in capfd.readouterr().err


def test_progress_is_a_line_now_and_then(
    cache: Path, server: Server, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    server.answers = [cut(), ranged]
    arrives(cache, asset(server.url))
    said = capfd.readouterr().err
    assert "w.bin: 0.1 of 1.0 MB" in said
    assert "w.bin: 1.0 MB in" in said
    assert "next attempt in 1 s" in said


def test_progress_is_a_bar_on_a_terminal(
    cache: Path, server: Server, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    arrives(cache, asset(server.url))
    assert "w.bin" in capfd.readouterr().err


def test_the_note_beside_a_part_is_what_the_docs_say(cache: Path, server: Server) -> None:
    server.answers = [cut(), status(404)]
    fails(cache, asset(server.url), left=CUT)
    part = next(cache.glob("*.part"))
    assert part.name == f".w.bin.{SHA[:12]}.part"
    assert json.loads(Path(f"{part}.json").read_text()) == {
        "url": server.url,
        "etag": '"v1"',
        "modified": None,
        "total": len(BODY),
    }
