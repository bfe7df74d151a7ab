"""Decode and encode pictures.

Every decoding failure becomes a `DecodeError` with a reason that a row can carry, so that it never
stops the run.
"""

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from faceoff.media.kinds import kind_of_bytes, regular
from faceoff.media.picture_files import (
    check_tiff,
    png_lacks_rows,
    tiff_page,
    without_metadata,
)
from faceoff.plugins.protocols import RGB

# The formats of pictures of faces. Pillow reads more, among them EPS, which it passes to
# Ghostscript: such a file is a program.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
if importlib.util.find_spec("PIL.AvifImagePlugin"):  # since Pillow 11.3
    FORMATS += ("AVIF",)
_STRIPPED = 8_000_000  # pixels
_ORIENTATION = 0x0112  # the tag of EXIF
_READ = frozenset({"PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF", "BigTIFF", "PPM"})
# A 100-megapixel picture takes 300 MB as RGB. Larger ones are refused with a readable reason,
# before the kernel ends the job.
MAX_PIXELS = 100_000_000
# Pillow checks the size before it decodes, also of each frame of an animation, which may be larger
# than the first. It raises from twice this number on.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2


class DecodeError(Exception):
    """Bytes that cannot be read as a still image; the message is the reason shown in the row."""


class TooLargeError(DecodeError):
    """A picture of more pixels than are read; they were not decoded."""


class AnimationError(DecodeError):
    """Bytes that are an animation; `decode_animation` reads it."""


def check_file(path: Path) -> None:
    """Raise DecodeError with a readable reason if a file is absent, empty or no regular file."""
    try:
        regular(path)
        if path.stat().st_size == 0:
            raise DecodeError("empty file")
    except OSError as error:
        raise DecodeError(f"cannot read: {error.strerror or error}") from None


def decode_image(data: bytes, most: int = MAX_PIXELS) -> RGB:
    """Decode one still image to RGB uint8 (height, width, 3).

    The result is upright (EXIF), without alpha (over black), and 16-bit values are scaled to 8.
    Raises DecodeError with a one-line reason for empty, truncated and foreign data, TooLargeError
    for more than `most` pixels, before they are decoded, and AnimationError for animations.
    """
    if not data:
        raise DecodeError("empty file")
    try:
        return _decoded(data, most)
    except (AnimationError, TooLargeError):
        raise
    except DecodeError as error:
        for exif in (True, False):
            bare = without_metadata(data, exif)
            try:
                if bare is not None and bare != data:
                    return _decoded(bare, most)
            except (AnimationError, TooLargeError):
                raise
            except DecodeError:
                continue
        raise error from None


def _decoded(data: bytes, most: int) -> RGB:
    """Decode one still image as `decode_image` does. Raises DecodeError also for bad metadata."""
    with decode_reasons(data), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.format == "TIFF":
            tiff_page(image)
            check_tiff(image)
        frames = getattr(image, "n_frames", 1)
        if (
            getattr(image, "is_animated", False)
            and frames > 1
            and image.format in {"GIF", "WEBP", "PNG", "AVIF"}
        ):
            raise AnimationError(
                f"animated {image.format} of {frames} frames: a video, not an image"
            )
        if image.width * image.height > most:
            raise TooLargeError(f"{image.width} x {image.height} pixels: at most {most} are read")
        image.load()
        if image.format == "PNG" and png_lacks_rows(data, image):
            raise DecodeError("cannot decode: its rows end before its height")
        return to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """Return a loaded picture as its EXIF says to turn it; as it is if that cannot be read."""
    try:
        # `exif_transpose` copies also what stands upright.
        turned = image.getexif().get(_ORIENTATION, 1) != 1
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # any can come out of damaged metadata, which cost no pixels
        return image


def openable_bytes(data: bytes) -> bytes:
    """Return a picture's bytes, without its metadata if these keep it from being opened."""
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.load()
        return data
    return without_metadata(data, exif=False) or data


