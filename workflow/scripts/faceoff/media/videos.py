"""Decode videos and animations.

Every decoding failure becomes a `DecodeError` with a reason that a row can carry, so that it never
stops the run.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from faceoff.media.frame_rate import MAX_HOLD_S, Sampling, sampled
from faceoff.media.images import (
    FORMATS,
    MAX_PIXELS,
    DecodeError,
    check_file,
    decode_reasons,
    to_rgb,
)
from faceoff.plugins.protocols import RGB

if TYPE_CHECKING:
    import av
    import av.filter


@dataclass(frozen=True)
class VideoFrame:
    """A sampled frame.

    number: counts the samples from 0.

    timestamp_s: its presentation time in the file.
    """

    number: int
    timestamp_s: float
    image: RGB


def decode_video(path: Path, sampling: Sampling, threads: int = 1) -> Iterator[VideoFrame]:
    """Sample a video file frame by frame (see `sampled`), in presentation order.

    Frames are upright and have square pixels. They are counted by decoding; the container's count
    is not trusted. Raises DecodeError without a decodable frame, and after the last good frame if
    the file breaks off.
    """
    import av  # only video needs it

    check_file(path)
    last = None
    try:
        with av.open(str(path)) as container:
            streams = [
                stream
                for stream in container.streams.video
                if not stream.disposition & av.stream.Disposition.attached_pic
            ]
            if not streams:
                raise DecodeError(
                    "no video in the file" + (", only sound" if container.streams.audio else "")
                )
            # Of several streams, the largest one is not the preview.
            stream = max(streams, key=lambda stream: stream.width * stream.height)
            stream.codec_context.thread_count = threads
            decoded = _timed(_progressive(container.decode(stream)))
            for number, last, frame in sampled(decoded, sampling):
                width = width_of(frame.width, frame.height, stream.sample_aspect_ratio)
                yield VideoFrame(number, last, _upright(frame, width))
    except av.error.FFmpegError as error:
        where = "cannot decode" if last is None else f"breaks off after {last:.2f} s"
        raise DecodeError(f"{where}: {error.strerror or error}") from None
    if last is None:
        raise DecodeError("no frame could be decoded")


def _progressive(frames: Iterable["av.VideoFrame"]) -> Iterator["av.VideoFrame"]:
    """Yield the frames, deinterlaced from the first interlaced one on (one picture per frame)."""
    from av.filter import Graph

    graph = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = Graph()
            # Progressive frames in between pass untouched (deint=interlaced).
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base,
            )
            graph.link_nodes(
                source,
                graph.add("bwdif", "mode=send_frame:deint=interlaced"),
                graph.add("buffersink"),
            ).configure()
        if graph is None:
            yield frame
            continue
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: "av.filter.Graph") -> Iterator["av.VideoFrame"]:
    """Yield the frames that the filters have ready."""
    import av

    while True:
        try:
            yield cast("av.VideoFrame", graph.pull())  # all its filters are of video
        except (av.BlockingIOError, EOFError):
            return


def _timed(frames: Iterable["av.VideoFrame"]) -> Iterator[tuple[float, "av.VideoFrame"]]:
    """Yield (presentation time, frame).

    Leaves out a frame without a time, or whose time does not rise, since it has no place in time.
    """
    last: float | None = None
    for frame in frames:
        if frame.time is not None and (last is None or frame.time > last):
            last = frame.time
            yield frame.time, frame


def width_of(width: int, height: int, pixel_aspect: Fraction | None) -> int:
    """Return the width at which the pixels are square.

    pixel_aspect: width of a stored pixel / its height; 0 and None mean that the file does not say.
    Raises DecodeError if that width is oversized.
    """
    widened = max(1, round(width * pixel_aspect)) if pixel_aspect else width
    if widened != width and widened * height > MAX_PIXELS:
        raise DecodeError(
            f"{width} x {height} pixels that are each {pixel_aspect} as wide as high exceed "
            f"{MAX_PIXELS:,}"
        )
    return widened


def _upright(frame: "av.VideoFrame", width: int) -> RGB:
    """Return RGB pixels of a decoded frame at this width, turned as its display matrix says.

    `rotation` is counter-clockwise, in degrees.
    """
    scaled: dict[str, Any] = (
        {} if width == frame.width else {"width": width, "interpolation": "BICUBIC"}
    )
    # By default a thread per core starts for each frame, which takes longer than the work.
    pixels = frame.to_ndarray(format="rgb24", threads=1, **scaled)
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def decode_animation(data: bytes, sampling: Sampling) -> Iterator[VideoFrame]:
    """Sample an animated GIF, WebP or PNG like a video.

    A frame's time is the sum of the durations before it, each at most MAX_HOLD_S. Raises
    DecodeError if a frame cannot be decoded or is oversized.
    """

    def timed() -> Iterator[tuple[float, RGB]]:
        with decode_reasons():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            count = getattr(image, "n_frames", 1)
        with image:
            elapsed = 0.0
            for index in range(count):
                with decode_reasons():
                    image.seek(index)
                    picture = to_rgb(image)
                yield elapsed, picture
                # Browsers show frames of 0 ms for 100 ms. A long duration is meant, unlike a gap
                # between time stamps: the pictures after it are read too.
                elapsed += min((image.info.get("duration") or 100) / 1000, MAX_HOLD_S)

    for number, seconds, picture in sampled(timed(), sampling):
        yield VideoFrame(number, seconds, picture)
