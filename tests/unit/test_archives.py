"""Unpacking: all of a good archive arrives.

Of a hostile, broken or oversized one nothing does, and the message says why.
"""

import bz2
import gzip
import io
import lzma
import os
import resource
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from faceoff.assets import archives
from faceoff.assets.archives import ArchiveError, unpack

FILES = {"Actor_01/01-01.txt": b"one" * 1000, "Actor_02/größe 顔.txt": b"two", "empty": b""}
KINDS = {
    "zip": None,
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def tarred(
    path: Path,
    files: dict[str, bytes],
    extra: tarfile.TarInfo | None = None,
    squeeze: Callable[[bytes], bytes] = bytes,
) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        if extra:
            packed.addfile(extra)
    path.write_bytes(squeeze(buffer.getvalue()))
    return path


def packed(folder: Path, kind: str, files: dict[str, bytes]) -> Path:
    path = folder / f"archive.{kind}"
    return zipped(path, files) if kind == "zip" else tarred(path, files, squeeze=KINDS[kind])


def refused(archive: Path, match: str, **bounds: object) -> str:
    """Unpack into `out`, which must fail and leave nothing beside the archive; the message."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(ArchiveError, match=match) as caught:
        unpack(archive, archive.parent / "out", **bounds)
    assert str(archive) in str(caught.value)
    assert sorted(archive.parent.rglob("*")) == before
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_good_archive_arrives(tmp_path: Path, kind: str) -> None:
    archive = packed(tmp_path, kind, FILES)
    found = unpack(archive, tmp_path / "deep" / "out")
    assert {
        path.relative_to(tmp_path / "deep/out").as_posix(): path.read_bytes() for path in found
    } == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert stat.S_IMODE((tmp_path / "deep/out").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "deep").stat().st_mode
    )


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    archive = packed(tmp_path, "zip", FILES)
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    (tmp_path / "out" / "empty").write_bytes(b"mine")
    refused(archive, "not empty")
    assert (tmp_path / "out" / "empty").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "a/../../escaped",
        "/faceoff-escaped",
        "C:/escaped",
        "c:escaped",
        "..\\escaped",
        "a\\b",
        "..",
    ],
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    message = refused(packed(inner, kind, {"good": b"good", name: b"escaped"}), "leads out")
    assert repr(name) in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner"]
    assert not Path("/faceoff-escaped").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    bad = tarfile.TarInfo("bad")
    bad.type, bad.linkname = kind, "good"
    archive = tarred(tmp_path / "a.tar", {"good": b"good"}, bad)
    assert "'bad'" in refused(archive, "is a link, device")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int) -> None:
    info = zipfile.ZipInfo("bad")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/passwd")
    assert "'bad'" in refused(tmp_path / "a.zip", "is a link")


def patched(path: Path, member: str, local: tuple[int, bytes], central: tuple[int, bytes]) -> Path:
    """Overwrite bytes at an offset of a member's two headers in a zip."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as packed:
        at = packed.getinfo(member).header_offset
    directory = data.index(b"PK\x01\x02")
    for start, (offset, new) in ((at, local), (directory, central)):
        data[start + offset : start + offset + len(new)] = new
    path.write_bytes(data)
    return path


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"secret": b"x"})
    patched(archive, "secret", (6, b"\1\0"), (8, b"\1\0"))
    assert "'secret'" in refused(archive, ": is encrypted$")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_output_has_no_bound_are_refused(tmp_path: Path, method: int) -> None:
    assert "'a'" in refused(
        zipped(tmp_path / "a.zip", {"a": b"x" * 100}, method), "compression method"
    )


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_stopped_early(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(tmp_path, kind, {"good": b"good", "bomb": bytes(30 << 20)})
    on_disk, remove = [], shutil.rmtree

    def weighed(folder: Path, **options: bool) -> None:
        on_disk.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
        remove(folder, **options)

    monkeypatch.setattr(archives.shutil, "rmtree", weighed)
    assert "'bomb'" in refused(archive, "for each byte")
    assert on_disk[0] < 8 << 20 if kind != "tar.gz" else on_disk[0] < 24 << 20
    assert "'bomb'" in refused(
        archive, "more than 2,000,000 bytes", max_bytes=2_000_000, max_ratio=1e9
    )
    assert len(unpack(archive, tmp_path / "out", max_ratio=1e9)) == 2


def test_a_bomb_behind_the_last_member_is_stopped(tmp_path: Path) -> None:
    archive = tarred(
        tmp_path / "a.tar.xz",
        {"good": b"good"},
        squeeze=lambda data: lzma.compress(data + bytes(30 << 20)),
    )
    assert "more than" in refused(archive, "for each byte")


def test_headers_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as packed:
        packed.addfile(tarfile.TarInfo("first"))
        info = tarfile.TarInfo("second")
        info.pax_headers = {"comment": "x" * (3 << 20)}
        packed.addfile(info)
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    assert "a.tar" in refused(tmp_path / "a.tar", "bytes of headers")


@pytest.mark.parametrize("says", [10, 3000, 10 << 20])
def test_a_zip_whose_header_lies_about_the_size_is_refused(tmp_path: Path, says: int) -> None:
    content = os.urandom(2000) + bytes(200_000)
    archive = zipped(tmp_path / "a.zip", {"liar": content})
    patched(archive, "liar", (22, struct.pack("<I", says)), (24, struct.pack("<I", says)))
    assert "'liar'" in refused(archive, "CRC|header says|cannot be unpacked", max_ratio=1e9)


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    bad = tarfile.TarInfo("holes")
    bad.type = tarfile.GNUTYPE_SPARSE
    data = bytearray(bad.tobuf(tarfile.GNU_FORMAT))
    data[386:410] = b"00000000000\0" * 2  # one hole of no bytes
    data[483:495] = b"77777777777\0"  # 8 GiB
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    (tmp_path / "a.tar").write_bytes(bytes(data) + bytes(1024))
    assert "'holes'" in refused(tmp_path / "a.tar", "sparse")


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_entries_are_refused(tmp_path: Path, kind: str) -> None:
    archive = packed(tmp_path, kind, {f"{i}": b"" for i in range(20)})
    assert "'12'" in refused(archive, "more than 12 entries", max_files=12)
    assert len(unpack(archive, tmp_path / "out", max_files=20)) == 20


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide_are_refused(tmp_path: Path, kind: str) -> None:
    assert "a/b" in refused(packed(tmp_path, kind, {"a/b": b"1", "./a/b": b"2"}), "twice")
    assert "'a/b'" in refused(packed(tmp_path, kind, {"a": b"1", "a/b": b"2"}), "a/b")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.95])
