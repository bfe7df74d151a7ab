"""Say what a live source is (a camera, a file, an address) and read the frames of a stream."""

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from faceoff.media.images import DecodeError
from faceoff.media.videos import decode_stream
from faceoff.plugins.protocols import RGB
from faceoff.spelling import suggestion

if TYPE_CHECKING:
    import av.container

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp")
# What an address may lead to: a playlist must not name files of this machine.
_PROTOCOLS = "rtsp,rtsps,rtp,rtmp,udp,tcp,tls,http,https,httpproxy,crypto"
_FIRST_S, _DOUBLED = 0.5, 4  # until connecting again; how often that doubles, to 8 s


class SourceError(Exception):
    """A camera or an address that gives no frame at all; the message says why."""


@dataclass(frozen=True)
class Stream:
    """Say how FFmpeg opens a camera or an address.

    name: as messages show it, without a password; file, form, options: of `av.open`.
    """

    name: str
    file: str
    form: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_camera(self) -> bool:
        """Return whether a device of this machine gives the frames."""
        return self.form is not None


def source_of(text: str, platform: str = sys.platform) -> Path | Stream:
    """Return what a source is by its text: a file, or else a camera or an address.

    platform: as of `sys.platform`. Raises FileNotFoundError for a file that is not there,
    IsADirectoryError for a folder, ValueError for an address of an unknown kind or form.
    """
    if text.isdigit() or text.startswith(("/dev/video", "video=")):
        return _camera(text, platform)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) or text.startswith("file://"):
        from faceoff.analysis.pictures import local

        path = local(text)
        if path.is_dir():
            raise IsADirectoryError(f"{text}: a folder: name one file of it")
        if not path.is_file():
            raise FileNotFoundError(
                f"{text}: no such file; a camera is its number (0) or /dev/video0, an address "
                f"begins with {SCHEMES[0]}://"
            )
        return path
    scheme = text.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise ValueError(
            f"{scheme}://: no kind of address that is read{suggestion(scheme, SCHEMES)}"
        )
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018
    except ValueError:  # its message, and the address, may hold part of a password
        raise ValueError(
            f"{scheme}://…: no address: the port is a number up to 65535, and in a password "
            "/ ? # [ ] are written %2F %3F %23 %5B %5D"
        ) from None
    if not parts.hostname:
        raise ValueError(f"{text}: the address names no machine, as in {scheme}://camera.local/one")
    options = {"protocol_whitelist": _PROTOCOLS, "analyzeduration": "1000000"}
    if scheme.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # UDP loses packets, and firewalls stop it
    return Stream(_shown(parts), text, None, options)


def _shown(parts: SplitResult) -> str:
    """Return an address without user, password and query, which may hold secrets."""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme.lower()}://{host}{parts.path}"


def _camera(text: str, platform: str) -> Stream:
    name = f"camera {text}"
    if platform == "darwin":
        # AVFoundation refuses its own default of 29.97 frames per second.
        return Stream(name, f"{text}:none", "avfoundation", {"framerate": "30"})
    if platform == "win32":
        if not text.startswith("video="):
            raise ValueError(
                f"{text}: Windows names its cameras: give 'video=NAME', with a name that `ffmpeg "
                "-list_devices true -f dshow -i dummy` prints"
            )
        return Stream(name, text, "dshow")
    return Stream(name, f"/dev/video{text}" if text.isdigit() else text, "v4l2")


class Frames:
    """Read the frames of a stream, over breaks of the connection.

    timeout_s: seconds that an answer or a frame may take; retries: attempts in a row to connect
    again; stop: ends the reading. breaks: how often the connection broke.
    """

    def __init__(self, stream: Stream, timeout_s: float, retries: int, stop: threading.Event):
        self._stream, self._timeout_s, self._retries = stream, timeout_s, retries
        self._stop = stop
        self.breaks = 0

    def __iter__(self) -> Iterator[tuple[float, RGB]]:
        """Yield (seconds since the first frame, RGB) of each frame as it comes.

        Raises SourceError where not even the first comes, DecodeError once the attempts are used
        up. A recording behind an address, which says how long it is, ends at its end.
        """
        import av

        began: float | None = None
        attempts = 0
        while not self._stop.is_set():
            last = time.monotonic()  # that something came, or was asked for
            try:
                with self._opened() as container:
                    for image in decode_stream(container):
                        last = time.monotonic()
                        began = last if began is None else began
                        yield last - began, image
                        attempts = 0
                        if self._stop.is_set():
                            return
                    if container.duration:
                        return
                fault = "the stream ended"
            except (av.error.FFmpegError, DecodeError, ValueError) as error:
                fault = self._said(error, time.monotonic() - last)
            if began is None:
                raise SourceError(f"{self._stream.name}: {fault}")
            if attempts == self._retries:
                tried = f"after {attempts} attempt{'s' * (attempts != 1)} to connect again: "
                raise DecodeError(f"{tried * bool(attempts)}{fault}")
            self.breaks += not attempts
            self._stop.wait(_FIRST_S * 2 ** min(attempts, _DOUBLED))
            attempts += 1

    def _opened(self) -> "av.container.InputContainer":
        import av

        stream = self._stream
        return av.open(
            stream.file, format=stream.form, options=dict(stream.options),
            timeout=(self._timeout_s, self._timeout_s),
        )  # fmt: skip

    def _said(self, error: Exception, silent_s: float) -> str:
        """Return why a stream gives no frame, and what to do where that is known.

        silent_s: for how long nothing has come; FFmpeg's own errors of a time-out differ.
        """
        import av

        if isinstance(error, av.error.ExitError) or silent_s >= self._timeout_s:
            return f"nothing came within {self._timeout_s:g} s"
        reason = getattr(error, "strerror", None) or str(error)
        if self._stream.is_camera and isinstance(error, FileNotFoundError):
            there = ", ".join(sorted(glob("/dev/video*"))) or "none"
            return f"no such camera; cameras of this machine: {there}"
        if self._stream.is_camera and isinstance(error, PermissionError):
            return f"{reason}: this user may not open it, see the group `video`"
        if isinstance(error, av.error.InvalidDataError):
            return "what comes is no video"
        if not self._stream.is_camera and not _is_known(urlsplit(self._stream.file).hostname):
            return "no machine of this name is known"  # FFmpeg calls it an input/output error
        return str(reason)


def _is_known(host: str | None) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False
