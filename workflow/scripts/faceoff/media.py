"""Decode images. Every decoding failure becomes a `DecodeError` with a reason that a row can carry, never a crash of the run."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from faceoff.protocols import RGB

# What pictures of faces come in. Pillow knows more, among them EPS, which it would hand to Ghostscript: a program in a picture's clothes.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# A 100-megapixel picture takes 300 MB as RGB: larger ones are refused by a readable reason rather than by the kernel.
MAX_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = None  # checked by ourselves, before any pixel is decoded


class DecodeError(Exception):
    """The bytes are no still image that can be read; the message is the reason shown in the row."""


def decode_image(data: bytes) -> RGB:
    """Decode one still image to RGB uint8 (height, width, 3), upright (EXIF), without alpha (over black), 16-bit scaled to 8.

    Raises DecodeError with a one-line reason for empty, truncated, foreign, animated and oversized data.
    """
    if not data:
        raise DecodeError("empty file")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            frames = getattr(image, "n_frames", 1)
            if getattr(image, "is_animated", False) and frames > 1 and image.format in {"GIF", "WEBP", "PNG"}:
                raise DecodeError(f"animated {image.format} of {frames} frames: a video, not an image")
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DecodeError(f"{width}x{height} pixels, more than the limit of {MAX_PIXELS:,}")
            return _to_rgb(ImageOps.exif_transpose(image))
    except DecodeError:
        raise
    except UnidentifiedImageError:
        raise DecodeError("not an image") from None
    except Exception as error:  # Pillow's readers raise whatever their parsing meets: struct.error, NotImplementedError, zlib.error …
        raise DecodeError(f"cannot decode: {str(error)[:120] or type(error).__name__}") from None


def _to_rgb(image: Image.Image) -> RGB:
    if image.mode in {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}:
        values = np.asarray(image).astype(np.float64)
        # 16-bit files use 0–65535; Pillow's "I" and "F" carry whatever the file holds, so those are scaled by what is there.
        top = 65535.0 if image.mode.startswith("I;16") or (values.min() >= 0 and values.max() > 255) else 255.0
        grey = np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(ground, layer).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def encode_png(image: RGB) -> bytes:
    """Encode RGB uint8 losslessly; the same pixels give the same bytes.

    Stored, not deflated: the tables compress their columns themselves, and such a picture is read back in half the time, once per cell.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
