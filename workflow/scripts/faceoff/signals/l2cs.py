"""Measure gaze by L2CS-Net (Abdelrahman et al. 2022, arXiv 2203.03339).

Its authors publish PyTorch weights without a hash; export them to ONNX and give that file. It was
never run here with real weights: the signs are those of the arrow that the authors' own
`draw_gaze` draws.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.inference.runtimes import softmax
from faceoff.plugins.protocols import Crops, CropSpec, SignalReading
from faceoff.signals._given_onnx import GivenNetwork
from faceoff.storage.columns import GAZE

SIGNALS = {
    "l2cs": {
        "class": "L2CS",
        "framework": "onnx",
        "requires": {"modules": ["onnxruntime"]},
        "checkpoint": {
            "file": "L2CSNet_gaze360.onnx, exported from its authors' checkpoint",
            "url": "https://github.com/Ahmednull/L2CS-Net",
        },
        "options": {"weights": None, "sha256": None},
        "gaze_frame": "camera",
        "licence": "MIT",
        "source": "https://github.com/Ahmednull/L2CS-Net",
        "notes": "gaze in degrees, trained on Gaze360; never run here with real weights",
    }
}

_BINS, _WIDTH, _START = 90, 4.0, -180.0  # of an angle's head, for Gaze360


class L2CS:
    """Gaze in the frame of the camera: the mean angle of two heads of 90 bins."""

    crop = CropSpec(size=(448, 448), channels=3, margin=0.0, interpolation="linear")
    columns = GAZE

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        options = card["options"]
        self._network = GivenNetwork({key: options[key] for key in ("weights", "sha256")})

    def read(self, crops: Crops) -> SignalReading:
        outputs = self._network.run(crops)
        if [output.shape[1:] for output in outputs] != 2 * [(_BINS,)]:
            shapes = ", ".join(str(output.shape[1:]) for output in outputs)
            raise ValueError(
                f"{self._network.file}: gives {shapes} numbers for a face; expected two of {_BINS}"
            )
        # The authors call the first head pitch, and draw it as the angle to the left.
        left, up = (_WIDTH * softmax(each) @ np.arange(_BINS) + _START for each in outputs)
        found = {GAZE[0]: -left, GAZE[1]: up}
        return SignalReading(found, np.ones(len(crops), bool))
