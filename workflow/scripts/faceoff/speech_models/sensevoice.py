"""Read emotions by SenseVoice-Small (An et al. 2024, "FunAudioLLM", arXiv 2407.04051).

The network recognises speech; the second of its outputs is a tag of the emotion. It runs as ONNX
without FunASR. No hash of its files is published, so each is given with its sha256:

    speech_models:
      sensevoice:
        options:
          model: {path: SenseVoiceSmall-onnx/model.onnx, sha256: …}
          cmvn: {path: SenseVoiceSmall-onnx/am.mvn, sha256: …}
          tokens: {path: SenseVoiceSmall-onnx/tokens.json, sha256: …}
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.inference.runtimes import onnx_session, softmax
from faceoff.media.sound import RATE
from faceoff.plugins.protocols import Prediction
from faceoff.plugins.speech_protocols import Wave
from faceoff.speech.kaldi import frames_of

Floats = npt.NDArray[np.float32]

SPEECH_MODELS = {
    "sensevoice": {
        "class": "SenseVoice",
        "framework": "speech",
        "requires": {"modules": ["onnxruntime", "kaldi_native_fbank"]},
        "options": {"model": None, "cmvn": None, "tokens": None, "language": "auto"},
        "checkpoint": {
            "file": "model.onnx",
            "url": "https://huggingface.co/FunAudioLLM/SenseVoiceSmall",
        },
        "lineage": "sensevoice-small",
        "licence": "FunASR model licence",
        "source": "https://github.com/FunAudioLLM/SenseVoice",
        "notes": "multilingual speech recognition with a tag of the emotion; 234 M parameters",
    }
}
TAGS = {
    "<|HAPPY|>": "happiness",
    "<|SAD|>": "sadness",
    "<|ANGRY|>": "anger",
    "<|NEUTRAL|>": "neutral",
    "<|FEARFUL|>": "fear",
    "<|DISGUSTED|>": "disgust",
    "<|SURPRISED|>": "surprise",
}
# Rows of the network's table of queries.
LANGUAGES = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}
_WITHOUT_PUNCTUATION = 15
_EMOTION = 1  # place in the output: language, emotion, event, punctuation, then the words
LEAST_S = 0.1  # of a segment
_BANDS, _STACKED, _STEP = 80, 7, 6  # of the input: frames that are read together, each sixth


class SenseVoice:
    """The network's probabilities of its seven emotion tags.

    The tag for "unknown" is left out, so that it answers always, as other models do (FunASR's
    `ban_emo_unk`). Options: `model`, `cmvn`, `tokens`: its files, as {path, sha256}; `language`:
    one of `LANGUAGES`. Raises AssetError for a file that is not given, or whose content is
    another's, ValueError for another language.
    """

    emotions = tuple(TAGS.values())

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        if options["language"] not in LANGUAGES:
            raise ValueError(
                f"speech model sensevoice: options.language: {options['language']!r}; "
                f"valid: {', '.join(LANGUAGES)}"
            )
        self._language = LANGUAGES[options["language"]]
        network, cmvn, tokens = (
            fetch.required(options, role, f"SenseVoice's {name}")
            for role, name in (
                ("model", "model.onnx"),
                ("cmvn", "am.mvn"),
                ("tokens", "tokens.json"),
            )
        )
        self._shift, self._scale = normalisation(cmvn)
        self._places = _places(tokens)
        self._network = onnx_session(network)
        self._inputs = [each.name for each in self._network.get_inputs()]
        if len(self._inputs) != 4:
            raise AssetError(
                f"{network}: {len(self._inputs)} inputs, SenseVoice's has 4 (FunASR's export)"
            )

    def hear(self, waves: Sequence[Wave]) -> Prediction:
        """Return the prediction for n segments; one below 0.1 s is not evaluable."""
        readable = np.array([len(wave) >= LEAST_S * RATE for wave in waves], bool)
        logits = np.zeros((len(waves), len(TAGS)), np.float32)
        for place in np.flatnonzero(readable):
            logits[place] = self._read(waves[place])
        return Prediction(softmax(logits), evaluable=readable)

    def _read(self, wave: Wave) -> Floats:
        """Return the logits (7,) of the tags for one segment."""
        x = (stacked(filter_bank(wave)) + self._shift) * self._scale
        words = [len(x), self._language, _WITHOUT_PUNCTUATION]
        given = [x[None], *(np.array([number], np.int32) for number in words)]
        found = self._network.run(None, dict(zip(self._inputs, given, strict=True)))[0]
        logits: Floats = found[0, _EMOTION, self._places]
        return logits


def filter_bank(wave: Wave) -> Floats:
    """Return the log energies (n, 80) of mel bands each 10 ms, as Kaldi computes them.

    FunASR adds random noise (dither) before; without it the same sound gives the same numbers.
    """
    import kaldi_native_fbank

    options: Any = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.window_type = "hamming"
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = _BANDS
    options.energy_floor = 0.0
    return frames_of(kaldi_native_fbank.OnlineFbank(options), wave)


def stacked(frames: Floats) -> Floats:
    """Return each sixth frame with the three before and after it (⌈n / 6⌉, 7 × bands).

    Outside, the first and the last frame stand.
    """
    centres = np.arange(0, len(frames), _STEP)
    places = centres[:, None] + np.arange(_STACKED) - _STACKED // 2
    return frames[places.clip(0, len(frames) - 1)].reshape(len(centres), -1)


def normalisation(path: Path) -> tuple[Floats, Floats]:
    """Return what is added to the input and by what it is multiplied, (560,) each.

    The file is a Kaldi network of text with the components AddShift and Rescale. Raises AssetError
    where it is another.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    found = []
    for component in ("AddShift", "Rescale"):
        match = re.search(rf"<{component}>[^\[]*\[([^\]]*)\]", text)
        try:
            numbers = np.array(match[1].split() if match else [], np.float32)
        except ValueError:
            numbers = np.empty(0, np.float32)
        if len(numbers) != _STACKED * _BANDS:
            raise AssetError(
                f"{path}: {len(numbers)} numbers of <{component}>, expected {_STACKED * _BANDS}: "
                "give SenseVoice's am.mvn as option `cmvn`"
            )
        found.append(numbers)
    return found[0], found[1]


def _places(path: Path) -> list[int]:
    """Return the places of the tags in the network's vocabulary. Raises AssetError without them."""
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))
        return [tokens.index(tag) for tag in TAGS]
    except (ValueError, AttributeError):
        raise AssetError(
            f"{path}: no list with {', '.join(TAGS)}: give SenseVoice's tokens.json as option "
            "`tokens`"
        ) from None
