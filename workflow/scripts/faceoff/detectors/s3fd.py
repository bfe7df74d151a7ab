"""Detect faces with S3FD (Zhang et al. 2017) through face-alignment's own classes.

They are given the weights that Faceoff has verified. The calibration is provisional: the mean of
YuNet's, RetinaFace's and UltraFace's, which were trained on the same boxes (WIDER FACE). Fit it
with `faceoff calibrate s3fd` if you have the weights.

`s3fd_fan` adds landmarks of that library's face-alignment network 2D-FAN-4 (Bulat & Tzimiropoulos
2017), 68 points reduced to five.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import boxes as geometry
from faceoff.inference.torch_devices import torch_device
from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "s3fd": {
        "class": "S3FD",
        "framework": "face_alignment",
        "requires": {"modules": ["torch", "face_alignment"]},
        "assets": {
            "weights": {
                "file": "s3fd-619a316812.pth",
                "sha256": "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
                "urls": ["https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth"],
                "size": 89843225,
                "licence": "BSD-3-Clause",
                "source": "https://github.com/1adrianb/face-alignment",
            }
        },
        "options": {"longest_side": 640},
        "threshold": 0.5,
        "min_size": 8,
        "calibration": {"dx": -0.004, "dy": -0.0005, "sx": 1.0607, "sy": 1.0046},
        "licence": "BSD-3-Clause",
        "source": "https://github.com/1adrianb/face-alignment",
    },
    "s3fd_fan": {
        "class": "S3FD",
        "framework": "face_alignment",
        "requires": {"modules": ["torch", "face_alignment"]},
        "assets": {
            "weights": {
                "file": "s3fd-619a316812.pth",
                "sha256": "619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
                "urls": ["https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth"],
                "size": 89843225,
                "licence": "BSD-3-Clause",
                "source": "https://github.com/1adrianb/face-alignment",
            },
            "fan": {
                "file": "2DFAN4-11f355bf06.pth.tar",
                "sha256": "11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
                "urls": [
                    "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar"
                ],
                "licence": "BSD-3-Clause",
                "source": "https://github.com/1adrianb/face-alignment",
            },
        },
        "options": {"longest_side": 640},
        "threshold": 0.5,
        "min_size": 8,
        "calibration": {"dx": -0.004, "dy": -0.0005, "sx": 1.0607, "sy": 1.0046},
        "licence": "BSD-3-Clause",
        "source": "https://github.com/1adrianb/face-alignment",
    },
}
# iBUG's 68 points that make up each of the five landmarks: the eyes' outlines, the nose tip, the
# mouth's corners.
FIVE_OF_68 = (range(36, 42), range(42, 48), (30,), (48,), (54,))
BGR_MEANS = (104.0, 117.0, 123.0)
SMALLEST = 32  # pixels; five poolings leave nothing of a smaller side


class S3FD:
    """The S3FD detector.

    Frames are shrunk to the longest side. Pictures run one by one, because the library's batches
    test every cell of one picture in all others.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        from face_alignment.detection.sfd.sfd_detector import SFDDetector

        self._longest, self._device = card["options"]["longest_side"], torch_device()
        self._fan = None
        if "fan" in assets:
            self._fan = _fan(assets, self._device, card["threshold"])
            self._detector = self._fan.face_detector
        else:
            self._detector = SFDDetector(
                self._device,
                path_to_detector=str(assets["weights"]),
                filter_threshold=card["threshold"],
            )

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        view, back = geometry.shrink(image, self._longest)
        below, right = (max(0, SMALLEST - side) for side in view.shape[:2])
        view = np.pad(view, ((0, below), (0, right), (0, 0)))
        rows = np.reshape(np.asarray(self._found(view), float), (-1, 5))  # x1, y1, x2, y2, score
        if self._fan is None or not len(rows):
            return geometry.faces(rows[:, :4] * np.tile(back, 2), rows[:, 4])
        # The library cannot crop boxes that lie outside the picture.
        rows = rows[(rows[:, :2] < view.shape[1::-1]).all(axis=1) & (rows[:, 2:4] > 0).all(axis=1)]
        points = [
            five(face) * back
            for face in (self._fan.get_landmarks_from_image(view, detected_faces=rows) or ())
        ]
        landmarks = np.reshape(points, (-1, 5, 2))
        return geometry.faces(rows[:, :4] * np.tile(back, 2), rows[:, 4], landmarks)

    def _found(self, view: RGB) -> Any:
        """Return the faces as the library's `detect_from_image` does, but deterministically.

        On a GPU the original also lets cuDNN choose its algorithms by their speed, which differs
        from run to run.
        """
        import torch
        from face_alignment.detection.sfd.detect import get_predictions

        means = torch.tensor(BGR_MEANS, device=self._device).view(1, 3, 1, 1)
        pixels = (
            torch.from_numpy(view.transpose(2, 0, 1)[None].copy())
            .to(self._device, dtype=torch.float32)
            .flip(-3)
            - means
        )
        with torch.inference_mode():
            # for each of six sizes the classes, then the boxes
            maps = self._detector.face_detector(pixels)
        maps = [output if place % 2 else output.softmax(dim=1) for place, output in enumerate(maps)]
        return self._detector._filter_bboxes(
            get_predictions([output.cpu().numpy() for output in maps], 1)[0]
        )


def five(points: np.ndarray) -> np.ndarray:
    """Return five landmarks (5, 2) of 68 points (68, 2)."""
    return np.stack([points[list(group)].mean(axis=0) for group in FIVE_OF_68]).astype(float)


def _fan(assets: Mapping[str, Path], device: str, threshold: float) -> Any:
    """Return a face_alignment.FaceAlignment that uses the verified files instead of downloads."""
    import face_alignment
    import torch
    from face_alignment.models import FAN

    from faceoff.inference.checkpoints import fill

    class Verified(face_alignment.FaceAlignment):
        def _load_native(self, name: str, size: int, where: str, dtype: Any) -> Any:
            return fill(FAN(size), assets["fan"]).to(where, dtype=dtype)

    kwargs = {"path_to_detector": str(assets["weights"]), "filter_threshold": threshold}
    chosen = torch.backends.cudnn.benchmark
    fan = Verified(
        face_alignment.LandmarksType.TWO_D,
        device=device,
        face_detector_kwargs=kwargs,
        compile=False,
    )
    torch.backends.cudnn.benchmark = chosen  # the constructor sets it on a GPU
    return fan
