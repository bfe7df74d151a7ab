"""Take an asset from the network: resumed, retried, checked while it comes, and by one process at a time.

A download that was cut stays in the cache as `.<name>.<start of its hash>.part` (with `….part.json`: URL, ETag, size) and the next call goes
on from there. Nothing else that is half-written remains; the lock `.<name>.lock` goes with the process that holds it.

With requests rather than pooch's downloader: that one knows no Range, treats a 404 like a 503 when it
retries, reads HTML as the file, looks at no free space and locks nothing, so only its name would have been used.
"""

import fcntl
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from faceoff.assets.asset import Asset, AssetError, hash_of, hasher, verified

if TYPE_CHECKING:
    from requests import Response


_ATTEMPTS = 4  # in a row, without one new byte
_FIRST_DELAY_S = 1.0  # doubled after every failure
_LONGEST_WAIT_S = 60.0  # a server that asks (Retry-After) for more is given up
_CONNECT_S, _READ_S = 10.0, 60.0
_CHUNK = 1 << 16  # what a cut loses at most
_EVERY_S = 5.0  # between two lines of progress


class _RefusedError(Exception):
    """This URL will not give the file, however often it is asked."""


class _CutError(Exception):
    """The file did not come, but may when asked again, after `wait_s` if the server said so."""

    def __init__(self, reason: object, wait_s: float | None = None):
        super().__init__(reason)
        self.wait_s = wait_s


