"""Give drawn people a voice: who has which, how an emotion sounds, and how lips move with it.

espeak-ng speaks (`espeak`). An emotion is a change of pitch, range, rate and loudness. Sources of
the directions: Scherer, Vocal communication of emotion (2003); Juslin & Laukka (2003),
table 11, for anger, fear, happiness and sadness. Those of disgust, surprise and contempt, and all
sizes, are our own choice, so that such a voice says nothing about people.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

import numpy as np
from scipy.signal import resample_poly

from faceoff.drawing import espeak
from faceoff.drawing.identities import identity, names
from faceoff.drawing.seeds import stream, within

RATE = 16_000  # Hz: what is above 8 kHz is lost to speech models, so that nothing is put there

_ACCENTS = (
    "gmw/en-US",
    "gmw/en",
    "gmw/en-GB-x-rp",
    "gmw/en-GB-scotland",
    "gmw/en-GB-x-gbclan",
    "gmw/en-GB-x-gbcwmd",
    "gmw/en-029",
)
# No vocal tract is in two splits. High ones are of children and of some adults without a beard.
_TRACTS = {
    "train": (("f1", "f2"), ("m1", "m2", "m3", "m7")),
    "valid": (("f5",), ("m5",)),
    "test": (("f3", "f4"), ("m4", "m6", "m8")),
}


@dataclass(frozen=True)
class Voice:
    """The constant properties of a person's voice; pitch and rate: 1 is the library's own."""

    name: str  # as espeak-ng calls it
    pitch: float
    rate: float


@lru_cache(maxsize=8)
def voices(split: str) -> dict[str, Voice]:
    """Return the voices of all people of a split: no two are alike, and none is in two splits."""
    high, low = (
        [f"{accent}+{tract}" for tract in tracts for accent in _ACCENTS]
        for tracts in _TRACTS[split]
    )
    given = {}
    for name in names(split):
        rng, who = stream("voice", name), identity(name)
        child = who.age_group == "child"
        deep = not child and (who.beard != "none" or rng.random() < 0.5)
        left = (low or high) if deep else (high or low)
        chosen = left.pop(int(rng.integers(len(left))))
        pitch = within(1.1, 1.2, rng) if child else within(0.92, 1.08, rng)
        slow = 0.95 if who.age_group == "older" else 1.0
        given[name] = Voice(chosen, round(pitch, 3), round(slow * within(0.94, 1.06, rng), 3))
    return given


@dataclass(frozen=True)
class Prosody:
    """Say how somebody speaks: multiples of the voice's own, loudness of the library's default."""

    pitch: float
    spread: float  # of the pitch about its mean
    rate: float
    loudness: float


PROSODY = {
    "neutral": Prosody(1.0, 1.0, 1.0, 0.60),
    "happiness": Prosody(1.35, 1.6, 1.10, 0.80),
    "sadness": Prosody(0.82, 0.4, 0.78, 0.36),
    "surprise": Prosody(1.60, 1.7, 1.00, 0.72),
    "fear": Prosody(1.50, 0.5, 1.28, 0.52),
    "disgust": Prosody(0.85, 1.0, 0.85, 0.62),
    "anger": Prosody(1.20, 1.4, 1.20, 1.00),
    "contempt": Prosody(0.80, 0.6, 0.94, 0.48),
}


def prosody(emotion: str, rng: np.random.Generator) -> Prosody:
    """Return how an emotion sounds this time: each part varies by up to 6 %."""
    mean = PROSODY[emotion]
    parts = (mean.pitch, mean.spread, mean.rate, mean.loudness)
    return Prosody(*(round(part * within(0.94, 1.06, rng), 3) for part in parts))


@dataclass(frozen=True)
class Spoken:
    """A spoken sentence.

    sound: (n,) float32 in [-1, 1] at `RATE`, from the first phoneme to the end of the last.
    phonemes: (name, begins, ends) of each, in seconds from the sound's beginning; a pause inside is
    `_`.
    """

    sound: np.ndarray
    phonemes: tuple[tuple[str, float, float], ...]

    @property
    def duration_s(self) -> float:
        return self.phonemes[-1][2]


def version() -> str | None:
    """Return the version of espeak-ng that is installed; None without it."""
    return espeak.version()


def speak(text: str, voice: Voice, how: Prosody) -> Spoken:
    """Return a sentence as this voice speaks it; the same bytes each time.

    Raises OSError if espeak-ng is not there or cannot speak.
    """
    told = " ".join(
        f'{name}="{100 * (factor - 1):+.0f}%"'
        for name, factor in (
            ("pitch", voice.pitch * how.pitch),
            ("range", how.spread),
            ("rate", voice.rate * how.rate),
            ("volume", how.loudness),
        )
    )
    ssml = f"<speak><prosody {told}>{escape(text)}</prosody></speak>"
    done = subprocess.run(
        [sys.executable, "-I", "-S", espeak.__file__],
        input=json.dumps({"voice": voice.name, "ssml": ssml}).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"no speech: {said[-1] if said else f'exit code {done.returncode}'}")
    head, _, sound = done.stdout.partition(b"\n")
    answer = json.loads(head)
    return _trimmed(answer["phonemes"], answer["rate"], np.frombuffer(sound, "<i2"))


def _trimmed(begins: Sequence[tuple[str, int]], rate: int, sound: np.ndarray) -> Spoken:
    """Return the sound between the first phoneme and the pause after the last."""
    names_, samples = zip(*begins, strict=True)
    heard = [k for k, name in enumerate(names_) if not name.startswith("_")]
    first, last = heard[0], heard[-1]
    ends = (*samples[1:], len(sound))
    start = samples[first]
    phonemes = tuple(
        (
            "_" if name.startswith("_") else name,
            round((begin - start) / rate, 4),
            round((end - start) / rate, 4),
        )
        for name, begin, end in list(zip(names_, samples, ends, strict=True))[first : last + 1]
    )
    part = sound[start : ends[last]].astype(np.float32) / 32768
    common = np.gcd(RATE, rate)
    resampled = resample_poly(part, RATE // common, rate // common)
    return Spoken(np.clip(resampled, -1, 1).astype(np.float32), phonemes)


# How far each phoneme opens the mouth, in [0, 1], by the first letter of espeak-ng's name for it.
_OPENINGS = {"aA0V&": 1.0, "eE3@oO": 0.75, "iIuUyY": 0.45, "pbm_": 0.0, "fvw": 0.1}
_CONSONANT = 0.2
_BY_LOUDNESS = 0.6  # the share of an opening that goes with how loud the phoneme is


def _opening(phoneme: str) -> float:
    """Return how far a phoneme opens the mouth: lips meet for p, b, m and pauses."""
    first = phoneme[:1]
    return next((far for letters, far in _OPENINGS.items() if first in letters), _CONSONANT)


def lips(spoken: Spoken, start_s: float) -> tuple[tuple[float, float, float], ...]:
    """Return (begins, ends, how far it opens the mouth) of each phoneme, spoken from ``start_s``.

    The opening is the phoneme's, less where it is quieter than the sentence's loudest one.
    """
    loud = [
        float(
            np.sqrt(np.mean(np.square(spoken.sound[round(begin * RATE) : round(end * RATE) + 1])))
        )
        for _, begin, end in spoken.phonemes
    ]
    most = max(loud) or 1.0
    return tuple(
        (
            round(start_s + begin, 4),
            round(start_s + end, 4),
            round(_opening(name) * (1 - _BY_LOUDNESS + _BY_LOUDNESS * level / most), 3),
        )
        for (name, begin, end), level in zip(spoken.phonemes, loud, strict=True)
    )
