"""Download an asset: resume, retry, and verify while the bytes arrive, one process at a time.

An interrupted download stays in the cache as `.<name>.<start of its hash>.part` (with
`….part.json`: URL, ETag, size), and the next call resumes it. No other half-written file remains.

This module uses requests and not pooch's downloader, which knows no Range, treats a 404 like a 503
when it retries, reads HTML as the file, does not check free space and locks nothing. urllib3's
Retry counts and waits here, not in requests' HTTPAdapter, because the adapter does not see a body
that breaks off.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from filelock import FileLock, Timeout
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError

from faceoff.assets.asset import Asset, AssetError, hash_of, hasher, verified
from faceoff.progress import meter

if TYPE_CHECKING:
    from requests import Response

_ATTEMPTS = 4  # in a row, each with less than _CHUNK of new bytes
_FIRST_DELAY_S = 1.0  # doubled after every failure
_LONGEST_WAIT_S = 60.0  # a server that asks (Retry-After) for more is given up
_CONNECT_S, _READ_S = 10.0, 60.0
_CHUNK = 1 << 16  # what a cut loses at most
_START = 512  # bytes in which a web page shows itself
_MOST_BYTES = 20 * 10**9  # of a file whose card states no size
_LEAST_RATE, _SLOW_S = 1024, 60.0  # bytes per second, averaged over this many seconds of waiting


class _RefusedError(Exception):
    """This URL will not give the file, however often it is asked."""


class _CutError(Exception):
    """The file did not come, but may when asked again, as `response` says (Retry-After)."""

    def __init__(self, reason: object, response: BaseHTTPResponse | None = None):
        super().__init__(reason)
        self.response = response


class _StaleError(Exception):
    """The part that was kept is of no use here any more."""


class _Retry(Retry):
    """Wait 1, 2, 4 s (urllib3 would retry at once first), or as long as the server says."""

    def get_backoff_time(self) -> float:
        return _FIRST_DELAY_S * 2 ** (len(self.history) - 1)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds to wait. Raises _RefusedError when they are too many."""
        try:
            wait = super().get_retry_after(response)
        except InvalidHeader:
            return None
        if wait and wait > _LONGEST_WAIT_S:
            raise _RefusedError(
                f"HTTP {response.status} {response.reason}; given up as it asks to wait "
                f"{wait:.0f} s"
            )
        return wait


