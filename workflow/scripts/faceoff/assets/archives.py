"""Unpack an archive that nobody has vouched for: nothing leaves the target folder, and nothing grows beyond its bounds."""

import bz2
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

MAX_BYTES, MAX_FILES, MAX_RATIO = 200 * 10**9, 2_000_000, 200.0
_RATIO_FROM = 1 << 20  # bytes; a small file of zeros is no bomb
_BLOCK = 1 << 18
_HEADERS = 1 << 20  # bytes that one tar member's headers may take; tarfile holds them in memory
_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
# The other methods are decompressed by zipfile in steps whose output has no bound.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


class ArchiveError(Exception):
    """An archive is broken, hostile or larger than allowed; the message names the archive, the member and the fault."""


def unpack(
    archive: Path,
    folder: Path,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
    max_ratio: float = MAX_RATIO,
) -> list[Path]:
    """Unpack a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz (told by content) into `folder`, which appears when all is there; its files in the archive's order.

    Bounds: bytes that come out (counted, whatever the headers say), entries, bytes out per byte of the archive.
    Raises ArchiveError, with nothing left behind, for an entry with an absolute path, `..`, a drive letter or a backslash; for a link, device
    or encrypted entry; beyond a bound; for a broken archive; and when `folder` is there and not empty.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{archive}: {folder} is there already and not empty; remove it to unpack anew")
    with _unpacking(archive, folder) as scratch:
        sink = _Sink(archive, scratch, max_bytes, max_files, max_ratio)
        (_unzip if _magic(archive).startswith((b"PK\3\4", b"PK\5\6")) else _untar)(archive, sink)
    return [folder / path for path in sink.written]


@contextmanager
def _unpacking(archive: Path, folder: Path) -> Iterator[Path]:
    """Give a folder beside the target; rename it onto the target on success, remove it on failure. What goes wrong becomes an ArchiveError."""
    scratch = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".unpacking", dir=folder.parent))
        inner = scratch / "content"  # made with the user's own permissions, unlike mkdtemp's
        inner.mkdir()
        yield inner
        os.rename(inner, folder)
    except _BROKEN as error:
        raise ArchiveError(f"{archive}: cannot be unpacked: {error}") from None
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


class _Sink:
    """Where members go, and the count of what has come."""

    def __init__(self, archive: Path, folder: Path, max_bytes: int, max_files: int, max_ratio: float):
        self.archive, self._folder = archive, folder
        self._most, self._most_entries, self._most_ratio = max_bytes, max_files, max_ratio
        self._packed = max(1, archive.stat().st_size)
        self._bytes = self._entries = 0
        self.written: list[Path] = []  # relative to the folder

    def refuse(self, name: str, fault: str) -> ArchiveError:
        return ArchiveError(f"{self.archive}: member {name!r}: {fault}")

    def enter(self, name: str) -> Path:
        """Count an entry and return its place, relative to the folder."""
        self._entries += 1
        if self._entries > self._most_entries:
            raise self.refuse(name, f"more than {self._most_entries:,} entries")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
            raise self.refuse(name, "its path leads out of the archive's folder (absolute, `..`, a drive letter or a backslash)")
        return Path(path)

    def count(self, name: str, new: int) -> None:
        """Count decompressed bytes."""
        self._bytes += new
        if self._bytes > self._most:
            raise self.refuse(name, f"more than {self._most:,} bytes come out")
        if self._bytes > max(_RATIO_FROM, self._most_ratio * self._packed):
            raise self.refuse(name, f"more than {self._most_ratio:g} bytes come out for each byte of the archive")

    def folder(self, path: Path) -> None:
        (self._folder / path).mkdir(parents=True, exist_ok=True)

    def file(self, path: Path, name: str, source: Any, size: int, counted: bool) -> None:
        """Write one file; `counted`: its bytes were counted by the reader. Raises ArchiveError when it is not of the size in its header."""
        place = self._folder / path
        came = 0
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as target:
                while block := source.read(_BLOCK):
                    came += len(block)
                    if not counted:
                        self.count(name, len(block))
                    target.write(block)
        except FileExistsError:
            raise self.refuse(name, "stands in the archive twice") from None
        except _BROKEN as error:
            raise self.refuse(name, f"cannot be unpacked: {error}") from None
        if came != size:
            raise self.refuse(name, f"{came:,} bytes come out, its header says {size:,}")
        self.written.append(path)


def _magic(archive: Path) -> bytes:
    with open(archive, "rb") as file:
        return file.read(6)


def _unzip(archive: Path, sink: _Sink) -> None:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            path = sink.enter(info.filename)
            if info.is_dir():
                sink.folder(path)
                continue
            _check_zipped(info, sink)
            try:
                source = packed.open(info)
            except _BROKEN as error:
                raise sink.refuse(info.filename, f"cannot be unpacked: {error}") from None
            with source:
                sink.file(path, info.filename, source, info.file_size, counted=False)


def _check_zipped(info: zipfile.ZipInfo, sink: _Sink) -> None:
    if info.flag_bits & 0x1:
        raise sink.refuse(info.filename, "is encrypted")
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise sink.refuse(info.filename, "is a link, device or pipe")
    if info.compress_type not in _METHODS:
        raise sink.refuse(info.filename, f"compression method {info.compress_type} is not supported (stored and deflated are)")


class _Reader:
    """A tar's bytes, decompressed and counted; in between members only headers may be read."""

    def __init__(self, source: Any, sink: _Sink):
        self._source, self._sink, self.name = source, sink, ""
        self.left: int | None = _HEADERS  # bytes that may yet be read, where that is bounded

    def read(self, size: int) -> bytes:
        block = self._source.read(size)
        self._sink.count(self.name, len(block))
        if self.left is not None:
            self.left -= len(block)
            if self.left < 0:
                raise self._sink.refuse(self.name, f"is followed by more than {_HEADERS:,} bytes of headers")
        return block


class _Header(tarfile.TarInfo):
    """A member's header; the usual one takes a damaged or missing header for the end of the archive."""

    @classmethod
    def fromtarfile(cls, packed: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(packed)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"no sound header at byte {packed.offset:,} ({error}): neither zip nor tar, damaged, or cut") from None


def _untar(archive: Path, sink: _Sink) -> None:
    magic = _magic(archive)
    opener = next((opener for start, opener in _OPENERS.items() if magic.startswith(start)), None)
    with open(archive, "rb") as file, opener(file) if opener else file as source:
        reader = _Reader(source, sink)
        # As a stream: every byte is read once and in order.
        with tarfile.open(fileobj=reader, mode="r|", tarinfo=_Header) as packed:
            while member := _next(packed, reader):
                reader.name = member.name
                packed.members.clear()  # it keeps them all
                _take(packed, member, sink)
        reader.left = None
        while reader.read(_BLOCK):  # to the end, where the compressed stream's own checksum stands
            pass


def _next(packed: tarfile.TarFile, reader: _Reader) -> tarfile.TarInfo | None:
    reader.left = _HEADERS
    member = packed.next()
    reader.left = None
    return member


def _take(packed: tarfile.TarFile, member: tarfile.TarInfo, sink: _Sink) -> None:
    path = sink.enter(member.name)
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise sink.refuse(member.name, "is a link, device, pipe or sparse file")
    if member.isdir():
        sink.folder(path)
    else:
        sink.file(path, member.name, packed.extractfile(member), member.size, counted=True)  # read to its end, so that only headers are left to _next
