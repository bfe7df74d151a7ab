"""Decode videos and animations.

Every decoding failure becomes a `DecodeError` with a reason that a row can carry, so that it never
stops the run.
"""

import io
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from faceoff.media.clock import Clock
from faceoff.media.demux import Losses, decoded, opened
from faceoff.media.frame_rate import MAX_HOLD_S, Sampling, sampled
from faceoff.media.images import (
    FORMATS,
    MAX_PIXELS,
    DecodeError,
    decode_reasons,
    openable_bytes,
    to_rgb,
)
from faceoff.plugins.protocols import RGB

if TYPE_CHECKING:
    import av
    import av.container
    import av.filter


@dataclass(frozen=True)
class VideoFrame:
    """A sampled frame.

    number: counts the samples from 0.

    timestamp_s: its presentation time in the file, or the mended one (`Clock`).

    note: what was mended of the clock before it; the first frame after it says so.
    """

    number: int
    timestamp_s: float
    image: RGB
    note: str | None = None


def decode_video(path: Path, sampling: Sampling, threads: int = 1) -> Iterator[VideoFrame]:
    """Sample a video file frame by frame (see `sampled`), in presentation order.

    Frames are upright and have square pixels. They are counted by decoding; the container's count
    is not trusted. Damaged packets are skipped, and times that do not rise are mended.

    Raises DecodeError without a decodable frame, and after the last good frame if packets were
    damaged, or the file is shorter than its header says.
    """
    for moment in _moments(path, sampling, threads):
        yield VideoFrame(
            moment.number,
            moment.timestamp_s,
            _upright(moment.frame, moment.width),
            moment.note or None,
        )


def decode_stream(container: "av.container.InputContainer") -> Iterator[RGB]:
    """Decode the frames of a camera or a stream that is open, as they come.

    Frames are as of `decode_video`. Damaged packets and frames are skipped, as the next key frame
    mends them. Raises DecodeError where it has no video, FFmpegError where it breaks off.
    """
    import av

    stream = _best_stream(container)
    stream.codec_context.thread_count = 1  # more would hold a frame back for each

    def frames() -> Iterator["av.VideoFrame"]:
        for packet in container.demux(stream):
            try:
                found = packet.decode()
            except av.error.InvalidDataError:
                continue
            yield from (frame for frame in found if not frame.is_corrupt)

    for frame in _progressive(frames()):
        yield _upright(frame, width_of(frame.width, frame.height, stream.sample_aspect_ratio))


@dataclass(frozen=True)
class Survey:
    """The first picture of a clip, what of the clip is lost, and how its clock was mended.

    Both texts are empty where there is nothing to say.
    """

    first: RGB
    lost: str = ""
    mended: str = ""


def survey(path: Path, threads: int = 1) -> Survey:
    """Decode a whole video file. Raises DecodeError without a decodable frame."""
    first: RGB | None = None
    lost, mended = "", []
    try:
        for moment in _moments(path, Sampling(0), threads):
            first = _upright(moment.frame, moment.width) if first is None else first
            mended += [moment.note] if moment.note else []
    except DecodeError as error:
        if first is None:
            raise
        lost = str(error)
    return Survey(cast("RGB", first), lost, "; ".join(mended))


def stated_frames(path: Path) -> int | None:
    """Return about how many frames a video says that it has, to tell how long the work will take.

    Raises DecodeError for a file without video.
    """
    with opened(path) as container:
        stream = _best_stream(container)
        if stream.frames:
            return int(stream.frames)
        return round(container.duration / 1e6 / _step_s(stream)) if container.duration else None


@dataclass(frozen=True)
class _Moment:
    """A sampled frame as it was decoded, and the width at which its pixels are square."""

    number: int
    timestamp_s: float
    frame: "av.VideoFrame"
    width: int
    note: str


def _moments(path: Path, sampling: Sampling, threads: int) -> Iterator[_Moment]:
    """Yield the sampled frames of a file. Raises DecodeError as `decode_video` does."""
    import av  # only video needs it

    losses, number, seconds = Losses(), -1, 0.0
    with opened(path) as container:
        stream = _best_stream(container)
        stream.codec_context.thread_count = threads
        clock = Clock(_step_s(stream))
        frames = clock.timed(_progressive(decoded(container, stream, losses)))
        try:
            for number, seconds, frame in sampled(frames, sampling):
                width = width_of(frame.width, frame.height, stream.sample_aspect_ratio)
                yield _Moment(number, seconds, frame, width, clock.news())
        except DecodeError as error:
            raise DecodeError("; ".join(filter(None, [str(error), losses.say()]))) from None
        except (av.error.FFmpegError, ValueError) as error:  # of a filter or a conversion
            where = f"breaks off after {seconds:.2f} s" if number >= 0 else "cannot decode"
            raise DecodeError(f"{where}: {error}") from None
    if number < 0:
        raise DecodeError(losses.say() or "no frame could be decoded")
    if losses.say():
        raise DecodeError(losses.say())


def _best_stream(container: "av.container.InputContainer") -> "av.VideoStream":
    """Return the largest video stream, as the others may be previews or covers."""
    import av

    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams:
        raise DecodeError(
            "no video in the file" + (", only sound" if container.streams.audio else "")
        )
    return max(streams, key=lambda stream: stream.width * stream.height)


