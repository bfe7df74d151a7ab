"""Look into the files of pictures where Pillow reads them wrongly or not at all."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"}
_WEBP_KEPT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
# The marker of JFIF and that of Adobe, which tells how colours are coded.
_JPEG_KEPT = {0xE0, 0xEE}


def without_metadata(data: bytes, exif: bool) -> bytes | None:
    """Return a PNG, WebP or JPEG without what is not its pixels; None for other files.

    exif: keep EXIF, which may say how the picture is turned.
    """
    if data.startswith(_PNG):
        kept = _PNG_KEPT | ({b"eXIf"} if exif else set())
        return _PNG + b"".join(whole for name, whole in _png_chunks(data) if name in kept)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        body = b"".join(_webp_chunks(data, _WEBP_KEPT | ({b"EXIF"} if exif else set()), exif))
        return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    if data.startswith(b"\xff\xd8"):
        return _bare_jpeg(data, exif)
    return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, the whole chunk) of a PNG, as far as it goes."""
    place = len(_PNG)
    while place + 8 <= len(data):
        (length,), name = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        yield name, data[place : place + 12 + length]
        place += 12 + length


def _webp_chunks(data: bytes, kept: set[bytes], exif: bool) -> Iterator[bytes]:
    place = 12
    while place + 8 <= len(data):
        name, (length,) = data[place : place + 4], struct.unpack("<I", data[place + 4 : place + 8])
        whole = data[place : place + 8 + length + length % 2]
        if name == b"VP8X" and len(whole) >= 9:
            # Its flags say which chunks there are: colour profile, EXIF, XMP.
            flags = whole[8] & ~(0b100100 if exif else 0b101100)
            whole = whole[:8] + bytes([flags]) + whole[9:]
        if name in kept:
            yield whole
        place += 8 + length + length % 2


def _bare_jpeg(data: bytes, exif: bool) -> bytes:
    parts, place = [data[:2]], 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:  # filling, or markers without a length
            place += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:  # the scan, up to the end
            break
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        segment = data[place : place + 2 + length]
        is_exif = marker == 0xE1 and segment[4:10] == b"Exif\0\0"
        metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not metadata or marker in _JPEG_KEPT or (exif and is_exif):
            parts.append(segment)
        place += 2 + length
    return b"".join(parts) + data[place:]


# The seven passes of an interlaced PNG: first column, first row, and the steps between them.
_ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png_lacks_rows(data: bytes, image: Image.Image) -> bool:
    """Return whether the compressed rows of a PNG end before its height.

    Pillow leaves the rows that are not there black. image: as Pillow decoded it.
    """
    header = data[len(_PNG) + 8 : len(_PNG) + 8 + 13]
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    last = image.crop((0, height - 1, width, height)).tobytes()
    if not interlaced and any(last):
        return False
    per_pixel = bits * _CHANNELS.get(colour, 1)

    def size(columns: int, rows: int) -> int:
        return rows * (1 + -(-columns * per_pixel // 8)) if columns > 0 and rows > 0 else 0

    if interlaced:
        needed = sum(size(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _ADAM7)
    else:
        needed = size(width, height)
    unpacker, found = zlib.decompressobj(), 0
    for name, whole in _png_chunks(data):
        if name != b"IDAT":
            continue
        packed = whole[8:-4]
        while packed and found < needed:
            found += len(unpacker.decompress(packed, 2**20))
            packed = unpacker.unconsumed_tail
    return found < needed


# Tags of TIFF (Adobe 1992; the names are the standard's).
_SUBFILE, _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _INKS, _FORMAT = (
    254, 258, 259, 262, 284, 332, 339,
)  # fmt: skip
_MEANT = {
    0: "white is zero", 1: "black is zero", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr",
}  # fmt: skip


def tiff_page(image: Any) -> None:
    """Go to the one full picture of a TIFF. Raises ValueError if there are several, or none."""
    full = []
    for page in range(image.n_frames):
        image.seek(page)
        if not int(image.tag_v2.get(_SUBFILE, 0)) & 0b101:  # a smaller copy, or a mask
            full.append(page)
    if len(full) != 1:
        raise ValueError(
            f"TIFF of {len(full)} pictures: which one is meant is not known; save it as its own "
            "file"
        )
    image.seek(full[0])


def check_tiff(image: Any) -> None:
    """Raise ValueError if it is not sure what the numbers of a TIFF mean, or Pillow errs."""
    tags = image.tag_v2
    photometric, planar = tags.get(_PHOTOMETRIC), tags.get(_PLANAR, 1)
    bits = tuple(tags.get(_BITS, (1,)))
    kinds = set(tags.get(_FORMAT, (1,)))
    compression = tags.get(_COMPRESSION, 1)
    faults = (
        (photometric is None, "does not say what its numbers mean"),
        (photometric not in _MEANT, f"of photometric interpretation {photometric}"),
        (photometric == 6 and compression != 7, "of YCbCr that is not JPEG"),
        (photometric == 5 and tags.get(_INKS, 1) != 1, "of inks that are not CMYK"),
        (kinds - {1, 3}, "of signed or undefined numbers"),
        (photometric == 0 and bits[0] > 8, "of 16 bits whose white is zero"),
        (bits[0] >= 32 and 3 not in kinds, "of 32-bit whole numbers, whose white is not known"),
        (3 in kinds and bits[0] != 32, f"of {bits[0]}-bit floating-point numbers"),
        # Pillow turns the bytes of these twice, and reads those planes as one.
        (3 in kinds and compression != 1 and tags.prefix == b"MM", "of packed big-endian numbers"),
        (planar == 2 and compression == 1 and set(bits) != {8}, f"of {bits[0]}-bit planes"),
    )
    for wrong, what in faults:
        if wrong:
            raise ValueError(f"TIFF {what}: not read; convert it to PNG or JPEG")
