"""Measure how something is said: pitch, loudness, rate and timbre of a stretch of speech."""

from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Wave
from faceoff.speech.kaldi import frames_of
from faceoff.speech.levels import levels

Floats = npt.NDArray[np.float64]

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0  # of a voice: below a low man's, above a child's
_HOP = RATE // 100
_WINDOW = 3 * RATE // 65  # three periods of the lowest voice, as Boersma takes
_VOICED = 0.45  # height of the peak from which a frame is voiced
_OCTAVE_COST = 0.01  # of a candidate for each octave below the highest
_BLOCK = 256  # frames whose spectra are held at once
_DIP_DB = 2.0  # between two syllables
_PAUSE_DB = -40.0  # below the loudest tenth: how deep a pause is depends on the gain
_COEFFICIENTS = 13

NAMES = (
    "voiced_share", "f0_mean", "f0_sd", "f0_p20", "f0_p80", "f0_movement",
    "level_sd", "level_p20", "level_p80", "syllables_per_s", "voiced_stretches_per_s",
    *(f"mfcc_{number}_mean" for number in range(1, _COEFFICIENTS)),
    *(f"mfcc_{number}_sd" for number in range(1, _COEFFICIENTS)),
)  # fmt: skip


def pitch(wave: Wave) -> Floats:
    """Return the fundamental frequency of each 10 ms in Hz, (n,); NaN where nothing is voiced.

    It is the highest peak of the autocorrelation of a Hann window of sound, divided by that of the
    window itself (Boersma 1993, "Accurate short-term analysis of the fundamental frequency",
    equations 1 to 26, without the search for a path). A sound shorter than a window has none.
    """
    if len(wave) < _WINDOW:
        return np.empty(0)
    frames = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[::_HOP]
    return np.concatenate(
        [_pitch_of(frames[start : start + _BLOCK]) for start in range(0, len(frames), _BLOCK)]
    )


def _pitch_of(frames: npt.NDArray[np.float32]) -> Floats:
    """Return the pitch of each of these frames (n, window)."""
    window = np.hanning(_WINDOW)
    size = 1 << (2 * _WINDOW - 1).bit_length()
    lags = int(np.ceil(RATE / LOWEST_HZ)) + 2

    def correlated(rows: Floats) -> Floats:
        power = np.abs(np.fft.rfft(rows, size, axis=1)) ** 2
        found = np.fft.irfft(power, size, axis=1)[:, :lags]
        return found / np.maximum(found[:, :1], 1e-12)

    centred = frames - frames.mean(axis=1, keepdims=True, dtype=np.float64)
    r = correlated(centred * window) / correlated(window[None])
    inner = np.arange(1, lags - 1)
    left, middle, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
    bend = left - 2 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.clip(np.where(bend < 0, (left - right) / 2 / bend, 0.0), -1, 1)
        height = middle - (left - right) * shift / 4
        hertz = RATE / (inner + shift)
        cost = _OCTAVE_COST * np.log2(HIGHEST_HZ / hertz)
    peak = (middle >= left) & (middle >= right) & (hertz >= LOWEST_HZ) & (hertz <= HIGHEST_HZ)
    best = np.where(peak, height - cost, -np.inf).argmax(axis=1)
    rows = np.arange(len(r))
    voiced = peak[rows, best] & (height[rows, best] >= _VOICED)
    return np.where(voiced, hertz[rows, best], np.nan)


def cepstrum(wave: Wave) -> Floats:
    """Return mel-frequency cepstral coefficients of each 10 ms, (n, 13), as Kaldi computes them."""
    import kaldi_native_fbank

    options: Any = kaldi_native_fbank.MfccOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0  # noise, which no run would repeat
    options.num_ceps = _COEFFICIENTS
    options.use_energy = False
    return frames_of(kaldi_native_fbank.OnlineMfcc(options), wave).astype(np.float64)


def features(wave: Wave) -> Floats:
    """Return the features of a stretch of speech, in the order of `NAMES`; NaN where unknown.

    Pitch in semitones above 27.5 Hz, levels in dB below the loudest tenth, so that neither the
    distance from the microphone nor the gain counts.
    """
    from scipy.signal import find_peaks

    hertz, level, timbre = pitch(wave), levels(wave), cepstrum(wave)
    voiced = ~np.isnan(hertz)
    seconds = max(len(wave) / RATE, 1e-9)
    tones = 12 * np.log2(hertz[voiced] / 27.5)
    both = voiced[1:] & voiced[:-1]
    steps = 12 * np.abs(np.diff(np.log2(np.where(voiced, hertz, 1.0))))[both]
    loud = np.maximum(level - np.percentile(level, 90), _PAUSE_DB) if len(level) else level
    smooth = np.convolve(loud, np.ones(5) / 5, mode="same")
    syllables = len(find_peaks(smooth, height=-25.0, prominence=_DIP_DB)[0])
    starts = int(np.count_nonzero(np.diff(np.concatenate([[False], voiced]).astype(int)) > 0))
    of_pitch = (
        [tones.mean(), tones.std(), *np.percentile(tones, [20, 80])] if len(tones) else [np.nan] * 4
    )
    of_level = [loud.std(), *np.percentile(loud, [20, 80])] if len(loud) else [np.nan] * 3
    of_timbre = (
        [*timbre[:, 1:].mean(axis=0), *timbre[:, 1:].std(axis=0)]
        if len(timbre)
        else [np.nan] * 2 * (_COEFFICIENTS - 1)
    )
    return np.array(
        [
            voiced.mean() if len(voiced) else 0.0,
            *of_pitch,
            steps.mean() * 100 if len(steps) else np.nan,  # semitones a second
            *of_level,
            syllables / seconds,
            starts / seconds,
            *of_timbre,
        ]
    )
