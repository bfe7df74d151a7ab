"""The signal of MediaPipe's FaceLandmarker, on a task whose mesh is the package's own network.

Its blendshapes and irises are stand-ins; landmarks and head pose are real.
"""

from pathlib import Path
from typing import Any

import landmarker_task
import numpy as np
import pytest

from faceoff.assets import fetch
from faceoff.drawing import identities
from faceoff.drawing.face import draw_face, locate_face
from faceoff.drawing.pose import Placement, Pose
from faceoff.faces.crops import crop
from faceoff.faces.mesh import FaceMesh
from faceoff.plugins import registry

pytest.importorskip("mediapipe")
pytest.importorskip("ai_edge_litert")


@pytest.fixture(scope="module")
def signal(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = landmarker_task.write(tmp_path_factory.mktemp("task") / "face_landmarker.task")
    plugin = registry.get("signal", "landmarker")
    return registry.load(plugin.source_name, plugin.class_name)(
        plugin.job().card, {"landmarker": path}
    )


def head(pose: Pose, spec: Any) -> np.ndarray:
    who, place = identities.identity("train03"), Placement(120, 130, 0.72)
    image = np.full((240, 240, 3), 150, np.float32)
    draw_face(image, who, {}, pose, place)
    box, _ = locate_face(who, {}, pose, place)
    return crop(image.astype(np.uint8), box, spec)


@pytest.mark.parametrize(
    ("column", "turned", "other"),
    [
        ("pose_yaw", Pose(yaw=25), Pose(yaw=-25)),
        ("pose_roll", Pose(roll=20), Pose(roll=-20)),
    ],
)
def test_angles_have_the_drawn_heads_signs(
    signal: Any, column: str, turned: Pose, other: Pose
) -> None:
    found = signal.read(np.stack([head(turned, signal.crop), head(other, signal.crop)]))
    assert found.evaluable.all()
    assert found.columns[column][0] > 5
    assert found.columns[column][1] < -5


def test_landmarks_are_those_of_the_mesh(signal: Any) -> None:
    mesh = FaceMesh(fetch.fetch(registry.get("signal", "mesh").assets["mesh"]))
    crops = np.stack([head(Pose(), signal.crop), head(Pose(roll=15), signal.crop)])
    ours = mesh.read(crops).in_crop()[:, :, :2]
    theirs = signal.read(crops).columns["landmarks"].reshape(2, 478, 2)[:, :468]
    assert np.abs(ours - theirs).mean() < 2.5, "in pixels of 256; another edition of the network"


def test_no_face_is_no_reading(signal: Any, tmp_path: Path) -> None:
    black = np.zeros((256, 256, 3), np.uint8)
    found = signal.read(np.stack([black, head(Pose(), signal.crop)]))
    assert found.evaluable.tolist() == [False, True]
