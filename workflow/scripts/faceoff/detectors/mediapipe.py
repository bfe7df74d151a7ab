"""Detect faces with MediaPipe's BlazeFace detectors.

The short range covers faces within 2 m, the full range within 5 m. Wheels up to 0.10.21 carry the
weights.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plugins.protocols import RGB, Face

DETECTORS = {
    "mediapipe_short": {
        "class": "MediaPipe",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "weights": {
                "package": "mediapipe",
                "file": "modules/face_detection/face_detection_short_range.tflite",
                "size": 229714,
                "sha256": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
                "urls": [
                    "https://storage.googleapis.com/mediapipe-assets/"
                    "face_detection_short_range.tflite?generation=1677044301978921"
                ],  # for releases that carry no model
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
                "size": 676746,
                "sha256": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
                "urls": [
                    "https://storage.googleapis.com/mediapipe-assets/"
                    "face_detection_full_range_sparse.tflite?generation=1674261618323821"
                ],  # for releases that carry no model
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


# The graphs of `mp.solutions` drop boxes below this score before they merge overlapping ones,
# whatever min_detection_confidence says (measured with 0.10.21, and in
# face_detection_short_range.pbtxt and face_detection_full_range.pbtxt). The config's threshold
# comes after.
_LEAST_SCORE = {0: 0.5, 1: 0.6}


class MediaPipe:
    """MediaPipe's face detection on single images.

    It has no mouth corners, so no five-point landmarks. Releases up to 0.10.21 run `mp.solutions`;
    later ones have only the task FaceDetector, which gives the same boxes rounded to pixels.
    """

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        import mediapipe

        selection = card["options"]["model_selection"]
        if hasattr(mediapipe, "solutions"):
            self._network = mediapipe.solutions.face_detection.FaceDetection(
                model_selection=selection, min_detection_confidence=_LEAST_SCORE[selection]
            )
            self._detect = self._by_solution
        else:
            from mediapipe.tasks.python import BaseOptions, vision

            options = vision.FaceDetectorOptions(
                base_options=BaseOptions(model_asset_buffer=assets["weights"].read_bytes()),
                min_detection_confidence=_LEAST_SCORE[selection],
            )
            self._network = vision.FaceDetector.create_from_options(options)
            self._detect = self._by_task

    def detect(self, images: Sequence[RGB]) -> list[list[Face]]:
        return [self._detect(image) for image in images]

    def _by_solution(self, image: RGB) -> list[Face]:
        height, width = image.shape[:2]
        faces = []
        for detection in self._network.process(image).detections or ():
            box = detection.location_data.relative_bounding_box
            faces.append(
                Face(
                    box=(
                        box.xmin * width,
                        box.ymin * height,
                        box.width * width,
                        box.height * height,
                    ),
                    score=float(detection.score[0]),
                )
            )
        return faces

    def _by_task(self, image: RGB) -> list[Face]:
        import mediapipe

        found = self._network.detect(
            mediapipe.Image(
                image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image)
            )
        ).detections
        boxes = [(detection.bounding_box, detection.categories[0].score) for detection in found]
        return [
            Face(
                box=(float(box.origin_x), float(box.origin_y), float(box.width), float(box.height)),
                score=float(score),
            )
            for box, score in boxes
        ]
