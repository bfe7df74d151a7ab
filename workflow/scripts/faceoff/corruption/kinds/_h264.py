"""Code the pictures of a clip as H.264 and decode them, in memory."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, groupby
from typing import Any

import av
import cv2
import numpy as np

from faceoff.drawing.video import H264
from faceoff.plugins.protocols import RGB

RATE = 25  # frames per second that the encoder is told: the pictures come without their times
_SMALLEST = 16  # px: a block
_LOWEST = 1000  # bits per second: x264 counts thousands


def coded(frames: Iterator[RGB], options: Mapping[str, str]) -> Iterator[RGB]:
    """Yield the pictures as H.264 shows them.

    options: of x264, beside those with which this package writes clips; `b` is bits per pixel.
    Where the size changes, a new encoder starts.
    """
    for _, alike in groupby(frames, key=lambda image: image.shape):
        yield from _of_a_size(alike, options)


def _of_a_size(frames: Iterator[RGB], options: Mapping[str, str]) -> Iterator[RGB]:
    first = next(frames)
    height, width = first.shape[:2]
    # Half the colours need even sides.
    rows, columns = (max(_SMALLEST, side + side % 2) for side in (height, width))
    told = {**H264, **options}
    if "b" in told:
        del told["crf"]
        told["b"] = str(max(_LOWEST, round(float(told["b"]) * rows * columns * RATE)))
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = columns, rows, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, RATE), Fraction(RATE)
    encoder.thread_count = 1
    encoder.options = told
    # As in a file: headers stand apart, so that the rate is that of the pictures.
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    decoder.thread_count = 1

    def shown(packets: Iterable["av.Packet[Any] | None"]) -> Iterator[RGB]:
        for packet in packets:
            for frame in decoder.decode(packet):
                yield np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:height, :width])

    for number, image in enumerate(chain((first,), frames)):
        whole = cv2.copyMakeBorder(
            image, 0, rows - height, 0, columns - width, cv2.BORDER_REPLICATE
        )
        picture = av.VideoFrame.from_ndarray(whole.astype(np.uint8, copy=False), format="rgb24")
        picture.pts, picture.time_base = number, Fraction(1, RATE)
        yield from shown(encoder.encode(picture))
    yield from shown([*encoder.encode(None), None])