@contextmanager
def decode_reasons(data: bytes = b"") -> Iterator[None]:
    """Turn any exception of Pillow into a DecodeError of one line, and silence its warnings.

    data: the file, whose format is named if it is one that is not read.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except DecodeError:
        raise
    except UnidentifiedImageError:
        known = kind_of_bytes(data[:512])
        if known is None or known[1] in _READ:
            raise DecodeError("not an image") from None
        cure = {"picture": "not read; convert it to JPEG or PNG", "other": "not an image"}
        raise DecodeError(f"{known[1]}: {cure.get(known[0], f'a {known[0]}, not an image')}") from (
            None
        )
    except Image.DecompressionBombError as error:
        # "Image size (N pixels) exceeds limit of M pixels, …"
        raise TooLargeError(str(error).partition(",")[0]) from None
    except Exception as error:
        # Pillow's readers let any exception through: struct.error, NotImplementedError …
        raise DecodeError(f"cannot decode: {str(error)[:120] or type(error).__name__}") from None


def to_rgb(image: Image.Image) -> RGB:
    """Convert an opened image to RGB uint8. Raises DecodeError if grey values are not finite."""
    if image.mode in {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}:
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise DecodeError("grey values that are no finite numbers")
        if image.mode == "F" and (values.min() < 0 or 1 < values.max() < 16):
            raise DecodeError(
                f"grey values from {values.min():g} to {values.max():g}: what is white is not known"
            )
        # 16-bit files use 0–65535; Pillow's "I" and "F" carry whatever the file holds, so those are
        # scaled by what is there.
        if image.mode == "F" and values.max() <= 1:
            top = 1.0
        else:
            top = (
                65535.0
                if image.mode.startswith("I;16") or (values.min() >= 0 and values.max() > 255)
                else 255.0
            )
        grey = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(ground, layer).convert("RGB"))
    return _pixels(image if image.mode == "RGB" else image.convert("RGB"))


def _pixels(image: Image.Image) -> RGB:
    """Return the pixels of an RGB image, by strips where the picture is large.

    Pillow joins the whole from parts, which takes the memory of two more pictures.
    """
    if image.width * image.height <= _STRIPPED:
        return np.asarray(image)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    step = max(1, _STRIPPED // image.width)
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def encode_png(image: RGB) -> bytes:
    """Encode RGB uint8 losslessly; the same pixels give the same bytes.

    The bytes are stored, not deflated: tables compress their columns themselves, and such a picture
    is read back in half the time.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()


def encode_ppm(image: RGB) -> bytes:
    """Encode RGB uint8 as binary PPM: the pixels behind a line of text, at the speed of memory.

    It is meant for frames of videos: the table compresses its columns, and every cell reads each
    frame again.
    """
    height, width = image.shape[:2]
    # `%b` takes the pixels' memory as it is; tobytes() would copy it once more.
    pixels: Any = np.ascontiguousarray(image).data
    return b"P6\n%d %d\n255\n%b" % (width, height, pixels)


def encoder(jpeg_quality: int | None) -> Callable[[RGB], bytes]:
    """Return the function that encodes sampled video frames.

    It encodes losslessly, or as JPEG of this quality (4:4:4, which keeps colour edges of lips and
    eyes).
    """
    if jpeg_quality is None:
        return encode_ppm

    def encode_jpeg(image: RGB) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=jpeg_quality, subsampling=0)
        return buffer.getvalue()

    return encode_jpeg


_QUALITY = 80  # of WebP: about 2 kB for a face


def encode(image: RGB, quality: int = _QUALITY) -> bytes:
    """Encode RGB uint8 as WebP: a third of JPEG's size on faces, and every browser shows it."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="WEBP", quality=quality, method=4)
    return buffer.getvalue()


def image_of(frame: Mapping[str, Any]) -> np.ndarray:
    """Decode a frame row whose state is ok."""
    return decode_image(frame["image"]["bytes"])
