"""MediaPipe's BlazeFace detectors: short range (faces within 2 m) and full range (within 5 m), weights from the wheel."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.protocols import RGB, Face

DETECTORS = {
    "mediapipe_short": {
        "class": "MediaPipe",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "weights": {
                "package": "mediapipe",
                "file": "modules/face_detection/face_detection_short_range.tflite",
                "sha256": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            }
        },
        "options": {"model_selection": 0},
        "threshold": 0.5,
        "min_size": 8,
        "calibration": {"dx": -0.0102, "dy": -0.1084, "sx": 0.9606, "sy": 1.2394},
        "licence": "Apache-2.0",
        "source": "https://github.com/google-ai-edge/mediapipe",
    },
    "mediapipe_full": {
        "class": "MediaPipe",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "weights": {
                "package": "mediapipe",
                "file": "modules/face_detection/face_detection_full_range_sparse.tflite",
                "sha256": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
            }
        },
        "options": {"model_selection": 1},
        "threshold": 0.5,
        "min_size": 8,
        "calibration": {"dx": -0.0015, "dy": -0.0603, "sx": 0.8744, "sy": 1.127},
        "licence": "Apache-2.0",
        "source": "https://github.com/google-ai-edge/mediapipe",
    },
}


class MediaPipe:
    """`mp.solutions.face_detection` on single images. It has no mouth corners, so no five-point landmarks."""

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        import mediapipe

        self._network = mediapipe.solutions.face_detection.FaceDetection(
            model_selection=card["options"]["model_selection"], min_detection_confidence=card["threshold"]
        )

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _detect(self, image: RGB) -> list[Face]:
        height, width = image.shape[:2]
        faces = []
        for detection in self._network.process(image).detections or ():
            box = detection.location_data.relative_bounding_box
            faces.append(Face(box=(box.xmin * width, box.ymin * height, box.width * width, box.height * height), score=float(detection.score[0])))
        return faces
