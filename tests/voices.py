"""Voices of harmonics, whose pitch, loudness and pauses are known."""

import wave
from pathlib import Path

import numpy as np

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Wave


def voice(seconds: float, hertz: float, level: float = 0.2, seed: int = 0) -> Wave:
    """Return a sound of eight harmonics that moves by five percent twice a second, and noise."""
    times = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.05 * np.sin(4 * np.pi * times))) / RATE
    tone = sum(np.sin(number * phase) / number for number in range(1, 9)) / 2
    noise = 0.01 * np.random.default_rng(seed).standard_normal(len(times))
    return (level * (tone + noise)).astype(np.float32)


def silence(seconds: float) -> Wave:
    """Return nothing to hear."""
    return np.zeros(round(seconds * RATE), np.float32)


def write_wav(path: Path, sound: Wave) -> Path:
    """Write a sound as a 16-bit WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.int16(np.clip(sound, -1, 1) * 32767).tobytes())
    return path
