"""Run MediaPipe's FaceLandmarker, a task of several networks, on one crop after another."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

POINTS = 478  # of the face mesh, then five of each iris, its middle first


@dataclass(frozen=True)
class Landmarked:
    """What FaceLandmarker says of a face.

    shapes: blendshape -> 0–1; points: (478, 3) x, y and depth in pixels of the crop; depth falls
    towards the viewer.
    """

    shapes: dict[str, float]
    points: np.ndarray


class FaceLandmarker:
    """The task, without tracking from one crop to the next.

    weights: the file face_landmarker.task; detection: least score of its own face detector.
    """

    def __init__(self, weights: Path, detection: float):
        from mediapipe.tasks.python import BaseOptions, vision

        self._task = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=weights.read_bytes()),
                running_mode=vision.RunningMode.IMAGE,
                num_faces=1,
                min_face_detection_confidence=detection,
                output_face_blendshapes=True,
            )
        )

    def read(self, crop: np.ndarray) -> Landmarked | None:
        """Return what it sees in a (height, width, 3) uint8 RGB crop, None without a face."""
        import mediapipe

        image = mediapipe.Image(
            image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(crop)
        )
        found = self._task.detect(image)
        if not found.face_blendshapes:
            return None
        height, width = crop.shape[:2]
        points = np.array([(point.x, point.y, point.z) for point in found.face_landmarks[0]])
        return Landmarked(
            {shape.category_name: shape.score for shape in found.face_blendshapes[0]},
            points * (width, height, width),
        )
