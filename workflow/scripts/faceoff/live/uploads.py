"""Take what a client sends for a picture or a video, by its content alone."""

import base64
import binascii
import hashlib
import io
from pathlib import Path
from typing import Literal

from PIL import Image

from faceoff.media.images import (
    FORMATS,
    AnimationError,
    DecodeError,
    TooLargeError,
    decode_image,
    decode_reasons,
)
from faceoff.media.kinds import kind_of_bytes
from faceoff.plugins.protocols import RGB

HEAD = 512  # bytes that tell what a file is


class RefusedError(Exception):
    """Refuse what a client asks. status: of HTTP; retry_s: when to ask again."""

    def __init__(self, status: int, reason: str, retry_s: int | None = None):
        super().__init__(reason)
        self.status, self.reason, self.retry_s = status, reason, retry_s


def kind_of(head: bytes) -> Literal["picture", "video"]:
    """Return what a file is by its first bytes. Raises RefusedError (415) for anything else."""
    if not head:
        raise RefusedError(422, "an empty file")
    known = kind_of_bytes(head)
    if known is None:
        raise RefusedError(415, "neither a picture nor a video, by its content")
    kind, form = known
    if kind == "picture":
        return "picture"
    if kind == "video":
        return "video"
    raise RefusedError(415, f"{form}: neither a picture nor a video")


def pixels_of(data: bytes) -> int:
    """Return how many pixels a picture states, 0 where it does not say so. Nothing is decoded."""
    try:
        with decode_reasons(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.width * image.height
    except TooLargeError as error:
        raise RefusedError(413, str(error)) from None
    except DecodeError:
        return 0


def still(data: bytes, pixels: int) -> RGB:
    """Return the RGB of a picture. Raises RefusedError; AnimationError for an animation.

    pixels: the most that are decoded.
    """
    try:
        return decode_image(data, pixels)
    except AnimationError:
        raise
    except TooLargeError as error:
        raise RefusedError(413, str(error)) from None
    except DecodeError as error:
        raise RefusedError(422, str(error)) from None


def from_base64(text: str) -> bytes:
    """Return the bytes of base64, also behind `data:…;base64,`. Raises RefusedError (422)."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(422, "no base64") from None


def keep(data: bytes, folder: Path) -> None:
    """Write a picture into a folder, named by the hash of its bytes."""
    known = kind_of_bytes(data[:HEAD])
    suffix = known[1].split()[0].lower() if known else "bin"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(data).hexdigest()}.{suffix}"
    if not path.exists():
        path.write_bytes(data)