def test_a_cut_archive_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    archive = packed(tmp_path, kind, {f"{i}": os.urandom(5000) for i in range(8)})
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * part) if kind != "tar" else int(8 * 5632 * part)])
    assert archive.name in refused(archive, "cannot be unpacked|bytes come out")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_a_damaged_archive_is_refused(tmp_path: Path, kind: str) -> None:
    archive = packed(tmp_path, kind, {f"{i}": os.urandom(5120) for i in range(8)})
    data = bytearray(archive.read_bytes())
    at = (
        3 * 5632 + 20 if kind == "tar" else len(data) // 2
    )  # a tar has checksums of its headers only
    data[at] ^= 0xFF
    archive.write_bytes(data)
    assert archive.name in refused(archive, "cannot be unpacked|bytes come out")


def test_a_tar_that_ends_at_a_member_is_refused(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", {"a": b"1", "b": b"2"})
    archive.write_bytes(archive.read_bytes()[:1024])
    assert "a.tar" in refused(archive, "cut")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"<!doctype html><title>log in</title>" * 100)
    refused(tmp_path / "a.zip", "neither zip nor tar")
    with pytest.raises(ArchiveError, match=r"no\.zip"):
        unpack(tmp_path / "no.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path, kind: str) -> None:
    archive = packed(tmp_path, kind, FILES)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert "'Actor_01/01-01.txt'" in refused(archive, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("end", ["", "/", "/file"], ids=["file", "folder", "file_below"])
def test_folders_in_folders_without_end_are_refused(tmp_path: Path, kind: str, end: str) -> None:
    """Removing them would exhaust Python's stack, and so leave them."""
    nested = ["/".join("d" * depth) + end for depth in range(1000, 1100, 50)]
    assert "folders deep" in refused(
        packed(tmp_path, kind, {"good": b"good"} | dict.fromkeys(nested, b"")), "64 are allowed"
    )
    one = "/".join("d" * 64)
    assert [
        path.relative_to(tmp_path / "out").as_posix()
        for path in unpack(packed(tmp_path, kind, {one: b"1"}), tmp_path / "out")
    ] == [one]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_is_too_long_for_the_disk_is_refused(tmp_path: Path, kind: str) -> None:
    assert "cannot be unpacked at member" in refused(
        packed(tmp_path, kind, {"good": b"good", "n" * 300: b"x"}), "File name too long"
    )


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_the_archive_says_of_modes_and_times_is_not_taken(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"a.{kind}"
    if kind == "zip":
        entry = zipfile.ZipInfo("a/f", (1999, 1, 1, 0, 0, 0))
        entry.external_attr = (stat.S_IFREG | 0o4777) << 16
        with zipfile.ZipFile(archive, "w") as target:
            target.writestr(entry, b"x")
    else:
        member = tarfile.TarInfo("a/f")
        member.mode, member.mtime = 0o4777, 1000
        tarred(archive, {}, member)
    (file,) = unpack(archive, tmp_path / "out")
    (tmp_path / "mine").write_bytes(b"")
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((tmp_path / "mine").stat().st_mode)
    assert file.stat().st_mtime > 1e9
