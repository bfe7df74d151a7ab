"""Read the packets of a video or sound file, and note what of it is damaged or missing."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceoff.media.images import DecodeError, check_file
from faceoff.media.kinds import head_of, kind_of_bytes

if TYPE_CHECKING:
    import av.container

# Containers whose header says how long they are; of others FFmpeg estimates it from what is there.
_HEADED = frozenset({"mov", "matroska", "avi", "asf", "flv"})
# FFmpeg believes the suffix of a picture more than the content of these.
_BY_CONTENT = {"MPEG transport stream": "mpegts", "MPEG program stream": "mpeg"}
# Text that names other files or addresses, which are not this clip.
_PLAYLISTS = frozenset({"hls", "dash", "concat", "applehttp", "imf", "sdp", "rtsp"})
# Seconds by which a sound file may be shorter than its header says: padding, rounded durations.
SHORTER_S = 0.5
_RETRIES = 100  # reads in a row that fail: then nothing follows


@dataclass
class Losses:
    """Hold what a file has lost.

    packets: how many were damaged and are left out; frames: how many decoded frames were damaged;
    first: the decoder's message about the first; cut: (seconds that are there, seconds that the
    header says), None where they agree.
    """

    packets: int = 0
    frames: int = 0
    first: str = ""
    cut: tuple[float, float] | None = None
    _ends: dict[int, float] = field(default_factory=dict)

    def say(self) -> str:
        """Return the losses as a reason, empty for none."""
        parts = []
        if self.packets:
            parts.append(f"{_count(self.packets, 'damaged packet')} left out ({self.first})")
        if self.frames:
            parts.append(f"{_count(self.frames, 'damaged frame')} left out")
        if self.cut:
            parts.append(f"ends after {self.cut[0]:.2f} s, its header says {self.cut[1]:.2f} s")
        return "; ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


@contextmanager
def opened(path: Path) -> Iterator["av.container.InputContainer"]:
    """Open a video or sound file. Raises DecodeError with the reason if it cannot be opened."""
    import av  # only sound and video need it

    check_file(path)
    try:
        container = av.open(
            str(path),
            format=_BY_CONTENT.get((kind_of_bytes(head_of(path)) or ("", ""))[1]),
            # A playlist may name other files and addresses of the network.
            options={"protocol_whitelist": "file"},
        )
    except av.error.FFmpegError as error:
        if _lacks_index(path):
            raise DecodeError("cannot decode: cut, its index (moov) is missing") from None
        raise DecodeError(f"cannot decode: {error.strerror or error}") from None
    with container:
        if _PLAYLISTS & set(container.format.name.split(",")):
            raise DecodeError("a list of other files, not a video or sound")
        yield container


def decoded(container: "av.container.InputContainer", stream: Any, losses: Losses) -> Iterator[Any]:
    """Yield the frames of one stream in presentation order, over damaged packets.

    `losses` takes what is left out, and at the end whether the file is shorter than it says.
    """
    import av

    failures = 0
    while failures <= _RETRIES:
        try:
            for packet in container.demux():
                failures = 0
                _note_end(packet, losses)
                if packet.stream.index == stream.index:
                    yield from _frames(packet, losses)
            break
        except av.error.FFmpegError as error:  # while reading: go on behind it
            failures += 1
            if failures == 1:
                _note_packet(error, losses)
    if failures:  # `demux` did not come to its end, so the decoder still holds frames
        try:
            yield from stream.codec_context.decode(None)
        except av.error.FFmpegError as error:
            _note_packet(error, losses)
    losses.cut = _cut(container, stream, losses)


def _frames(packet: Any, losses: Losses) -> Iterator[Any]:
    import av

    try:
        frames = packet.decode()
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        _note_packet(error, losses)
        return
    for frame in frames:
        if frame.is_corrupt:
            losses.frames += 1
        else:
            yield frame


def _note_packet(error: Any, losses: Losses) -> None:
    losses.packets += 1
    losses.first = losses.first or str(error.strerror or error)


def _note_end(packet: Any, losses: Losses) -> None:
    if packet.pts is not None and packet.time_base is not None:
        end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
        index = packet.stream.index
        losses._ends[index] = max(end, losses._ends.get(index, end))


def _cut(container: Any, stream: Any, losses: Losses) -> tuple[float, float] | None:
    """Return (seconds that are there, seconds that the header says) of a file that was cut."""
    if not _HEADED & set(container.format.name.split(",")) or stream.index not in losses._ends:
        return None
    found = []
    if container.duration:
        start = (container.start_time or 0) / 1e6
        found.append((max(losses._ends.values()) - start, container.duration / 1e6))
    elif "asf" in container.format.name and (said := _asf_seconds(Path(container.name))):
        found.append((max(losses._ends.values()), said))
    if "avi" in container.format.name.split(","):
        # FFmpeg estimates the duration from the file's size; the count of pictures is the header's.
        pictures: Any = stream if stream.type == "video" else (*container.streams.video, None)[0]
        if pictures and pictures.index in losses._ends and pictures.frames:
            start = float((pictures.start_time or 0) * pictures.time_base)
            there = losses._ends[pictures.index] - start
            if pictures.average_rate:
                found.append((there, float(pictures.frames / pictures.average_rate)))
    elif stream.duration and stream.time_base:
        start = float((stream.start_time or 0) * stream.time_base)
        found.append(
            (losses._ends[stream.index] - start, float(stream.duration * stream.time_base))
        )
    short = [(there, said) for there, said in found if there < said - SHORTER_S]
    return max(short, key=lambda pair: pair[1] - pair[0]) if short else None


def _lacks_index(path: Path) -> bool:
    """Return whether an MP4 or QuickTime file has no index, which most writers append."""
    if (kind_of_bytes(head_of(path)) or ("", ""))[1] not in {"MP4 or QuickTime", "QuickTime"}:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"moov") == -1


_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def _asf_seconds(path: Path) -> float | None:
    """Return the duration in the header of an ASF file, which FFmpeg does not tell of a cut one.

    Source: Microsoft, Advanced Systems Format, §3.2 (file properties object).
    """
    with open(path, "rb") as file:
        head = file.read(2**16)
    place = head.find(_ASF_PROPERTIES)
    if place < 0 or len(head) < place + 88:
        return None
    # 100 ns, and ms that every time stamp is late
    played, _, late = struct.unpack_from("<3Q", head, place + 64)
    return float(max(0.0, played / 1e7 - late / 1e3)) or None