def download(asset: Asset, folder: Path) -> Path:
    """Path of the file in `folder`, taken from the first of its URLs that gives it; processes that ask at once fetch it once.

    Raises AssetError with one line per URL, or naming the file that could not be written.
    """
    target = folder / asset.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f".{asset.name}.lock"):
            return verified(target, asset) if target.is_file() else _from_urls(asset, target)
    except OSError as error:  # what goes wrong on the network never comes as OSError
        raise AssetError(f"  {target}: cannot be written: {error.strerror or error}") from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on this file, which goes at the end; wait while another process holds it, for the kernel frees it if that one dies."""
    while True:
        with open(path, "a", encoding="utf-8") as handle:
            _lock(handle, path)
            if not _is_open_at(handle, path):  # its last holder has removed it
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _lock(handle: TextIO, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say(f"{path}: another process is fetching this file; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_open_at(handle: TextIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _Part:
    """The beginning of a file that is being fetched, and what its server said of it."""

    def __init__(self, target: Path, asset: Asset):
        self.path = target.with_name(f".{asset.name}.{asset.digest[:12]}.part")
        self._note = self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def note(self) -> dict[str, Any]:
        """`url`, `etag`, `modified`, `total` (bytes), or nothing that is of use."""
        try:
            value = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def usable(self, url: str) -> int:
        """Bytes that need not be fetched again from this URL."""
        known, size = self.note(), self.size
        total = known.get("total")
        return size if known.get("url") == url and not (total and size > total) else 0

    def open(self, offset: int, url: str, response: "Response", total: int | None) -> BinaryIO:
        """Open it to write from `offset` on, which is 0 or its size."""
        known = {"url": url, "etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified"), "total": total}
        self._note.write_text(json.dumps(known), encoding="utf-8")
        return open(self.path, "ab" if offset else "wb")

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _from_urls(asset: Asset, target: Path) -> Path:
    part, failures = _Part(target, asset), []
    for url in asset.urls:
        try:
            _from_url(asset, url, part)
        except _RefusedError as error:
            failures.append(f"  {url}: {error}")
        except OSError:
            part.clear()  # a full disk is not kept full
            raise
        else:
            os.replace(part.path, target)
            part.clear()
            return target
    if part.size:
        failures.append(f"  {part.size:,} bytes are kept in {part.path}; the next call goes on from there")
    else:
        part.clear()
    raise AssetError("\n".join(failures))


def _from_url(asset: Asset, url: str, part: _Part) -> None:
    """Complete and verify the part from one URL. Raises _RefusedError, after which no part with a wrong hash is there."""
    resumed = part.usable(url) > 0
    found, cut = _patiently(asset, url, part)
    if found != asset.digest and (resumed or cut):  # a beginning of another version, or one that a crash damaged
        part.clear()
        found, _ = _patiently(asset, url, part)
    if found != asset.digest:
        part.clear()
        raise _RefusedError(f"sent another file as {asset.name}: {asset.algorithm} expected {asset.digest}, found {found}")


def _patiently(asset: Asset, url: str, part: _Part) -> tuple[str, bool]:
    """The hash of the completed part, and whether it came in several pieces; asks again, more and more slowly, after what may pass."""
    furthest, failed, cut = part.size, 0, False
    while True:
        try:
            return _once(asset, url, part), cut
        except _CutError as error:
            failed = 1 if part.size > furthest else failed + 1
            furthest, cut = max(part.size, furthest), True
            wait = _FIRST_DELAY_S * 2 ** (failed - 1) if error.wait_s is None else error.wait_s
            if failed >= _ATTEMPTS or wait > _LONGEST_WAIT_S:
                raise _RefusedError(
                    f"{error}; given up " + (f"after {failed} attempts" if failed >= _ATTEMPTS else f"as it asks to wait {wait:.0f} s")
                ) from None
            _say(f"{asset.name}: {error}; next attempt in {wait:.0f} s")
            time.sleep(wait)


def _once(asset: Asset, url: str, part: _Part) -> str:
    """One request that adds to the part; the hash of the completed part. Raises _RefusedError, _CutError, OSError (of the disk)."""
    start = part.usable(url)
    if start and start == part.note().get("total"):  # all came, but the process ended before the renaming
        return hash_of(part.path, asset.algorithm)
    with _asked(url, start, part.note()) as response:
        offset, total = _answer(response, start, part)
        if asset.size and total and total != asset.size:
            raise _RefusedError(f"offers {total:,} bytes as {asset.name}, the card says {asset.size:,}")
        pieces = _pieces(response)
        first = next(pieces, b"")
        if not offset:
            _refuse_html(first, response, asset.name)
        _check_space(part.path.parent, (total or asset.size or 0) - offset, part.size if not offset else 0)
        return _store(asset, part, response, url, (offset, total or asset.size), first, pieces)


@contextmanager
def _asked(url: str, start: int, known: Mapping[str, Any]) -> Iterator["Response"]:
    """The answer to a request for the bytes from `start` on, for the version that is known, unread."""
    import requests  # only downloads need it

    headers = {"Accept-Encoding": "identity"}
    if start:
        etag = known.get("etag")
        version = etag if etag and not etag.startswith("W/") else known.get("modified")
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": version} if version else {})
    try:
        response = requests.get(url, stream=True, headers=headers, timeout=(_CONNECT_S, _READ_S))
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _CutError(f"{type(error).__name__}: {str(error)[:200]}") from None
    except (OSError, ValueError) as error:  # requests' other errors (a malformed URL, too many redirects), an unreadable CA bundle
        raise _RefusedError(f"{type(error).__name__}: {str(error)[:200]}") from None
    with response:
        yield response


def _answer(response: "Response", start: int, part: _Part) -> tuple[int, int | None]:
    """Offset at which the body goes, and the file's size if known. Raises _RefusedError or _CutError on anything but the file."""
    status = response.status_code
    if status == 416 and start:
        part.clear()
        raise _CutError("the kept beginning does not fit (HTTP 416); starting anew", 0.0)
    if status in (408, 425, 429) or status >= 500:
        raise _CutError(f"HTTP {status} {response.reason}", _retry_after(response.headers.get("Retry-After")))
    if status == 206 and start:
        return start, _continues(response, start, part)
    if status != 200:
        raise _RefusedError(f"HTTP {status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() and "Transfer-Encoding" not in response.headers else None


def _continues(response: "Response", start: int, part: _Part) -> int | None:
    """The file's size, when a partial answer continues the part that is kept. Raises _CutError when it is of another version or place."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    known = part.note()
    total = int(match[2]) if match and match[2] != "*" else None
    same = all(was is None or now is None or was == now for was, now in ((known.get("etag"), response.headers.get("ETag")), (known.get("total"), total)))
    if not match or int(match[1]) != start or not same:
        part.clear()
        raise _CutError("the server answers with a part of another file; starting anew", 0.0)
    return total or known.get("total")


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (a number or a date), or None."""
    if value and value.strip().isdigit():
        return float(value)
    with suppress(TypeError, ValueError):
        return max(0.0, parsedate_to_datetime(value or "").timestamp() - time.time())
    return None


def _pieces(response: "Response") -> Iterator[bytes]:
    """The body as it is on the wire (a .gz that is marked as encoded stays one). Raises _CutError."""
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise _CutError(f"connection lost: {type(error).__name__}: {str(error)[:200]}") from None


def _refuse_html(first: bytes, response: "Response", name: str) -> None:
    """Raise _RefusedError for a web page (a login, a consent form, a "not found" with status 200) in place of the file."""
    if Path(name).suffix.lower() in {".html", ".htm", ".xhtml"}:
        return
    start = first[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    said = "html" in response.headers.get("Content-Type", "").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (said and start.startswith(b"<")):
        raise _RefusedError(f"sent a web page (HTML) instead of {name}: the address has moved or asks for a login or consent")


def _check_space(folder: Path, needed: int, freed: int) -> None:
    """Raise AssetError when the folder's disk has no room for so many bytes more, once `freed` bytes are overwritten."""
    free = shutil.disk_usage(folder).free + freed
    if needed > free:
        raise AssetError(f"  {folder}: no space: {needed:,} bytes are needed, {free:,} are free; make room or set FACEOFF_CACHE to a larger disk")


def _store(
    asset: Asset, part: _Part, response: "Response", url: str, span: tuple[int, int | None], first: bytes, pieces: Iterator[bytes]
) -> str:  # fmt: skip
    """Write the body from span[0] (offset) to span[1] (the file's size, if known); the hash of the whole. Raises _CutError when it is short."""
    at, total = span
    digest = hasher(asset.algorithm)
    with part.open(at, url, response, total) as file, _meter(asset.name, total, at) as advance:
        if at:
            _hash_into(digest, part.path)
        for piece in _chained(first, pieces):
            at += len(piece)
            if total and at > total:
                part.clear()
                raise _RefusedError(f"sends more than the {total:,} bytes of {asset.name}")
            file.write(piece)
            digest.update(piece)
            advance(len(piece))
        file.flush()
        os.fsync(file.fileno())
    if total and at < total:
        raise _CutError(f"the connection ended after {at:,} of {total:,} bytes")
    return digest.hexdigest()


def _chained(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _hash_into(hasher: Any, path: Path) -> None:
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@contextmanager
def _meter(what: str, total: int | None, done: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with each number of new bytes: a bar on a terminal, else a line every few seconds (as progress.track)."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=total, completed=done)
            yield lambda new: bar.advance(task, new)
        return
    start = last = time.monotonic()
    came = 0

    def advance(new: int) -> None:
        nonlocal came, last
        came += new
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last, rate = now, came / (now - start)
            rest = f" of {total / 1e6:,.1f} MB, {rate / 1e6:.1f} MB/s, {max(total - done - came, 0) / rate:.0f} s left" if total and rate else " MB"
            _say(f"{what}: {(done + came) / 1e6:,.1f}{rest}")

    yield advance
    _say(f"{what}: {(done + came) / 1e6:,.1f} MB in {time.monotonic() - start:.1f} s")
