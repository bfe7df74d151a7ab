"""Extract the sound of a clip as speech models take it: 16 kHz, one channel, 16 bit."""

import hashlib
import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.media.demux import Losses, decoded, opened
from faceoff.media.frame_rate import MAX_HOLD_S
from faceoff.media.images import DecodeError

RATE = 16_000  # Hz; what wav2vec 2.0, HuBERT and Whisper were trained on
PART_S = 300.0  # longest sound that is held at once; a longer one is cut into parts

_GAP_S = 0.1  # a gap in the time stamps longer than this is filled with silence
_BYTES = 2  # of a sample
_FULL = 32766 / 32768  # of full scale: from here a sample counts as clipped


@dataclass(frozen=True)
class Sound:
    """The sound of a clip, or a part of it.

    wav: the bytes of a WAV file.

    start_s: presentation time of its first sample, on the clock of the clip's frames.

    note: what is damaged or missing, None for nothing; of several parts the last one has it.
    """

    wav: bytes
    start_s: float
    duration_s: float
    note: str | None = None


def sounds(path: Path, part_s: float = PART_S) -> Iterator[Sound]:
    """Yield the first sound track of a video or sound file, resampled to one channel.

    Damaged packets are skipped; silence stands for them, so that sound and picture stay together.
    If a track breaks off, the part before is kept. Raises DecodeError without sound, and if the
    file cannot be opened.

    part_s: seconds of each part but the last.
    """
    import av  # only sound and video need it

    losses, most = Losses(), max(1, round(part_s * RATE))
    pending, start, done = bytearray(), 0.0, 0
    try:
        with opened(path) as container:
            if not container.streams.audio:
                raise DecodeError("no sound in the file")
            for start, piece in _pieces(container, losses):
                pending += piece
                while len(pending) > most * _BYTES:
                    yield _sound(bytes(pending[: most * _BYTES]), start + done / RATE)
                    del pending[: most * _BYTES]
                    done += most
    except av.error.FFmpegError as error:
        raise DecodeError(f"cannot decode: {error.strerror or error}") from None
    if not pending:
        raise DecodeError(losses.say() or "no sound could be decoded")
    yield replace(_sound(bytes(pending), start + done / RATE), note=losses.say() or None)


def _pieces(container: Any, losses: Losses) -> Iterator[tuple[float, bytes]]:
    """Yield (start of the whole track in seconds, the next 16-bit samples)."""
    import av

    resampler: Any = None
    form: tuple[str, str, int] | None = None
    start, decoded_s = None, 0.0

    def taken(frame: Any) -> bytes:
        parts = resampler.resample(frame) if resampler else ()
        return b"".join(part.to_ndarray().tobytes() for part in parts)

    for frame in decoded(container, container.streams.audio[0], losses):
        if start is None:
            start = frame.time or 0.0
        if frame.time is not None:
            silence = frame.time - start - decoded_s
            if _GAP_S < silence <= MAX_HOLD_S:
                yield start, bytes(_BYTES * round(silence * RATE))
                decoded_s += silence
        decoded_s += frame.samples / frame.sample_rate
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != now:
            # The first frame, or one of another recording that was joined on.
            yield start, taken(None)
            resampler, form = av.AudioResampler(format="s16", layout="mono", rate=RATE), now
        yield start, taken(frame)
    if start is not None:
        yield start, taken(None)


def _sound(samples: bytes, start_s: float) -> Sound:
    """Return 16-bit samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(_BYTES)
        out.setframerate(RATE)
        out.writeframes(samples)
    return Sound(buffer.getvalue(), start_s, len(samples) / _BYTES / RATE)


@dataclass(frozen=True)
class SoundSurvey:
    """Say what a whole sound is like.

    digest: of its samples; lost: what is damaged or missing; loudest: largest sample, 0–1; clipped:
    share of samples at full scale.
    """

    digest: bytes
    lost: str
    loudest: float
    clipped: float


def survey_sound(path: Path) -> SoundSurvey:
    """Decode a whole sound. Raises DecodeError without sound."""
    digest, loudest, clipped, count, lost = hashlib.sha256(), 0.0, 0, 0, ""
    for sound in sounds(path):
        digest.update(sound.wav)
        levels = np.abs(samples_of(sound.wav))
        loudest = max(loudest, float(levels.max(initial=0.0)))
        clipped += int((levels >= _FULL).sum())
        count += len(levels)
        lost = sound.note or ""
    return SoundSurvey(digest.digest()[:16], lost, loudest, clipped / max(1, count))


def samples_of(wav: bytes) -> npt.NDArray[np.float32]:
    """Return the samples of `Sound.wav`, (n,) from −1 to 1."""
    with wave.open(io.BytesIO(wav)) as file:
        whole = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return whole.astype(np.float32) / 32768
