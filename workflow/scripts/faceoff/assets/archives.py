"""Unpack an archive from an untrusted source, inside the target folder and within bounds."""

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
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

MAX_BYTES, MAX_FILES, MAX_RATIO = 200 * 10**9, 2_000_000, 200.0
_DEEPEST = 64  # folders; os.makedirs and shutil.rmtree call themselves for each
_RATIO_FROM = 1 << 20  # bytes; a small file of zeros is no bomb
_BLOCK = 1 << 18
_HEADERS = 1 << 20  # bytes that one tar member's headers may take; tarfile holds them in memory
_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
# The other methods are decompressed by zipfile in steps whose output has no bound.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class ArchiveError(Exception):
    """A broken or hostile archive, or one beyond the bounds.

    The message names the archive, the member and the fault.
    """


def unpack(
    archive: Path,
    folder: Path,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
    max_ratio: float = MAX_RATIO,
) -> list[Path]:
    """Unpack an archive into `folder`, which appears only when everything is unpacked.

    Returns its files in the archive's order. The formats .zip, .tar, .tar.gz, .tar.bz2 and .tar.xz
    are told by content. Modes and times of the archive are ignored.

    The bounds are: unpacked bytes (as counted, whatever the headers say), entries, unpacked bytes
    per byte of the archive, and depth of folders.

    Raises ArchiveError, and leaves nothing behind, for an entry with an absolute path, `..`, a
    drive letter or a backslash; for a link, device or encrypted entry; beyond a bound; for a broken
    archive; and if `folder` exists and is not empty.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(
            f"{archive}: {folder} exists and is not empty; remove it to unpack again"
        )
    scratch, check = None, _Check(archive, max_bytes, max_files, max_ratio)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(
            tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".unpacking", dir=folder.parent)
        )
        inner = scratch / "content"  # made with the user's own permissions, unlike mkdtemp's
        inner.mkdir()
        (_unzip if _magic(archive).startswith((b"PK\3\4", b"PK\5\6")) else _untar)(
            archive, inner, check
        )
        os.rename(inner, folder)
    except _BROKEN as error:
        at = f" at member {check.name!r}" if check.name else ""
        raise ArchiveError(f"{archive}: cannot be unpacked{at}: {error}") from None
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    return [folder / path for path in check.files]


class _Check:
    """Refuse what may not come out, and count what does. `name`: the last member that came."""

    def __init__(self, archive: Path, max_bytes: int, max_files: int, max_ratio: float):
        self.archive, self.name = archive, ""
        self._most, self._most_entries, self._most_ratio = max_bytes, max_files, max_ratio
        self._packed = max(1, archive.stat().st_size) if archive.is_file() else 1
        self._bytes = self._entries = 0
        self.files: list[Path] = []  # relative to the folder

    def refuse(self, fault: str) -> ArchiveError:
        return ArchiveError(f"{self.archive}: member {self.name!r}: {fault}")

    def enter(self, name: str, folder: Path, is_file: bool) -> None:
        """Take the next member of the archive, which goes below this folder."""
        self.name = name
        self._entries += 1
        if self._entries > self._most_entries:
            raise self.refuse(f"more than {self._most_entries:,} entries")
        path = PurePosixPath(name)
        if (
            path.is_absolute()
            or ".." in path.parts
            or "\\" in name
            or "\0" in name
            or re.match("[A-Za-z]:", name)
        ):
            raise self.refuse(
                "its path leads out of the archive's folder (absolute, `..`, a drive letter or a "
                "backslash)"
            )
        if len(path.parts) > _DEEPEST:
            raise self.refuse(f"lies {len(path.parts):,} folders deep, {_DEEPEST} are allowed")
        if is_file:
            if os.path.lexists(folder / path):
                raise self.refuse("occurs twice in the archive")
            self.files.append(Path(path))

    def count(self, new: int) -> None:
        """Count bytes that come out."""
        self._bytes += new
        if self._bytes > self._most:
            raise self.refuse(f"more than {self._most:,} bytes come out")
        if self._bytes > max(_RATIO_FROM, self._most_ratio * self._packed):
            raise self.refuse(
                f"more than {self._most_ratio:g} bytes come out for each byte of the archive"
            )


def _magic(archive: Path) -> bytes:
    with open(archive, "rb") as file:
        return file.read(6)


def _unzip(archive: Path, folder: Path, check: _Check) -> None:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            check.enter(info.filename, folder, is_file=not info.is_dir())
            if info.flag_bits & 0x1:
                raise check.refuse("is encrypted")
            if stat.S_IFMT(info.external_attr >> 16) not in (
                0,
                stat.S_IFREG,
                stat.S_IFDIR if info.is_dir() else 0,
            ):
                raise check.refuse("is a link, device or pipe")
            if info.compress_type not in _METHODS:
                raise check.refuse(
                    f"compression method {info.compress_type} is not supported (stored and "
                    "deflated are)"
                )
            check.count(info.file_size)  # zipfile gives no more than the header says
            came = os.path.getsize(packed.extract(info, folder))
            if not info.is_dir() and came != info.file_size:
                raise check.refuse(f"{came:,} bytes come out, its header says {info.file_size:,}")


class _Reader:
    """A tar's bytes, decompressed and counted; in between members only headers may be read."""

    def __init__(self, source: Any, check: _Check):
        self._source, self._check = source, check
        self.left = _HEADERS  # bytes that may yet be read

    def read(self, size: int) -> bytes:
        block = self._source.read(size)
        self._check.count(len(block))
        self.left -= len(block)
        if self.left < 0:
            raise self._check.refuse(f"is followed by more than {_HEADERS:,} bytes of headers")
        return block


class _Header(tarfile.TarInfo):
    """A header that fails on a damaged or missing block.

    The standard one takes such a block for the end of the archive.
    """

    @classmethod
    def fromtarfile(cls, packed: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(packed)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed lacks it
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(
                f"no sound header at byte {packed.offset:,} ({error}): neither zip nor tar, "
                "damaged, or cut"
            ) from None


def _untar(archive: Path, folder: Path, check: _Check) -> None:
    magic = _magic(archive)
    opener = next((opener for start, opener in _OPENERS.items() if magic.startswith(start)), None)

    def accept(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        packed.members.clear()  # type: ignore[attr-defined]  # a list of all, unknown to typeshed
        check.enter(member.name, folder, is_file=member.isreg())
        if member.issparse() or not (member.isreg() or member.isdir()):
            raise check.refuse("is a link, device, pipe or sparse file")
        reader.left = member.size + _HEADERS
        # None, which typeshed does not know, leaves mode and time to the system.
        plain = member.replace(mode=None, mtime=None, deep=False)  # type: ignore[arg-type]
        return tarfile.data_filter(plain, path)

    with open(archive, "rb") as file, opener(file) if opener else file as source:
        reader = _Reader(source, check)
        # A stream reads every byte once and in order.
        stream: Any = reader  # tarfile only calls its `read`
        with tarfile.open(None, "r|", stream, tarinfo=_Header) as packed:
            packed.extractall(folder, filter=accept)
        # Read to the end, where the compressed stream has its own checksum.
        while block := source.read(_BLOCK):
            check.count(len(block))
