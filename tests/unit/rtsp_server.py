"""Serve a recording over RTSP to one client after another, as a camera of the network does.

It speaks what FFmpeg's client asks for: RTSP 1.0 (RFC 2326) with RTP in the same connection,
MPEG-TS as payload 33 (RFC 2250). FFmpeg's own programs can only be RTSP clients.
"""

import io
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

_CUT = 7 * 188  # bytes of an RTP packet: seven packets of MPEG-TS
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=clip\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\n"


def transport_stream(clip: Path) -> bytes:
    """Return a video's packets as MPEG-TS, none decoded."""
    stored = io.BytesIO()
    with av.open(str(clip)) as source, av.open(stored, "w", format="mpegts") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return stored.getvalue()


class RtspServer:
    """A server on a free port. url: of its only stream; asked: methods of requests, in order."""

    def __init__(self, data: bytes, seconds: float):
        self._data, self._seconds = data, seconds
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listening.getsockname()[1]}/clip"
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more clients."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client, suppress(OSError):
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        """Answer requests until PLAY, then send the recording at its own pace and hang up."""
        told = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
            "PLAY": "Session: 1\r\n",
        }
        requests = client.makefile("rb")
        while method := requests.readline().decode().partition(" ")[0]:
            headers = {}
            while line := requests.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            self.asked.append(method)
            body = _SDP if method == "DESCRIBE" else ""
            answer = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{told[method]}\r\n{body}"
            client.sendall(answer.encode())
            if method == "PLAY":
                self._play(client)
                return

    def _play(self, client: socket.socket) -> None:
        began = time.monotonic()
        for number, start in enumerate(range(0, len(self._data), _CUT)):
            due_s = self._seconds * start / len(self._data)
            time.sleep(max(0.0, began + due_s - time.monotonic()))
            part = self._data[start : start + _CUT]
            head = struct.pack(">BBHII", 0x80, 33, number % 2**16, round(90_000 * due_s), 1)
            client.sendall(struct.pack(">cBH", b"$", 0, len(head + part)) + head + part)


@contextmanager
def serving(clip: Path, seconds: float) -> Iterator[RtspServer]:
    """Run a server of a video that lasts so many seconds."""
    server = RtspServer(transport_stream(clip), seconds)
    try:
        yield server
    finally:
        server.close()
