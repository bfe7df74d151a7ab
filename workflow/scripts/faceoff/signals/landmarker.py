"""Measure faces by MediaPipe's FaceLandmarker: blendshapes as action units, pose, gaze, landmarks.

Nothing is trained here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import eyes, mouth
from faceoff.faces.blendshape_units import UNITS, action_units, stacked
from faceoff.faces.head_pose import head_angles
from faceoff.inference.face_landmarker import POINTS, FaceLandmarker
from faceoff.plugins.protocols import Crops, CropSpec, SignalReading
from faceoff.storage.columns import GAZE, POSE, unit_column

SIGNALS = {
    "landmarker": {
        "class": "Landmarker",
        "framework": "mediapipe",
        "requires": {"modules": ["mediapipe"]},
        "assets": {
            "landmarker": {
                "file": "face_landmarker.task",
                "sha256": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
                "urls": [
                    "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                    "face_landmarker/float16/1/face_landmarker.task"
                ],
                "size": 3758596,
                "licence": "Apache-2.0",
                "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
            }
        },
        "options": {"detection": 0.5, "closed": 0.5},
        "au_threshold": 2.0,
        "lips": True,
        "gaze_frame": "head",
        "licence": "Apache-2.0",
        "source": "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
        "notes": "units are blendshapes times 5; not run with the published file here",
    }
}

_IRISES = (468, 473)  # the middles, viewer's left first
_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")


class Landmarker:
    """Action units by blendshapes, head pose, gaze in the head's frame, lids, lips, landmarks."""

    # it looks for the face itself, and needs some room around it
    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    columns = (
        *(*POSE, *GAZE, "eye_openness", "blink", "mouth_openness"),
        *map(unit_column, UNITS),
        "landmarks",
    )

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._options = card["options"]
        self._task = FaceLandmarker(assets["landmarker"], self._options["detection"])

    def read(self, crops: Crops) -> SignalReading:
        faces = [self._task.read(crop) for crop in crops]
        seen = np.array([face is not None for face in faces], bool)
        spatial = np.array([face.points if face else np.zeros((POINTS, 3)) for face in faces])
        spatial = spatial.reshape(len(faces), POINTS, 3)
        points = spatial[:, :, :2]
        shapes = stacked([face.shapes if face else None for face in faces])
        contours = points[:, np.array(eyes.CONTOURS)]
        closed = np.mean([shapes[name] for name in _BLINKS], axis=0) >= self._options["closed"]
        units = action_units(shapes)
        return SignalReading(
            {
                **head_angles(spatial),
                **dict(zip(GAZE, eyes.gaze(contours, points[:, _IRISES]), strict=True)),
                "eye_openness": eyes.openness(contours),
                "blink": closed.astype(float),
                "mouth_openness": mouth.openness(points),
                **{unit_column(unit): values for unit, values in units.items()},
                "landmarks": points.reshape(len(faces), 2 * POINTS),
            },
            seen,
        )
