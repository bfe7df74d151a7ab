"""Extract the sound of a clip as speech models take it: 16 kHz, one channel, 16 bit."""

import io
import wave
from dataclasses import dataclass
from pathlib import Path

from faceoff.media.images import DecodeError, check_file

RATE = 16_000  # Hz; what wav2vec 2.0, HuBERT and Whisper were trained on


@dataclass(frozen=True)
class Sound:
    """The sound of a clip.

    wav: the bytes of a WAV file.

    start_s: presentation time of its first sample, on the clock of the clip's frames.
    """

    wav: bytes
    start_s: float
    duration_s: float


def extract_sound(path: Path) -> Sound:
    """Extract the first sound track of a video or sound file, resampled to one channel.

    If a track breaks off, the part before is kept. Raises DecodeError without sound, and if the
    file cannot be opened.
    """
    import av  # only sound and video need it

    check_file(path)
    buffer, samples = io.BytesIO(), 0
    start: float | None = None
    try:
        with av.open(str(path)) as container, wave.open(buffer, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            if not container.streams.audio:
                raise DecodeError("no sound in the file")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            try:
                for frame in container.decode(container.streams.audio[0]):
                    if start is None:
                        start = frame.time or 0.0
                    for part in resampler.resample(frame):
                        out.writeframes(part.to_ndarray().tobytes())
                        samples += part.samples
            except av.error.FFmpegError:
                if start is None:
                    raise
            for part in resampler.resample(None) if start is not None else ():
                out.writeframes(part.to_ndarray().tobytes())
                samples += part.samples
    except av.error.FFmpegError as error:
        raise DecodeError(f"cannot decode: {error.strerror or error}") from None
    if start is None or not samples:
        raise DecodeError("no sound could be decoded")
    return Sound(buffer.getvalue(), start, samples / RATE)
