"""Measure faces by MediaPipe's face mesh: landmarks, head pose, lids, lips, gaze, action units.

Nothing is trained here. Yaw, pitch and gaze are relative: they follow, but are compressed (docs).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.faces import mouth
from faceoff.faces.eyes import CONTOURS, gaze, openness
from faceoff.faces.head_pose import head_angles
from faceoff.faces.iris import IrisNetwork
from faceoff.faces.mesh import POINTS, FaceMesh, measures
from faceoff.faces.mesh_units import UNITS, action_units
from faceoff.plugins.protocols import Crops, CropSpec, SignalReading
from faceoff.storage.columns import GAZE, POSE, unit_column

SIGNALS = {
    "mesh": {
        "class": "Mesh",
        "framework": "mediapipe",
        "requires": {"modules": ["ai_edge_litert", "mediapipe"]},
        "assets": {
            "mesh": {
                "package": "mediapipe",
                "file": "modules/face_landmark/face_landmark.tflite",
                "sha256": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                "size": 1242398,
            }
        },
        "options": {"presence": 0.5, "closed": 0.2},
        "au_threshold": 2.0,
        "lips": True,
        "licence": "MIT (mesh and canonical face: Apache-2.0)",
        "source": "https://github.com/google-ai-edge/mediapipe",
        "error": {
            "pose_yaw": "compressed: a head turned by 30° reads as about 15° (docs/signals.md)"
        },
        "notes": "pose: relative, compressed; units: thresholds read off drawn faces",
    },
    "iris": {
        "class": "MeshAndIris",
        "framework": "mediapipe",
        "requires": {"modules": ["ai_edge_litert", "mediapipe"]},
        "assets": {
            "mesh": {
                "package": "mediapipe",
                "file": "modules/face_landmark/face_landmark.tflite",
                "sha256": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                "size": 1242398,
            },
            "iris": {
                "package": "mediapipe",
                "file": "modules/iris_landmark/iris_landmark.tflite",
                "sha256": "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
                "size": 2640568,
            },
        },
        "options": {"presence": 0.5, "closed": 0.2},
        "au_threshold": 2.0,
        "lips": True,
        "gaze_frame": "head",
        "licence": "MIT (networks and canonical face: Apache-2.0)",
        "source": "https://github.com/google-ai-edge/mediapipe",
        "error": {
            "pose_yaw": "compressed: a head turned by 30° reads as about 15° (docs/signals.md)"
        },
        "notes": "as mesh, and gaze: relative, not calibrated",
    },
    "geometry_au": {
        "class": "GeometryUnits",
        "framework": "mediapipe",
        "requires": {"modules": ["ai_edge_litert", "mediapipe"]},
        "assets": {
            "mesh": {
                "package": "mediapipe",
                "file": "modules/face_landmark/face_landmark.tflite",
                "sha256": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                "size": 1242398,
            }
        },
        "options": {"presence": 0.5},
        "au_threshold": 2.0,
        "licence": "MIT (mesh: Apache-2.0)",
        "source": "https://github.com/google-ai-edge/mediapipe",
        "notes": "the units of the model geometry and of the signal mesh, alone",
    },
}

_UNIT_COLUMNS = tuple(map(unit_column, UNITS))


def _units(points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of action units of upright meshes (n, 468, 2)."""
    return dict(zip(_UNIT_COLUMNS, action_units(measures(points)).values(), strict=True))


class GeometryUnits:
    """Action units by the distances between landmarks."""

    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    columns: tuple[str, ...] = _UNIT_COLUMNS

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._mesh = FaceMesh(assets["mesh"])
        self._options = card["options"]

    def read(self, crops: Crops) -> SignalReading:
        points, presence = self._mesh.landmarks(crops)
        return SignalReading(_units(points), presence >= self._options["presence"])


class Mesh:
    """Landmarks, head pose, lids, lips and action units of one mesh."""

    crop = CropSpec(size=(256, 256), channels=3, margin=0.4)
    columns: tuple[str, ...] = (
        *(*POSE, "eye_openness", "blink", "mouth_openness"),
        *_UNIT_COLUMNS,
        "landmarks",
    )

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        self._mesh = FaceMesh(assets["mesh"])
        self._options = card["options"]

    def read(self, crops: Crops) -> SignalReading:
        found = self._mesh.read(crops)
        points = found.in_crop()
        eyes = self._eyes(crops, points[:, :, :2])
        closed = eyes["eye_openness"] < self._options["closed"]
        return SignalReading(
            {
                **head_angles(points),
                **eyes,
                "blink": closed.astype(float),
                "mouth_openness": mouth.openness(points[:, :, :2]),
                **_units(found.points[:, :, :2]),
                "landmarks": points[:, :, :2].reshape(len(points), 2 * POINTS),
            },
            found.presence >= self._options["presence"],
        )

    def _eyes(self, crops: Crops, points: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the eyes show; points (n, 468, 2) are pixels of the crops."""
        return {"eye_openness": openness(points[:, np.array(CONTOURS)])}


class MeshAndIris(Mesh):
    """What `Mesh` measures and the gaze; lids are those that the iris network refines."""

    columns = (*Mesh.columns, *GAZE)

    def __init__(self, card: Mapping[str, Any], assets: Mapping[str, Path]):
        super().__init__(card, assets)
        self._iris = IrisNetwork(assets["iris"])

    def _eyes(self, crops: Crops, points: np.ndarray) -> dict[str, np.ndarray]:
        contours, irises = self._iris.eyes(crops, points)
        angles = dict(zip(GAZE, gaze(contours, irises[:, :, 0]), strict=True))
        return {"eye_openness": openness(contours), **angles}
