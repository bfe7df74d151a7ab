"""Tell what a file is: by its first bytes, and by its suffix where these say nothing."""

import os
import stat
from pathlib import Path
from typing import Literal

Kind = Literal["picture", "video", "sound", "other"]

# Files with these suffixes are taken for videos even where their first bytes are of no known kind.
_VIDEOS = (
    ".264 .265 .3g2 .3gp .amv .asf .avi .divx .dv .f4v .flv .h264 .h265 .hevc .ivf .m1v .m2t .m2ts "
    ".m2v .m4v .mjpeg .mjpg .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .ogm .ogv .qt .rm .rmvb "
    ".ts .vob .webm .wmv .wtv .y4m"
)
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())
_READ = (
    ".apng .avif .bmp .dib .gif .j2k .jfif .jp2 .jpe .jpeg .jpf .jpg .jpx .pbm .pgm .png .pnm .ppm "
    ".tif .tiff .webp"
)
_NOT_READ = (
    ".arw .cr2 .cr3 .dng .exr .heic .heif .hif .ico .jxl .jxr .nef .orf .psd .qoi .raf .rw2 .svg "
    ".tga .xcf"
)
SOUND_SUFFIXES = frozenset(
    [".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"]
)
# A file with one of these suffixes is a sample of a folder even where it cannot be read.
PICTURE_SUFFIXES = frozenset(f"{_READ} {_NOT_READ}".split())

_HEAD = 512
_ISO_PICTURES = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC",
    b"hevc": "HEIC", b"hevx": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF",
    b"avif": "AVIF", b"avis": "AVIF", b"crx ": "Canon raw (CR3)", b"jxl ": "JPEG XL",
}  # fmt: skip
# (first bytes, kind, format), longer marks before those that they begin with
_MARKS: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "picture", "PNG"),
    (b"\xff\xd8\xff", "picture", "JPEG"),
    (b"GIF8", "picture", "GIF"),
    (b"II*\0\x10\0\0\0CR", "picture", "Canon raw (CR2)"),
    (b"II*\0", "picture", "TIFF"),
    (b"MM\0*", "picture", "TIFF"),
    (b"II+\0", "picture", "BigTIFF"),
    (b"MM\0+", "picture", "BigTIFF"),
    (b"II\xbc", "picture", "JPEG XR"),
    (b"IIRO", "picture", "Olympus raw"),
    (b"FUJIFILMCCD-RAW", "picture", "Fujifilm raw"),
    (b"\xff\x0a", "picture", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "picture", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "picture", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "picture", "JPEG 2000"),
    (b"8BPS", "picture", "Photoshop"),
    (b"v/1\x01", "picture", "OpenEXR"),
    (b"#?RADIANCE", "picture", "Radiance HDR"),
    (b"qoif", "picture", "QOI"),
    (b"DDS ", "picture", "DDS"),
    (b"gimp xcf", "picture", "GIMP"),
    (b"\0\0\x01\0", "picture", "ICO"),
    (b"%PDF", "other", "PDF"),
    (b"%!PS", "other", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "other", "PostScript"),
    (b"\x1a\x45\xdf\xa3", "video", "Matroska or WebM"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "ASF"),
    (b"FLV\x01", "video", "Flash video"),
    (b"\0\0\x01\xba", "video", "MPEG program stream"),
    (b"\0\0\x01\xb3", "video", "MPEG video"),
    (b"OggS", "video", "Ogg"),
    (b".RMF", "video", "RealMedia"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "video", "MXF"),
    (b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "video", "WTV"),
    (b"DKIF", "video", "IVF"),
    (b"YUV4MPEG2", "video", "Y4M"),
    (b"nut/multimedia", "video", "NUT"),
    (b"\0\0\0\x01\x67", "video", "H.264 without a container"),
    (b"\0\0\0\x01\x27", "video", "H.264 without a container"),
    (b"\0\0\0\x01\x09", "video", "H.264 without a container"),
    (b"\0\0\0\x01\x40\x01", "video", "H.265 without a container"),
    (b"ID3", "sound", "MP3"),
    (b"\xff\xfb", "sound", "MP3"),
    (b"\xff\xf1", "sound", "AAC"),
    (b"fLaC", "sound", "FLAC"),
    (b"FORM", "sound", "AIFF"),
    (b"#!AMR", "sound", "AMR"),
    (b"caff", "sound", "CAF"),
)
_RIFF: dict[bytes, tuple[Kind, str]] = {
    b"WEBP": ("picture", "WebP"),
    b"AVI ": ("video", "AVI"),
    b"AVIX": ("video", "AVI"),
    b"WAVE": ("sound", "WAV"),
}


