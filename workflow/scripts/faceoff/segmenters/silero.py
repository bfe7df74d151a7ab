"""Find speech by Silero VAD (Silero Team 2021–2026), a small recurrent network, without PyTorch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceoff.media.sound import RATE
from faceoff.plugins.speech_protocols import Span, Wave
from faceoff.segmenters import _stretches

SEGMENTERS = {
    "silero": {
        "class": "Silero",
        "framework": "speech",
        "requires": {"modules": ["onnxruntime"]},
        "assets": {
            "weights": {
                "package": "silero_vad",
                "file": "data/silero_vad.onnx",
                "sha256": "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
                "urls": [
                    "https://github.com/snakers4/silero-vad/raw/"
                    "806dcba3f0b5d95282d0889a074954a2f8c6397b/src/silero_vad/data/silero_vad.onnx"
                ],
                "size": 2327524,
                "licence": "MIT",
                "source": "https://github.com/snakers4/silero-vad",
            }
        },
        "options": {
            "threshold": 0.5,
            "least_s": 0.25,
            "gap_s": 0.1,
            "pad_s": 0.03,
            "longest_s": 30.0,
        },
        "licence": "MIT",
        "source": "https://github.com/snakers4/silero-vad",
        "notes": "speech against music and noise; its defaults are the authors'",
    }
}
_WINDOW, _CONTEXT = 512, 64  # samples that the network reads, and those before them
_RELEASE = 0.15  # below the threshold at which speech ends, as in the authors' code


class Silero:
    """The segmenter, on one core as the authors run it.

    Options: `threshold`: probability from which somebody speaks, 0–1; `least_s`, `gap_s`, `pad_s`,
    `longest_s`: as of `_stretches.Cut`. Raises ValueError for an option of another kind.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        import onnxruntime

        options = card["options"]
        self._cut = _stretches.Cut(
            "silero", options["least_s"], options["gap_s"], options["pad_s"], options["longest_s"]
        )
        self._threshold = threshold = options["threshold"]
        if not isinstance(threshold, int | float) or not 0 < threshold < 1:
            raise ValueError(
                f"segmenter silero: options.threshold: expected 0–1, not {threshold!r}"
            )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(
            assets["weights"].read_bytes(), settings, providers=["CPUExecutionProvider"]
        )

    def segment(self, wave: Wave) -> Sequence[Span]:
        """Return the stretches of speech in a sound."""
        scores = self.probabilities(wave)
        threshold = self._threshold
        return _stretches.spans(
            scores,
            _above(scores, threshold, threshold - _RELEASE),
            _WINDOW / RATE,
            len(wave) / RATE,
            self._cut,
        )

    def probabilities(self, wave: Wave) -> npt.NDArray[np.float32]:
        """Return (n,) the probability of speech in each 32 ms; the last window is padded."""
        windows = -(-len(wave) // _WINDOW)
        padded = np.zeros(_CONTEXT + windows * _WINDOW, np.float32)
        padded[_CONTEXT : _CONTEXT + len(wave)] = wave
        state, rate = np.zeros((2, 1, 128), np.float32), np.array(RATE, np.int64)
        found = np.empty(windows, np.float32)
        for place in range(windows):
            heard = padded[None, place * _WINDOW : (place + 1) * _WINDOW + _CONTEXT]
            output, state = self._network.run(None, {"input": heard, "state": state, "sr": rate})
            found[place] = output[0, 0]
        return found


def _above(scores: npt.NDArray[np.float32], begins: float, ends: float) -> npt.NDArray[np.bool_]:
    """Return (n,) whether somebody speaks: from a score of `begins` until one below `ends`."""
    sure, over = scores >= begins, scores >= ends
    places = np.arange(len(scores))
    last_end = np.maximum.accumulate(np.where(~over, places, -1))
    last_start = np.maximum.accumulate(np.where(sure, places, -1))
    return last_start > last_end
