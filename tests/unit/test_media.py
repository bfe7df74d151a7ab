"""Decoding: every kind of still image becomes upright RGB uint8, everything else a reason.

No other exception is ever raised.
"""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceoff.media import images
from faceoff.media.frame_rate import Sampling
from faceoff.media.images import DecodeError, decode_image, encode_png
from faceoff.media.videos import decode_animation

RNG = np.random.default_rng(0)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def picture(width: int = 24, height: int = 16) -> Image.Image:
    """Return a picture: left half red, right half blue, top row green."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    pixels[0] = (0, 255, 0)
    return Image.fromarray(pixels)


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (side, side, 3), np.uint8))


def reason(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode_image(data)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_kinds_keep_every_pixel(kind: str) -> None:
    data = encoded(picture(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    decoded = decode_image(data)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, np.asarray(picture()))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello, this is text\n" * 9, "not an image"),
        (b"%PDF-1.7\n%%EOF", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (bytes(1000), "not an image"),
    ],
    ids=["empty", "text", "pdf", "signature", "zeros"],
)
def test_what_is_no_image_has_a_reason(data: bytes, says: str) -> None:
    assert says in reason(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_file_is_refused_not_half_shown(kind: str) -> None:
    data = encoded(noise(), kind)
    decode_image(data)
    reasons = [reason(data[: int(share * len(data))]) for share in (0.9, 0.5, 0.2)]
    assert all(reasons), "each says why"


def test_one_pixel() -> None:
    assert decode_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [
        [[1, 2, 3]]
    ]


def test_sixteen_bit_grey_keeps_relative_brightness() -> None:
    """A dark 16-bit picture stays dark.

    It is scaled by its range, not stretched to its own maximum, nor clipped.
    """
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for values in (ramp, ramp // 4):
        decoded = decode_image(encoded(Image.fromarray(values), "PNG"))
        assert decoded.shape == (16, 16, 3)
        assert np.abs(decoded[..., 0] - values / 257.0).max() <= 0.51
        assert np.array_equal(decoded[..., 0], decoded[..., 2])


def test_floating_point_grey_is_scaled_by_what_it_means() -> None:
    """TIFF of float32: 0–1 as image libraries compute, 0–255 and 0–65535 as they are counted."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    for top in (1, 255, 65535):
        decoded = decode_image(encoded(Image.fromarray(ramp * np.float32(top)), "TIFF"))
        assert np.array_equal(decoded[..., 1], np.arange(256).reshape(16, 16)), top
    assert not decode_image(encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floating_point_grey_that_is_no_number_is_a_reason(value: float) -> None:
    values = np.full((4, 4), 0.5, np.float32)
    values[1, 2] = value
    assert "no finite numbers" in reason(encoded(Image.fromarray(values), "TIFF"))


def test_grey_has_three_equal_channels() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    decoded = decode_image(encoded(Image.fromarray(values), "PNG"))
    assert all(np.array_equal(decoded[..., channel], values) for channel in range(3))


def test_one_bit_is_black_and_white() -> None:
    assert set(decode_image(encoded(noise().convert("1"), "PNG")).ravel()) == {0, 255}


def test_alpha_is_laid_over_black() -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[0, :, 3] = (0, 128, 255)
    decoded = decode_image(encoded(Image.fromarray(pixels, "RGBA"), "PNG"))
    assert decoded[0, :, 0].tolist() == [0, 100, 200]
    assert not decoded[..., 1:].any()
    grey = decode_image(encoded(Image.fromarray(pixels[..., [0, 3]], "LA"), "PNG"))
    assert grey[0, :, 1].tolist() == [0, 100, 200]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_transparency(kind: str) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([250, 0, 0, 0, 0, 250] + [0] * 756)
    assert decode_image(encoded(image, kind))[0].tolist() == [[250, 0, 0], [0, 0, 250]]
    assert decode_image(encoded(image, kind, transparency=0))[0].tolist() == [
        [0, 0, 0],
        [0, 0, 250],
    ]


def test_cmyk_jpeg() -> None:
    decoded = decode_image(encoded(picture(64, 64).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(decoded[32, 8].astype(int) - (255, 0, 0)).max() < 30
    assert np.abs(decoded[32, 56].astype(int) - (0, 0, 255)).max() < 30


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation: int) -> None:
    """The stored picture is the upright one, moved as the tag undoes it (EXIF 2.3)."""
    upright = np.asarray(picture())
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),  # to be turned 90° clockwise for display
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif))
    assert np.array_equal(decoded, upright)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation_is_a_video_not_an_image(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    message = reason(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))
    assert "animated" in message
    assert "3 frames" in message
    decode_image(encoded(frames[0], kind))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def claimed_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