def kind_of_bytes(head: bytes) -> tuple[Kind, str] | None:
    """Return (kind, name of the format) of a file that begins with these bytes.

    Up to 512 bytes are looked at. None: they are of no format that is known here.
    """
    for mark, kind, name in _MARKS:
        if head.startswith(mark):
            return kind, name
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        if name := next(
            (_ISO_PICTURES[brand] for brand in _brands(head) if brand in _ISO_PICTURES), ""
        ):
            return "picture", name
        return ("sound", "M4A") if head[8:11] == b"M4A" else ("video", "MP4 or QuickTime")
    if head[4:8] in (b"moov", b"mdat", b"wide", b"skip", b"pnot"):
        return "video", "QuickTime"
    if head[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6") and head[2:3].isspace():
        return "picture", "PPM"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "picture", "BMP"
    # Packets of 188 bytes, 192 in a Blu-ray's stream, 204 with error correction.
    for first, length in ((0, 188), (4, 192), (0, 204)):
        if head[first : first + 1] == b"G" and head[first + length : first + length + 1] == b"G":
            return "video", "MPEG transport stream"
    return None


def _brands(head: bytes) -> list[bytes]:
    """Return the major brand of an ISO file, then, of a picture's container, the others."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    # A video may name a picture's brand among its compatible ones.
    return brands if brands[0] in (b"mif1", b"msf1", b"heic", b"avif") else brands[:1]


def regular(path: Path) -> None:
    """Raise OSError unless the path, links followed, is a file of finite size that may be opened.

    Opening a pipe waits for a writer, and a device may have no end.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        name = next((name for test, name in _SPECIAL if test(mode)), "no file")
        raise OSError(f"{name}, which is not opened")


_SPECIAL = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file. Raises OSError; a pipe, socket or device is not opened."""
    regular(path)
    return path.read_bytes()


def head_of(path: Path) -> bytes:
    """Return a file's first bytes. Raises OSError; a pipe, socket or device is not opened."""
    regular(path)
    with open(path, "rb") as file:
        return file.read(_HEAD)


def left_out(path: Path, sound: bool = False) -> str | None:
    """Return why a file of a folder of pictures and clips is none of them, None for a sample.

    A file with the suffix of a picture or video is a sample even where it is broken; of any other
    file the first bytes decide. sound: files of sound are samples, too.
    """
    suffixes = PICTURE_SUFFIXES | VIDEO_SUFFIXES | (SOUND_SUFFIXES if sound else set())
    if path.suffix.lower() in suffixes:
        return None
    try:
        found = kind_of_bytes(head_of(path))
    except OSError as error:
        special = not error.errno  # `regular` has refused it
        return "pipe, socket or device" if special else f"other file ({path.suffix.lower()})"
    if found is not None and found[0] in ("picture", "video", *(("sound",) if sound else ())):
        return None
    name = "sound file" if found is not None and found[0] == "sound" else "other file"
    return f"{name} ({path.suffix.lower() or 'no suffix'})"


_READ_AS: dict[Kind, Literal["image", "video", "audio"]] = {
    "picture": "image", "other": "image", "video": "video", "sound": "audio",
}  # fmt: skip
_BY_SUFFIX: dict[str, Literal["image", "video", "audio"]] = {
    **dict.fromkeys(VIDEO_SUFFIXES, "video"),
    **dict.fromkeys(SOUND_SUFFIXES, "audio"),
}


def sample_kind(path: Path) -> Literal["image", "video", "audio"]:
    """Return whether a sample is read as a picture, a video or sound.

    The common suffixes of pictures say so themselves; of any other file the first bytes decide,
    and its suffix where it cannot be opened.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return "image"
    try:
        found = kind_of_bytes(head_of(path))
    except OSError:
        found = None
    return _BY_SUFFIX.get(suffix, "image") if found is None else _READ_AS[found[0]]
