"""Decode images and videos. Every decoding failure becomes a `DecodeError` with a reason that a row can carry, never a crash of the run."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from faceoff.protocols import RGB

# What pictures of faces come in. Pillow knows more, among them EPS, which it would hand to Ghostscript: a program in a picture's clothes.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
# A 100-megapixel picture takes 300 MB as RGB: larger ones are refused by a readable reason rather than by the kernel.
MAX_PIXELS = 100_000_000
# Pillow looks before it decodes, and at each frame of an animation, which may be larger than the first; it raises from twice this number on.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
# A time stamp that is wrong by a day (33-bit clocks of broadcasts begin anew after 26.5 h) would repeat one picture half a million times.
MAX_HOLD_S = 60.0


# What is read as a video by its name; animations among the pictures are found by looking.
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".ogv", ".3gp", ".mts", ".ts"})
Picture = TypeVar("Picture")


class DecodeError(Exception):
    """The bytes are no still image that can be read; the message is the reason shown in the row."""


class AnimationError(DecodeError):
    """The bytes are an animation: `decode_animation` reads it."""


def decode_image(data: bytes) -> RGB:
    """Decode one still image to RGB uint8 (height, width, 3), upright (EXIF), without alpha (over black), 16-bit scaled to 8.

    Raises DecodeError with a one-line reason for empty, truncated, foreign and oversized data, AnimationError for animations.
    """
    if not data:
        raise DecodeError("empty file")
    with _reasons(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        if getattr(image, "is_animated", False) and frames > 1 and image.format in {"GIF", "WEBP", "PNG"}:
            raise AnimationError(f"animated {image.format} of {frames} frames: a video, not an image")
        return _to_rgb(ImageOps.exif_transpose(image))


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn whatever Pillow raises into a DecodeError of one line, and its warnings into nothing."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except DecodeError:
        raise
    except UnidentifiedImageError:
        raise DecodeError("not an image") from None
    except Image.DecompressionBombError as error:
        raise DecodeError(str(error).partition(",")[0]) from None  # "Image size (N pixels) exceeds limit of M pixels"
    except Exception as error:  # Pillow's readers raise whatever their parsing meets: struct.error, NotImplementedError, zlib.error …
        raise DecodeError(f"cannot decode: {str(error)[:120] or type(error).__name__}") from None


def _to_rgb(image: Image.Image) -> RGB:
    if image.mode in {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}:
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise DecodeError("grey values that are no finite numbers")
        # 16-bit files use 0–65535; Pillow's "I" and "F" carry whatever the file holds, so those are scaled by what is there.
        if image.mode == "F" and values.max() <= 1:
            top = 1.0
        else:
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

    Stored, not deflated: the tables compress their columns themselves, and such a picture is read back in half the time.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()


def encode_ppm(image: RGB) -> bytes:
    """Encode RGB uint8 as binary PPM: the pixels behind a line of text, written and read at the speed of memory.

    For frames of videos: the table compresses its columns, and every cell reads each frame again.
    """
    height, width = image.shape[:2]
    return b"P6\n%d %d\n255\n%b" % (width, height, np.ascontiguousarray(image).data)


@dataclass(frozen=True)
class VideoFrame:
    """A sampled frame: `number` counts the samples from 0, `timestamp_s` is its presentation time as the file has it."""

    number: int
    timestamp_s: float
    image: RGB


@dataclass(frozen=True)
class Sampling:
    """Which frames of a clip are taken: `fps` per second, or with fps 0 every `every`-th of them."""

    fps: float = 5.0
    every: int = 1


ALL_FRAMES = Sampling(fps=0)


def sampled(timed: Iterable[tuple[float, Picture]], sampling: Sampling) -> Iterator[tuple[int, float, Picture]]:
    """Sample (seconds, picture) pairs of rising time at a fixed rate: sample k is the last picture with time <= t0 + k / fps (protocol §5).

    Yields (k, its own time, picture); at a rate above the video's, a picture stands for several samples.
    Raises DecodeError where it would have to for more than MAX_HOLD_S, after the samples before that gap.
    """
    fps = sampling.fps
    if fps == 0:
        yield from ((number, *pair) for number, pair in enumerate(islice(timed, None, None, sampling.every)))
        return
    number, held, start, gap = 0, None, 0.0, 0.0
    for seconds, picture in timed:
        if held is None:
            start = seconds
        elif seconds - held[0] > MAX_HOLD_S:
            gap = seconds - held[0]
            break
        while held is not None and start + number / fps < seconds - 1e-9:
            yield number, *held
            number += 1
        held = (seconds, picture)
    while held is not None and start + number / fps <= held[0] + 1e-9:
        yield number, *held
        number += 1
    if gap:
        raise DecodeError(f"a gap of {gap:.1f} s in its time stamps, after {held[0] - start:.2f} s")


def decode_video(path: Path, sampling: Sampling, threads: int = 1) -> Iterator[VideoFrame]:
    """Sample a video file (see `sampled`), frame by frame: upright, with square pixels, in presentation order, its frames counted rather than believed.

    Raises DecodeError without a decodable frame, and after the last good frame when the file breaks off.
    """
    import av  # only video needs it

    if not path.exists() or path.stat().st_size == 0:
        raise DecodeError("empty file" if path.exists() else "cannot read: No such file or directory")
    last = None
    try:
        with av.open(str(path)) as container:
            streams = [stream for stream in container.streams.video if not stream.disposition & av.stream.Disposition.attached_pic]
            if not streams:
                raise DecodeError("no video in the file" + (", only sound" if container.streams.audio else ""))
            stream = max(streams, key=lambda stream: stream.width * stream.height)  # of several, not the preview
            stream.codec_context.thread_count = threads
            for number, last, frame in sampled(_timed(_progressive(container.decode(stream))), sampling):
                yield VideoFrame(number, last, _upright(frame, width_of(frame.width, frame.height, stream.sample_aspect_ratio)))
    except av.error.FFmpegError as error:
        where = "cannot decode" if last is None else f"breaks off after {last:.2f} s"
        raise DecodeError(f"{where}: {error.strerror or error}") from None
    if last is None:
        raise DecodeError("no frame could be decoded")


def _progressive(frames: Iterable) -> Iterator:
    """The frames, interlaced ones deinterlaced (one picture per frame, at its time), from the first interlaced one on."""
    from av.filter import Graph

    graph = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = Graph()
            # Progressive frames in between pass untouched (deint=interlaced).
            source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
            graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")).configure()
        if graph is None:
            yield frame
            continue
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph) -> Iterator:
    """What the filters have ready."""
    import av

    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, EOFError):
            return


def _timed(frames: Iterable) -> Iterator[tuple[float, object]]:
    """(presentation time, frame); a frame without a time, or with one that does not rise, is left out, as it has no place in time."""
    last = None
    for frame in frames:
        if frame.time is not None and (last is None or frame.time > last):
            last = frame.time
            yield frame.time, frame


def width_of(width: int, height: int, pixel_aspect: Fraction | None) -> int:
    """The width at which pixels stored as `pixel_aspect` times as wide as high are square; 0 and None say that the file does not tell.

    Raises DecodeError where that is oversized.
    """
    widened = max(1, round(width * pixel_aspect)) if pixel_aspect else width
    if widened != width and widened * height > MAX_PIXELS:
        raise DecodeError(f"{width} x {height} pixels that are each {pixel_aspect} as wide as high exceed {MAX_PIXELS:,}")
    return widened


def _upright(frame, width: int) -> RGB:
    """RGB pixels of a decoded frame, at this width, turned as its display matrix says (`rotation` is counter-clockwise, in degrees)."""
    scaled = {} if width == frame.width else {"width": width, "interpolation": "BICUBIC"}
    # By default it starts a thread per core for each frame, which takes longer than the work.
    pixels = frame.to_ndarray(format="rgb24", threads=1, **scaled)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def decode_animation(data: bytes, sampling: Sampling) -> Iterator[VideoFrame]:
    """Sample an animated GIF, WebP or PNG like a video; a frame's time is the sum of the durations before it, each at most MAX_HOLD_S.

    Raises DecodeError where a frame cannot be decoded, or is oversized.
    """

    def timed() -> Iterator[tuple[float, RGB]]:
        with _reasons():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            count = image.n_frames
        with image:
            elapsed = 0.0
            for index in range(count):
                with _reasons():
                    image.seek(index)
                    picture = _to_rgb(image)
                yield elapsed, picture
                # Browsers show frames of 0 ms for 100 ms. A long duration is meant, unlike a gap between time stamps: the pictures after it are read too.
                elapsed += min((image.info.get("duration") or 100) / 1000, MAX_HOLD_S)

    for number, seconds, picture in sampled(timed(), sampling):
        yield VideoFrame(number, seconds, picture)


def encoder(jpeg_quality: int | None) -> Callable[[RGB], bytes]:
    """How sampled video frames are stored: losslessly, or as JPEG of this quality (4:4:4, so that colour edges of lips and eyes stay)."""
    if jpeg_quality is None:
        return encode_ppm

    def encode_jpeg(image: RGB) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=jpeg_quality, subsampling=0)
        return buffer.getvalue()

    return encode_jpeg