def download(asset: Asset, folder: Path) -> Path:
    """Return the path of the file in `folder`, taken from the first of its URLs that gives it.

    Processes that ask at the same time fetch it once. Raises AssetError with one line per URL, or
    naming the file that could not be written.
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
    """Hold the lock on this file, which is removed at the end; wait while another process holds it.

    The kernel frees the lock of a process that dies.
    """
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        _say(f"{path}: another process is fetching this file; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        # while it is held: a waiting process notices and takes a new file
        path.unlink(missing_ok=True)
        lock.release()


class _Part:
    """The beginning of a file that is being fetched, and what its server said of it."""

    def __init__(self, target: Path, asset: Asset):
        self.path = target.with_name(f".{asset.name}.{asset.digest[:12]}.part")
        self._note = self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def note(self) -> dict[str, Any]:
        """Return `url`, `etag`, `modified` and `total` (bytes), or an empty note."""
        try:
            value = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def usable(self, url: str) -> int:
        """Return the number of bytes that need not be fetched again from this URL."""
        known, size = self.note(), self.size
        total = known.get("total")
        return size if known.get("url") == url and not (total and size > total) else 0

    def open(self, offset: int, url: str, response: "Response", total: int | None) -> BinaryIO:
        """Open it to write from `offset` on, which is 0 or its size."""
        known = {
            "url": url,
            "etag": response.headers.get("ETag"),
            "modified": response.headers.get("Last-Modified"),
            "total": total,
        }
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
        failures.append(
            f"  {part.size:,} bytes are kept in {part.path}; the next call goes on from there"
        )
    else:
        part.clear()
    raise AssetError("\n".join(failures))


def _from_url(asset: Asset, url: str, part: _Part) -> None:
    """Complete and verify the part from one URL.

    Raises _RefusedError, after which no part with a wrong hash is left.
    """
    resumed = part.usable(url) > 0
    digest, cut = _patiently(asset, url, part)
    if digest != asset.digest and (resumed or cut):
        # The beginning was of another version, or a crash damaged it.
        part.clear()
        digest, _ = _patiently(asset, url, part)
    if digest != asset.digest:
        part.clear()
        raise _RefusedError(
            f"sent another file as {asset.name}: {asset.algorithm} expected {asset.digest}, found "
            f"{digest}"
        )


def _patiently(asset: Asset, url: str, part: _Part) -> tuple[str, bool]:
    """Return the completed part's hash, and whether it came in several pieces.

    Asks again after a failure that may pass.
    """
    fresh = retry = _Retry(total=_ATTEMPTS - 1)
    furthest, cut = part.size, False
    while True:
        try:
            return _once(asset, url, part), cut
        except _CutError as error:
            if part.size >= furthest + _CHUNK:  # fewer would let a server drip for ever
                furthest, retry = part.size, fresh
            cut = True
            try:
                retry = retry.increment("GET", url, error=error)
            except MaxRetryError:
                raise _RefusedError(f"{error}; given up after {_ATTEMPTS} attempts") from None
            wait = (
                error.response and retry.get_retry_after(error.response)
            ) or retry.get_backoff_time()
            _say(f"{asset.name}: {error}; next attempt in {wait:.0f} s")
            retry.sleep(error.response)
        except _StaleError:
            part.clear()
            cut = True
            _say(f"{asset.name}: the server does not continue what was kept of it; starting anew")


def _once(asset: Asset, url: str, part: _Part) -> str:
    """Make one request that adds to the part; return the hash of the completed part.

    Raises _RefusedError, _CutError, _StaleError, OSError (of the disk).
    """
    start = part.usable(url)
    if start and start == part.note().get("total"):
        # Everything arrived, but the process ended before it renamed the file.
        return hash_of(part.path, asset.algorithm)
    with _asked(url, start, part.note()) as response:
        offset, total = _answer(response, start, part)
        if asset.size and total and total != asset.size:
            raise _RefusedError(
                f"offers {total:,} bytes as {asset.name}, the card says {asset.size:,}"
            )
        if not asset.size and total and total > _MOST_BYTES:
            raise _RefusedError(f"offers {total:,} bytes as {asset.name}; {_bound()}")
        pieces = _pieces(response)
        first = b""
        while len(first) < _START and (piece := next(pieces, b"")):
            first += piece
        if not offset:
            _refuse_html(first, response, asset.name)
        _check_space(
            part.path.parent, (total or asset.size or 0) - offset, part.size if not offset else 0
        )
        return _store(
            asset, part, response, url, (offset, total or asset.size), chain([first], pieces)
        )


@contextmanager
def _asked(url: str, start: int, known: Mapping[str, Any]) -> Iterator["Response"]:
    """Return the unread answer to a request for the bytes from `start` on, of the known version."""
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
    except (
        OSError,
        ValueError,
    ) as error:
        # requests' other errors (a malformed URL, too many redirects), an unreadable CA bundle
        raise _RefusedError(f"{type(error).__name__}: {str(error)[:200]}") from None
    with response:
        yield response


def _answer(response: "Response", start: int, part: _Part) -> tuple[int, int | None]:
    """Return the offset at which the body starts, and the file's size if known.

    Raises _RefusedError, _CutError or _StaleError for any answer but the file.
    """
    status = response.status_code
    if status == 416 and start:
        raise _StaleError
    if status in (408, 425, 429) or status >= 500:
        raise _CutError(f"HTTP {status} {response.reason}", response.raw)
    if status == 206 and start:
        return start, _continues(response, start, part)
    if status != 200:
        raise _RefusedError(f"HTTP {status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    return 0, int(
        length
    ) if length.isdigit() and "Transfer-Encoding" not in response.headers else None


def _continues(response: "Response", start: int, part: _Part) -> int | None:
    """Return the file's size if a partial answer continues the part that is kept.

    Raises _StaleError if the answer is of another version or place.
    """
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    known = part.note()
    total = int(match[2]) if match and match[2] != "*" else None
    same = all(
        was is None or now is None or was == now
        for was, now in (
            (known.get("etag"), response.headers.get("ETag")),
            (known.get("total"), total),
        )
    )
    if not match or int(match[1]) != start or not same:
        raise _StaleError
    return total or known.get("total")


def _pieces(response: "Response") -> Iterator[bytes]:
    """Yield the raw body as it arrives (a .gz that is marked as encoded stays one).

    Raises _CutError if it breaks off, and _RefusedError if it drips: every byte restarts the read
    timeout, so a trickle would never time out.
    """
    came, waited = 0, 0.0
    while True:
        asked = time.monotonic()
        try:
            piece = response.raw.read1(_CHUNK, decode_content=False)
        except (HTTPError, OSError) as error:
            raise _CutError(
                f"connection lost: {type(error).__name__}: {str(error)[:200]}"
            ) from None
        if not piece:
            return
        came, waited = came + len(piece), waited + time.monotonic() - asked
        yield piece
        if waited >= _SLOW_S:
            if came < _LEAST_RATE * waited:
                raise _RefusedError(
                    f"too slow: {came:,} bytes came in {waited:.0f} s, the minimum is "
                    f"{_LEAST_RATE:,} per second"
                )
            came, waited = 0, 0.0


def _refuse_html(first: bytes, response: "Response", name: str) -> None:
    """Raise _RefusedError for a web page in place of the file.

    It may be a login, a consent form, or "not found" with status 200.
    """
    if Path(name).suffix.lower() in {".html", ".htm", ".xhtml"}:
        return
    start = first[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    said = "html" in response.headers.get("Content-Type", "").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (said and start.startswith(b"<")):
        raise _RefusedError(
            f"sent a web page (HTML) instead of {name}: the address has moved or asks for a login "
            "or consent"
        )


def _bound() -> str:
    return f"without a `size` on its card at most {_MOST_BYTES:,} are taken"


def _check_space(folder: Path, needed: int, freed: int) -> None:
    """Raise AssetError if the folder's disk lacks room for this many bytes.

    freed: bytes that will be overwritten.
    """
    free = shutil.disk_usage(folder).free + freed
    if needed > free:
        raise AssetError(
            f"  {folder}: no space: {needed:,} bytes are needed, {free:,} are free; make room or "
            "set FACEOFF_CACHE to a larger disk"
        )


def _store(
    asset: Asset,
    part: _Part,
    response: "Response",
    url: str,
    span: tuple[int, int | None],
    pieces: Iterator[bytes],
) -> str:
    """Write the body from span[0] (offset) to span[1] (the file's size, if known).

    Returns the hash of the whole file. Raises _CutError if the body is short.
    """
    at, total = span
    digest = hasher(asset.algorithm)
    with (
        part.open(at, url, response, total) as file,
        meter(asset.name, total, at, in_bytes=True) as advance,
    ):
        if at:
            with open(part.path, "rb") as kept:
                hashlib.file_digest(kept, lambda: digest)
        for piece in pieces:
            at += len(piece)
            if at > (total or _MOST_BYTES):
                part.clear()
                raise _RefusedError(
                    f"sends more than the {total:,} bytes of {asset.name}"
                    if total
                    else f"sends {at:,} bytes and more; {_bound()}"
                )
            file.write(piece)
            digest.update(piece)
            advance(len(piece))
        file.flush()
        os.fsync(file.fileno())
    if total and at < total:
        raise _CutError(f"the connection ended after {at:,} of {total:,} bytes")
    return digest.hexdigest()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
