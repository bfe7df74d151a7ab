"""Extract the sound of a clip as speech models take it: 16 kHz, one channel, 16 bit."""

import io
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceoff.media.demux import Losses, decoded, opened
from faceoff.media.frame_rate import MAX_HOLD_S
from faceoff.media.images import DecodeError

RATE = 16_000  # Hz; what wav2vec 2.0, HuBERT and Whisper were trained on


_GAP_S = 0.1  # a gap in the time stamps longer than this is filled with silence


@dataclass(frozen=True)
class Sound:
    """The sound of a clip.

    wav: the bytes of a WAV file.

    start_s: presentation time of its first sample, on the clock of the clip's frames.

    note: what is damaged or missing, None for nothing.
    """

    wav: bytes
    start_s: float
    duration_s: float
    note: str | None = None


def extract_sound(path: Path) -> Sound:
    """Extract the first sound track of a video or sound file, resampled to one channel.

    Damaged packets are skipped; silence stands for them, so that sound and picture stay together.
    If a track breaks off, the part before is kept. Raises DecodeError without sound, and if the
    file cannot be opened.
    """
    import av  # only sound and video need it

    buffer, samples = io.BytesIO(), 0
    start: float | None = None
    losses = Losses()
    try:
        with opened(path) as container, wave.open(buffer, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            if not container.streams.audio:
                raise DecodeError("no sound in the file")
            decoded_s = 0.0

            def write(parts: Iterable[Any]) -> int:
                sounds = [part.to_ndarray().tobytes() for part in parts]
                out.writeframes(b"".join(sounds))
                return sum(map(len, sounds)) // 2

            resampler, form = None, None
            for frame in decoded(container, container.streams.audio[0], losses):
                if start is None:
                    start = frame.time or 0.0
                if frame.time is not None:
                    silence = frame.time - start - decoded_s
                    if _GAP_S < silence <= MAX_HOLD_S:
                        out.writeframes(bytes(2 * round(silence * RATE)))
                        samples += round(silence * RATE)
                        decoded_s += silence
                decoded_s += frame.samples / frame.sample_rate
                now = (frame.format.name, frame.layout.name, frame.sample_rate)
                if resampler is None or form != now:
                    # The first frame, or one of another recording that was joined on.
                    samples += write(resampler.resample(None)) if resampler else 0
                    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
                    form = now
                samples += write(resampler.resample(frame))
            samples += write(resampler.resample(None)) if resampler else 0
    except av.error.FFmpegError as error:
        raise DecodeError(f"cannot decode: {error.strerror or error}") from None
    if start is None or not samples:
        raise DecodeError(losses.say() or "no sound could be decoded")
    return Sound(buffer.getvalue(), start, samples / RATE, losses.say() or None)
