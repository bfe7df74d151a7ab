"""Resample a picture by PyTorch, for models that were trained so."""

import numpy as np
import torch

from faceoff.plugins.protocols import RGB, CropSpec, Resample

_MODES = {"linear": "bilinear", "cubic": "bicubic", "area": "area", "nearest": "nearest"}


def torch_filter(spec: CropSpec) -> Resample:
    """Return the filter of a specification whose library is torch."""
    mode = _MODES[spec.interpolation or "linear"]
    smooth = mode in ("bilinear", "bicubic")

    def resample(image: RGB, size: tuple[int, int]) -> RGB:
        """Return what torchvision makes of a tensor: computed in float, rounded and clipped."""
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
        made = torch.nn.functional.interpolate(
            pixels,
            size=size,
            mode=mode,
            align_corners=False if smooth else None,
            antialias=smooth and spec.antialias,
        )
        rows: RGB = made[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        return rows

    return resample
