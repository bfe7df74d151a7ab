"""Write frames into a video file; the same frames give the same bytes.

The format is H.264, as in RAVDESS and most corpora. ITU-T H.264 defines a decoder's output to the
bit, so that everybody gets the same pictures (two decoders of MPEG-4 part 2 may differ). With one
thread and no B-frames, the n-th picture has time n / fps, and nothing depends on the machine's
cores.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# Without macroblock-tree, whose assembler reads memory that was never written: once in some hundred
# clips it chose other quantisers.
H264 = {
    "preset": "veryfast",
    "crf": "18",
    "bf": "0",
    "threads": "1",
    "x264-params": "lookahead-threads=1:sliced-threads=0:mbtree=0",
}
AUDIO_RATE, _AUDIO_FRAME = 48_000, 1024  # Hz; samples of one AAC frame


def write_video(
    path: Path, images: Iterable[np.ndarray], fps: int, sound: np.ndarray | None = None
) -> None:
    """Write (h, w, 3) uint8 RGB frames of one even-sided size as MP4.

    sound: mono samples in [-1, 1] at 48 kHz, written as AAC.
    """
    # bitexact: no version of the library in the file
    with av.open(
        str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}
    ) as container:
        stream = container.add_stream("libx264", rate=fps, options=dict(H264))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, fps)
        voice = (
            container.add_stream(
                "aac", rate=AUDIO_RATE, layout="mono", options={"flags": "+bitexact"}
            )
            if sound is not None
            else None
        )
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None and sound is not None:
            for start in range(0, len(sound), _AUDIO_FRAME):
                block = np.zeros((1, _AUDIO_FRAME), np.float32)
                heard = sound[start : start + _AUDIO_FRAME]
                block[0, : len(heard)] = heard
                samples = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                samples.sample_rate = AUDIO_RATE
                samples.pts, samples.time_base = start, Fraction(1, AUDIO_RATE)
                container.mux(voice.encode(samples))
            container.mux(voice.encode(None))


def tone(duration_s: float, hertz: float) -> np.ndarray:
    """Return a quiet tone of this pitch, mono at 48 kHz, fading in and out."""
    t = np.arange(round(duration_s * AUDIO_RATE)) / AUDIO_RATE
    fade = np.clip(np.minimum(t, duration_s - t) / 0.1, 0, 1)
    return (0.1 * fade * np.sin(2 * np.pi * hertz * t)).astype(np.float32)
