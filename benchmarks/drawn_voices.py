"""Measure how well the drawn voices tell an emotion, and how mouths move with the sound.

    .venv-full/bin/python benchmarks/drawn_voices.py --sentences 2 --clips 24

Needs espeak-ng. Every voice of `posed_talk` says some sentences in every emotion; a logistic
regression on ten features of pitch, loudness and spectrum learns from the train voices and is
tested on the test voices, whose vocal tracts it has not heard. Then, over the test clips with one
speaker, prints by lag the mean correlation of the true mouth opening (AU25) with the loudness.
"""

import argparse
from collections import defaultdict

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from faceoff.drawing import clips, talk
from faceoff.drawing.seeds import stream
from faceoff.drawing.soundtrack import soundtrack
from faceoff.drawing.voice import RATE, prosody, speak, voices
from faceoff.emotions import EMOTIONS

FRAME, HOP = 640, 160  # samples: 40 and 10 ms
LAGS_S = np.arange(-0.5, 0.501, 1 / 24)


def frames_of(sound: np.ndarray) -> np.ndarray:
    """Return (n, FRAME) pieces of a sound."""
    return np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP]


def pitch(frames: np.ndarray) -> np.ndarray:
    """Return the pitch in Hz of each frame by autocorrelation, NaN where it is not voiced."""
    spectrum = np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2 * FRAME)
    likeness = np.fft.irfft(np.abs(spectrum) ** 2)[:, :FRAME]
    shortest, longest = RATE // 500, RATE // 60
    best = likeness[:, shortest:longest].argmax(axis=1) + shortest
    clear = likeness[np.arange(len(best)), best] > 0.4 * likeness[:, 0]
    loud = likeness[:, 0] > 0.01 * likeness[:, 0].max()
    return np.where(clear & loud, RATE / best, np.nan)


def features(sound: np.ndarray, text: str) -> np.ndarray:
    """Return ten numbers of one sentence."""
    frames = frames_of(sound)
    tone = np.log2(pitch(frames))
    level = 20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1e-4)
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
    high = power[:, hertz > 1000].sum() / power.sum()
    low, middle, top = np.nanpercentile(tone, (10, 50, 90))
    return np.array(
        [
            middle,
            top - low,
            np.nanstd(tone),
            np.isfinite(tone).mean(),
            np.nanmean(np.abs(np.diff(tone))),
            np.median(level),
            level.max(),
            level.std(),
            len(text) * RATE / len(sound),
            np.log(high),
        ]
    )


def spoken(split: str, sentences: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, 10) and emotions of every voice of a split."""
    rows, labels = [], []
    for number, (name, voice) in enumerate(voices(split).items()):
        for emotion in EMOTIONS:
            for k in range(sentences):
                text = talk.SENTENCES[(number + k) % len(talk.SENTENCES)]
                how = prosody(emotion, stream("benchmark", name, emotion, k))
                rows.append(features(speak(text, voice, how).sound, text))
                labels.append(emotion)
    return np.array(rows), np.array(labels)


def course(one: talk.Talk) -> np.ndarray:
    """Return the correlation of mouth and loudness of one clip at each of LAGS_S.

    At a lag of 0.3 s, the loudness is that of 0.3 s after the picture.
    """
    sound, clip = soundtrack(one), talk.staged(one).clip
    assert sound is not None
    times = np.array(clip.times)
    mouth = np.array([clips.truth_at(clip, t)[0].aus.get("AU25", 0.0) for t in times])

    def loudness(at: np.ndarray) -> np.ndarray:
        reach = RATE // 24  # half a frame of a small clip to either side
        padded = np.pad(np.square(sound), RATE)
        sums = np.concatenate([[0.0], np.cumsum(padded, dtype=np.float64)])
        middle = np.round((at + 1) * RATE).astype(int)
        return np.sqrt((sums[middle + reach] - sums[middle - reach]) / (2 * reach))

    return np.array([np.corrcoef(mouth, loudness(times + lag))[0, 1] for lag in LAGS_S])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=2, help="of each voice and emotion")
    parser.add_argument("--clips", type=int, default=24, help="of the test split")
    asked = parser.parse_args()

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(*spoken("train", asked.sentences))
    heard, true = spoken("test", asked.sentences)
    told = model.predict(heard)
    print(f"unseen voices: {np.mean(told == true):.1%} of {len(true)} sentences, chance 12.5%")
    for emotion, row in zip(EMOTIONS, confusion_matrix(true, told, labels=EMOTIONS), strict=True):
        print(f"  {emotion:10}", *(f"{count:4}" for count in row))

    found = defaultdict(list)
    for each in talk.plan("test", asked.clips):
        if len(each.people) == 1 and each.heard and each.noise is None:
            found[each.lag_s].append(course(each))
    for lag_s, curves in sorted(found.items()):
        mean = np.mean(curves, axis=0)
        single = [LAGS_S[curve.argmax()] for curve in curves]
        print(
            f"lag {lag_s:+.1f} s, {len(curves)} clips: peak {mean.max():.2f} at "
            f"{LAGS_S[mean.argmax()]:+.2f} s, at 0 {mean[len(LAGS_S) // 2]:.2f}; "
            f"{np.mean(np.abs(np.array(single) - lag_s) <= 0.1):.0%} of single clips within 0.1 s"
        )
