"""Run a network over time that this run has trained: its file says what it reads and answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.runtimes import Onnx, onnx_metadata, softmax
from faceoff.plugins.protocols import Floats, Prediction
from faceoff.temporal.stretches import stretches
from faceoff.training.about import ClipAbout


class TrainedSequence:
    """Run a network over time of the section `training` in onnxruntime.

    Each stretch is computed alone, so that an answer depends on no other clip.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        del card  # the file says all
        file = assets["trained"]
        self._about = ClipAbout.from_json(onnx_metadata(file)[ClipAbout.KEY])
        self.emotions = tuple(self._about.classes)
        self.inputs = tuple(self._about.inputs)
        self._network = Onnx(file)

    def predict(self, frames: Floats, times: Floats) -> Prediction:
        """Return the prediction for the frames of one clip, in order.

        frames: (n, d) the numbers that `inputs` names, NaN for a frame without a face, which is not
        evaluable; times: (n,) seconds. Valence and arousal are clipped to [-1, 1].
        """
        about, k = self._about, len(self.emotions)
        answers = np.full((len(frames), k + len(about.affect)), np.nan)
        there = np.isfinite(frames).all(axis=1)
        for places in stretches(times, there, about.window):
            rows = frames[places].astype(np.float32)
            if about.time_steps:
                steps = np.diff(times[places], prepend=times[places[0]])
                rows = np.column_stack([rows, steps.astype(np.float32)])
            answers[places] = self._network.run(rows[None])[0][0]
        affect = {
            name: np.clip(answers[:, k + index], -1, 1) for index, name in enumerate(about.affect)
        }
        return Prediction(
            posterior=softmax(answers[:, :k]) if k else answers[:, :k],
            valence=affect.get("valence"),
            arousal=affect.get("arousal"),
            evaluable=there,
        )