def png(raw: bytes, size: tuple[int, int], bits: int = 8, colour: int = 2, laced: int = 0) -> bytes:
    """Return a PNG whose compressed rows are `raw`."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, laced)
    packed = zlib.compress(raw)
    half = len(packed) // 2
    data = chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("bits", "colour", "row"), [(8, 2, 61), (8, 0, 21), (1, 0, 4), (16, 6, 161)]
)
def test_a_png_whose_rows_end_early_is_not_ok(bits: int, colour: int, row: int) -> None:
    """Pillow would show the missing rows black; a black picture that is whole is right."""
    rows = (b"\0" + b"\x55" * (row - 1)) * 16
    assert decode_image(png(rows, (20, 16), bits, colour)).any()
    for count in (15, 8, 1):
        assert "rows end before" in reason(png(rows[: count * row], (20, 16), bits, colour))
    assert not decode_image(png(bytes(16 * 61), (20, 16))).any()
    assert "rows end before" in reason(png(bytes(15 * 61), (20, 16)))


def test_an_interlaced_png_whose_passes_end_early_is_not_ok() -> None:
    """The seven passes of 8 × 8 grey pixels; the last holds every second row."""
    passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]  # columns, rows
    raw = b"".join(rows * (b"\0" + b"\x77" * columns) for columns, rows in passes)
    assert (decode_image(png(raw, (8, 8), colour=0, laced=1)) == 0x77).all()
    for short in (9, 4 * 9, 4 * 9 + 4 * 5):
        assert "rows end before" in reason(png(raw[:-short], (8, 8), colour=0, laced=1))


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Return a PNG with more chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"eXIf", b"garbage, no EXIF at all")],
        [chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f")],
        [chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(3_000_000)))],
        [chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(3_000_000)))],
        [chunk(b"tEXt", b"note\0" + b"x" * 1_000_000)] * 70,
        [chunk(b"iCCP", b"profile\0\0no zlib")],
        [chunk(b"tEXt", b"note")[:-1] + b"?"],
        [chunk(b"zTXt", b"note\0\0no zlib")],
    ],
    ids=["exif", "exif offset", "ztxt", "itxt", "much text", "icc", "checksum", "no zlib"],
)
def test_metadata_of_a_png_never_cost_the_pixels(chunks: list[bytes]) -> None:
    plain = encoded(picture(), "PNG")
    assert np.array_equal(decode_image(with_chunks(plain, *chunks)), np.asarray(picture()))
    if b"eXIf" in chunks[0]:
        return
    turned = with_chunks(plain, chunk(b"eXIf", exif_of(3)[6:]), *chunks)
    assert np.array_equal(decode_image(turned), np.asarray(picture())[::-1, ::-1])


@pytest.mark.parametrize(
    "exif", [b"garbage", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM"]
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_damaged_exif_never_costs_the_pixels(kind: str, exif: bytes) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    expected = decode_image(encoded(picture(), kind, **options))
    data = encoded(picture(), kind, exif=exif, **options)
    assert np.array_equal(decode_image(data), expected)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "PNG"])
def test_sound_exif_turns_every_kind(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    exif = Image.Exif()
    exif[0x0112] = 6
    expected = np.rot90(decode_image(encoded(picture(), kind, **options)), -1)
    assert np.array_equal(decode_image(encoded(picture(), kind, exif=exif, **options)), expected)


def test_an_animation_with_damaged_metadata_is_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)
    data = with_chunks(data, chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(3_000_000))))
    assert "animated PNG of 3 frames" in reason(data)
    assert len(list(decode_animation(data, Sampling(0)))) == 3


COLOURS = np.stack(np.broadcast_arrays(*np.mgrid[:24, :32] * 7, 90), axis=-1).astype(np.uint8)
GREYS = COLOURS[..., 0]


def pages(*pictures: tuple[np.ndarray, dict], order: str = "<") -> bytes:
    """Return a TIFF of pages (pixels, options), written by tifffile, which knows the odd kinds."""
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder=order) as file:
        for pixels, options in pictures:
            file.write(pixels, **options)
    return buffer.getvalue()


def tiff(pixels: np.ndarray, order: str = "<", **options: object) -> bytes:
    return pages((pixels, options), order=order)


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.moveaxis(pixels, -1, 0)


def wide(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


INKS = np.concatenate([255 - COLOURS, np.zeros((24, 32, 1), np.uint8)], axis=-1)
GREY3 = np.repeat(GREYS[..., None], 3, axis=2)
ALPHA = np.concatenate([COLOURS, np.full((24, 32, 1), 255, np.uint8)], axis=-1)
RAMP = {"colormap": np.stack([np.arange(256) * 257] * 3).astype(np.uint16)}
SEPARATE = {"planarconfig": "separate"}
# pixels, options of the writer, the right picture
KINDS = {
    "rgb": (COLOURS, {"photometric": "rgb"}, COLOURS),
    "rgb planes": (planes(COLOURS), {"photometric": "rgb", **SEPARATE}, COLOURS),
    "rgb16": (wide(COLOURS), {"photometric": "rgb"}, COLOURS),
    "rgb16 planes": (planes(wide(COLOURS)), {"photometric": "rgb", **SEPARATE}, COLOURS),
    "rgb32": (COLOURS.astype(np.uint32) << 24, {"photometric": "rgb"}, COLOURS),
    "rgb float": ((COLOURS / 255).astype(np.float32), {"photometric": "rgb"}, COLOURS),
    "rgba": (ALPHA, {"photometric": "rgb", "extrasamples": ["unassalpha"]}, COLOURS),
    "rgba16": (wide(ALPHA), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, COLOURS),
    "grey": (GREYS, {"photometric": "minisblack"}, GREY3),
    "grey inverted": (GREYS, {"photometric": "miniswhite"}, 255 - GREY3),
    "grey16": (wide(GREYS), {"photometric": "minisblack"}, GREY3),
    "grey16 inverted": (wide(GREYS), {"photometric": "miniswhite"}, 255 - GREY3),
    "grey32": (GREYS.astype(np.uint32) << 24, {"photometric": "minisblack"}, GREY3),
    "signed8": ((GREYS.astype(int) - 128).astype(np.int8), {"photometric": "minisblack"}, None),
    "signed16": (GREYS.astype(np.int16), {"photometric": "minisblack"}, None),
    "float": ((GREYS / 255).astype(np.float32), {"photometric": "minisblack"}, GREY3),
    "float16": ((GREYS / 255).astype(np.float16), {"photometric": "minisblack"}, GREY3),
    "float64": (GREYS / 255, {"photometric": "minisblack"}, GREY3),
    "float to 1.5": ((GREYS / 107).astype(np.float32), {"photometric": "minisblack"}, None),
    "float below 0": (GREYS.astype(np.float32) - 9, {"photometric": "minisblack"}, None),
    "palette": (GREYS, {"photometric": "palette", **RAMP}, GREY3),
    "cmyk": (INKS, {"photometric": "separated"}, COLOURS),
    "cmyk planes": (planes(INKS), {"photometric": "separated", **SEPARATE}, COLOURS),
    "cmyk16": (wide(INKS), {"photometric": "separated"}, COLOURS),
    "cmyk16 planes": (planes(wide(INKS)), {"photometric": "separated", **SEPARATE}, COLOURS),
    "lab": (COLOURS, {"photometric": "cielab"}, None),
    "raw sensor": (GREYS, {"photometric": "cfa"}, None),
}
# Those that people have: they are read, however they are stored.
SURE = {"rgb", "rgb planes", "rgb16", "rgba", "grey", "grey inverted", "grey16", "palette", "cmyk"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_tiff_is_right_or_unreadable_never_noise(
    kind: str, order: str, compression: str | None, tile: tuple[int, int] | None
) -> None:
    pixels, options, expected = KINDS[kind]
    data = tiff(pixels, order, compression=compression, tile=tile, **options)
    try:
        found = decode_image(data)
    except DecodeError:
        assert kind not in SURE
        return
    assert expected is not None, "what it means is not known"
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_a_tiff_whose_exif_stands_nowhere_is_read() -> None:
    nowhere = [(0x8769, "I", 1, 0x7FFFFFF0, True)]
    assert np.array_equal(
        decode_image(tiff(COLOURS, photometric="rgb", extratags=nowhere)), COLOURS
    )


def test_a_tiff_of_several_pages_is_read_where_one_is_meant() -> None:
    full, copy = {"photometric": "rgb"}, {"photometric": "rgb", "subfiletype": 1}
    small, other = COLOURS[::2, ::2], 255 - COLOURS
    for data in (pages((COLOURS, full), (small, copy)), pages((small, copy), (COLOURS, full))):
        assert np.array_equal(decode_image(data), COLOURS)
    assert "TIFF of 2 pictures" in reason(pages((COLOURS, full), (other, full)))
    assert "TIFF of 0 pictures" in reason(pages((small, copy)))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC: not read; convert it to JPEG or PNG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEI"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL: not read; convert"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL: not read"),
        (b"8BPS\0\1", "Photoshop: not read"),
        (b"qoif", "QOI: not read"),
        (b"v/1\x01", "OpenEXR: not read"),
        (b"II*\0\x10\0\0\0CR\2\0", "Canon raw"),
        (b"FUJIFILMCCD-RAW", "Fujifilm raw: not read"),
        (b"%PDF-1.7", "PDF: not an image"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "WAV: a sound, not an image"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM: a video, not an image"),
    ],
)
def test_a_format_that_is_not_read_is_named(start: bytes, said: str) -> None:
    assert said in reason(start + bytes(600))


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_avif_and_jpeg_2000_are_read(kind: str) -> None:
    options = {"quality": 100} if kind == "AVIF" else {}
    decoded = decode_image(encoded(picture(64, 48), kind, **options))
    assert np.abs(decoded.astype(int) - np.asarray(picture(64, 48)))[4:].mean() < 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("png_badexif.png", None),
        ("png_bigtext.png", None),
        ("webp_badexif.webp", None),
        ("rgb16_planar.tif", "TIFF of 16-bit planes: not read"),
        ("photo.heic", "HEIC: not read; convert it"),
    ],
)
def test_the_pictures_among_the_cases(cases: Path, name: str, said: str | None) -> None:
    data = (cases / name).read_bytes()
    if said is None:
        assert decode_image(data).shape == (562, 572, 3)
    else:
        assert said in reason(data)


def test_oversize_is_refused_by_its_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_decoding(*_: object, **__: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(Image.Image, "load", no_decoding)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", no_decoding, raising=False)
    assert (
        reason(claimed_png(40000, 40000))
        == f"Image size (1600000000 pixels) exceeds limit of {images.MAX_PIXELS} pixels"
    )


def test_largest_allowed_size_is_about_the_product_of_the_sides() -> None:
    assert "pixels" in reason(claimed_png(images.MAX_PIXELS + 1, 1))
    assert "cannot decode" in reason(claimed_png(100, 100))  # too few pixels for its header


def animated_gif(**patched: tuple[int, int]) -> bytes:
    """Return three frames of 8 × 8.

    `screen` and `second` give the sides that the file's header and its second frame claim.
    """
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    data = bytearray(
        encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    )
    sides = struct.pack("<HHHH", 0, 0, 8, 8)
    second = data.index(b"," + sides, data.index(b"," + sides) + 1)
    for at, claimed in ((6, patched.get("screen")), (second + 5, patched.get("second"))):
        if claimed:
            data[at : at + 4] = struct.pack("<HH", *claimed)
    return bytes(data)


def test_an_oversized_animation_is_refused_like_a_picture() -> None:
    """By its header, and by a later frame that claims more than the first."""
    assert "exceeds limit" in reason(animated_gif(screen=(20_000, 20_000)))
    assert "animated" in reason(animated_gif(second=(20_000, 20_000)))
    for data in (animated_gif(screen=(20_000, 20_000)), animated_gif(second=(20_000, 20_000))):
        with pytest.raises(DecodeError, match="exceeds limit of 100000000 pixels"):
            list(decode_animation(data, Sampling(5)))
    assert len(list(decode_animation(animated_gif(), Sampling(5)))) == 1


def test_odd_but_readable_files_make_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = noise().convert("P")
        image.info["transparency"] = bytes(range(256))
        assert decode_image(encoded(image, "PNG", transparency=bytes(range(256)))).shape == (
            *image.size[::-1],
            3,
        )


def test_png_round_trip_and_same_bytes() -> None:
    pixels = np.asarray(noise())
    assert np.array_equal(decode_image(encode_png(pixels)), pixels)
    assert encode_png(pixels) == encode_png(pixels.copy())


def survives(data: bytes) -> bool:
    """Return whether the bytes are refused with a reason, or become RGB pixels."""
    try:
        decoded = decode_image(data)
    except DecodeError as error:
        return bool(str(error))
    return decoded.dtype == np.uint8 and decoded.ndim == 3 and decoded.shape[2] == 3


STARTS = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"P6\n",
    b"8BPS",
    b"DDS ",
    b"\x00\x00\x01\x00",
    b"%!PS-Adobe",
    b"qoif",
]
_quick = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@_quick
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_random_bytes_never_crash(start: bytes, rest: bytes) -> None:
    assert survives(start + rest)


def _small() -> dict[str, bytes]:
    small = Image.fromarray(np.random.default_rng(1).integers(0, 256, (12, 10, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {
        kind: encoded(small, kind)
        for kind in (
            "JPEG",
            "GIF",
            "BMP",
            "TIFF",
            "WEBP",
            "PPM",
            "ICO",
            "TGA",
            "JPEG2000",
            "DDS",
            "PCX",
            "SGI",
            "QOI",
        )
    }
    found["PNG"] = encoded(small.convert("RGBA"), "PNG", exif=exif)
    found["PNG-16"] = encoded(
        Image.fromarray(np.arange(120, dtype=np.uint16).reshape(12, 10)), "PNG"
    )
    found["JPEG-exif"] = encoded(small, "JPEG", exif=exif)
    found["GIF-animated"] = encoded(small, "GIF", save_all=True, append_images=[small.rotate(90)])
    found["TIFF-deflate"] = encoded(small, "TIFF", compression="tiff_deflate")
    return found


SMALL = _small()


def test_readers_own_exceptions_become_reasons() -> None:
    """Pillow's GIF reader raises struct.error for a cut animation, its DDS reader other errors.

    The fuzzing below found both; the other one is NotImplementedError.
    """
    for end in range(1, len(SMALL["GIF-animated"])):
        assert survives(SMALL["GIF-animated"][:end])
    dds = bytearray(SMALL["DDS"])
    dds[80:84] = bytes(4)  # pixel format flags
    assert reason(bytes(dds))


@settings(_quick, max_examples=1200)
@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    ),
    st.floats(0.3, 1),
)
def test_flipped_bits_never_crash(kind: str, flips: list[tuple[float, int]], kept: float) -> None:
    data = bytearray(SMALL[kind])
    for place, value in flips:
        data[int(place * len(data))] ^= value
    cut = data[: max(1, int(kept * len(data)))] if kept < 0.9 else data
    assert survives(bytes(cut))