def _step_s(stream: "av.VideoStream") -> float:
    """Return the seconds per frame that the stream says, by default 1/25."""
    for rate in (stream.guessed_rate, stream.average_rate, stream.base_rate):
        if rate and 0.1 <= rate <= 1000:
            return float(1 / rate)
    return 0.04


def _progressive(frames: Iterable["av.VideoFrame"]) -> Iterator["av.VideoFrame"]:
    """Yield the frames, deinterlaced from the first interlaced one on (one picture per frame)."""
    from av.filter import Graph

    graph, form = None, None
    for frame in frames:
        if (graph or frame.interlaced_frame) and form != _form(frame):
            if graph is not None:  # a recording of another size was joined on
                graph.push(None)
                yield from _pulled(graph)
            form = _form(frame)
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


def _form(frame: "av.VideoFrame") -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _pulled(graph: "av.filter.Graph") -> Iterator["av.VideoFrame"]:
    """Yield the frames that the filters have ready."""
    import av

    while True:
        try:
            yield cast("av.VideoFrame", graph.pull())  # all its filters are of video
        except (av.BlockingIOError, EOFError):
            return


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
    """Return RGB pixels of a decoded frame at this width, turned as its display matrix says."""
    moves, degrees = turns(_display_matrix(frame))
    if degrees:
        frame = _rotated(frame, degrees)
    scaled: dict[str, Any] = (
        {} if width == frame.width else {"width": width, "interpolation": "BICUBIC"}
    )
    # By default a thread per core starts for each frame, which takes longer than the work.
    pixels = frame.to_ndarray(format="rgb24", threads=1, **scaled)
    for move in moves:
        pixels = _MOVES[move](pixels)
    return np.ascontiguousarray(pixels)


def _display_matrix(frame: "av.VideoFrame") -> bytes:
    """Return the frame's display matrix, empty if it has none."""
    from av.sidedata.sidedata import Type

    try:
        beside: Mapping[Any, Any] = frame.side_data
    except (
        ValueError
    ):  # PyAV does not know all kinds of side data; then it tells only quarter turns
        turned = round(frame.rotation / 90) % 4
        a, b = ((1, 0), (0, -1), (-1, 0), (0, 1))[turned]
        return struct.pack("=9i", a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30)
    matrix = beside.get(Type.DISPLAYMATRIX)
    return b"" if matrix is None else bytes(matrix)


_MOVES: dict[str, Callable[[RGB], RGB]] = {
    "transpose": lambda pixels: pixels.swapaxes(0, 1),
    "hflip": lambda pixels: pixels[:, ::-1],
    "vflip": lambda pixels: pixels[::-1],
}


@lru_cache(maxsize=16)
def turns(matrix: bytes) -> tuple[tuple[str, ...], float]:
    """Return (moves, degrees clockwise) by which a display matrix turns the stored picture upright.

    As FFmpeg's program does it (`-autorotate`, fftools/ffmpeg_filter.c): quarter turns and mirror
    images exactly, other angles within the same frame; a matrix without a direction does nothing.

    matrix: nine 32-bit numbers in the machine's byte order, or empty.
    """
    values = struct.unpack("=9i", matrix) if len(matrix) == 36 else (0,) * 9
    a, b, c, d = (values[place] / 65536 for place in (0, 1, 3, 4))
    widths = math.hypot(a, c), math.hypot(b, d)
    if not all(widths):
        return (), 0.0
    # av_display_rotation_get, whose sense is the other way round
    theta = round(math.degrees(math.atan2(b / widths[1], a / widths[0])))
    theta -= 360 * math.floor(theta / 360 + 0.9 / 360)
    if theta == 90:
        # cclock_flip is the transposed picture, clock its mirror image.
        return (("transpose",) if values[3] > 0 else ("transpose", "hflip")), 0.0
    if theta == 180:
        return (*["hflip"] * (a < 0), *["vflip"] * (d < 0)), 0.0
    if theta == 270:
        # clock_flip is turned about the other diagonal, cclock is turned to the left.
        return (("transpose", "hflip", "vflip") if values[3] < 0 else ("transpose", "vflip")), 0.0
    if theta:
        return (), float(theta)
    return (("vflip",) if d < 0 else ()), 0.0


def _rotated(frame: "av.VideoFrame", degrees: float) -> "av.VideoFrame":
    """Return a frame turned clockwise about its centre, black where nothing is."""
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(
        source, graph.add("rotate", f"{degrees}*PI/180"), graph.add("buffersink")
    ).configure()
    graph.push(frame)
    return next(_pulled(graph))


def decode_animation(data: bytes, sampling: Sampling) -> Iterator[VideoFrame]:
    """Sample an animated GIF, WebP or PNG like a video.

    A frame's time is the sum of the durations before it, each at most MAX_HOLD_S. Raises
    DecodeError if a frame cannot be decoded or is oversized.
    """

    def timed() -> Iterator[tuple[float, RGB]]:
        with decode_reasons():
            image = Image.open(io.BytesIO(openable_bytes(data)), formats=FORMATS)
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
