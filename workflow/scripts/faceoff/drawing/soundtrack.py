"""Mix the sound of a talking clip: the voices at their times, a lag, and noise of a known level."""

import numpy as np
from scipy.signal import resample_poly

from faceoff.drawing import identities
from faceoff.drawing.seeds import stream
from faceoff.drawing.talk import SENTENCES, Talk, staged
from faceoff.drawing.video import AUDIO_RATE
from faceoff.drawing.voice import PROSODY, RATE, speak, voices

_TALKERS = 5  # who babble together


def soundtrack(talk: Talk) -> np.ndarray | None:
    """Return the sound of a clip, (n,) float32 in [-1, 1] at `RATE`; None without a sound track.

    It lasts as long as the picture and is digital silence where nobody speaks and nothing is noisy.
    The signal-to-noise ratio is that of the mean powers, of the speech over the time in which
    somebody speaks, of the noise over all of its own. Raises OSError without espeak-ng.
    """
    if not talk.track:
        return None
    stage = staged(talk)
    mix = np.zeros(round(stage.clip.duration_s * RATE), np.float32)
    power, spoken_for = 0.0, 0
    for said in stage.said:
        if said.spoken is None:
            continue
        start, sound = round((said.start_s + talk.lag_s) * RATE), said.spoken.sound
        mix[start : start + len(sound)] += sound
        power, spoken_for = power + float(np.square(sound).sum()), spoken_for + len(sound)
    if talk.noise is not None and talk.snr_db is not None:
        noise = _noise(talk, len(mix))
        wanted = power / spoken_for / 10 ** (talk.snr_db / 10)
        mix += noise * np.float32(np.sqrt(wanted / np.mean(np.square(noise, dtype=np.float64))))
    most = float(np.abs(mix).max())
    return mix / np.float32(most) if most > 1 else mix  # both alike, so that their ratio stays


def _noise(talk: Talk, length: int) -> np.ndarray:
    """Return (length,) float32 of white noise or of people outside the clip, at any level."""
    rng = stream("noise", talk.seed, talk.sample_id)
    if talk.noise == "white":
        return rng.standard_normal(length).astype(np.float32)
    absent = [name for name in identities.names(talk.split) if name not in talk.people]
    babble = np.zeros(length, np.float32)
    for name in rng.permutation(absent)[:_TALKERS]:
        text = " ".join(SENTENCES[place] for place in rng.permutation(len(SENTENCES))[:3])
        sound = speak(text, voices(talk.split)[str(name)], PROSODY["neutral"]).sound
        babble += np.resize(np.roll(sound, int(rng.integers(len(sound)))), length)
    return babble


def for_video(sound: np.ndarray) -> np.ndarray:
    """Return the sound at the rate of `write_video`; nothing is added above 8 kHz."""
    return np.clip(resample_poly(sound, AUDIO_RATE // RATE, 1), -1, 1).astype(np.float32)
