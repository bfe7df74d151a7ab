"""Write pictures into a video file at their own times."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2

from faceoff.drawing.video import H264
from faceoff.plugins.protocols import RGB

_TICK = Fraction(1, 90_000)  # seconds: the clock of MPEG, of which all usual rates are multiples


class Encoder:
    """Write RGB pictures into an MP4 file as H.264, one at a time; close it, or use it in `with`.

    The pictures have the size of the first one; others are stretched to it. H.264 with half the
    colours needs even sides, so that an odd one gains its last line again.
    """

    def __init__(self, path: Path):
        self._container = av.open(
            str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}
        )
        self._stream = self._container.add_stream("libx264", options=dict(H264))
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.time_base = self._stream.time_base = _TICK
        self._size = (0, 0)
        self._last: int | None = None

    def write(self, image: RGB, time_s: float) -> None:
        """Add a picture (height, width, 3) at a time in seconds.

        One that is no later than the last is left out, as a video shows one picture at a time.
        """
        tick = round(time_s / _TICK)
        if self._last is not None and tick <= self._last:
            return
        if self._last is None:
            self._size = image.shape[1], image.shape[0]
            self._stream.width, self._stream.height = (side + side % 2 for side in self._size)
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        right, bottom = (side % 2 for side in self._size)
        if right or bottom:
            image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = tick, _TICK
        self._container.mux(self._stream.encode(frame))
        self._last = tick

    def close(self) -> None:
        """Write what is left, and the file's index."""
        if self._last is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
