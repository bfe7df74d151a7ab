"""Open a network whose ONNX file the user gives, and normalise crops for it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.inference.runtimes import Onnx

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet
_STD = np.array([0.229, 0.224, 0.225], np.float32)


class GivenNetwork:
    """A network that its authors publish without a hash, as ONNX.

    options: `weights`, the path, and `sha256`. Raises AssetError where one of them is missing.
    """

    def __init__(self, options: Mapping[str, Any]):
        if not options["weights"]:
            raise AssetError("weights missing: give them as options `weights` and `sha256`")
        self.file = fetch.given(options["weights"], options["sha256"], "weights")
        self._network = Onnx(self.file)

    def run(self, crops: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for (n, side, side, 3) uint8 RGB crops, scaled as for ImageNet."""
        scaled = (crops.astype(np.float32) / np.float32(255) - _MEAN) / _STD
        return self._network.run(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))
