"""Signals: rotations, head pose, eyes, and the way from a crop back to the frame."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faceoff.assets import face_embedding, fetch
from faceoff.drawing import identities, scenes
from faceoff.drawing.face import Look, draw_face
from faceoff.drawing.pose import Placement, Pose, project
from faceoff.drawing.shape import face_shape
from faceoff.faces import eyes, head_pose, signal_rows
from faceoff.faces.crops import crop, in_frame
from faceoff.faces.embedding import FaceEmbedding
from faceoff.faces.face_crops import crop_of_each, face_crops
from faceoff.faces.iris import IrisNetwork
from faceoff.faces.mesh import FaceMesh, Mesh
from faceoff.inference import hardware
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import asset_files
from faceoff.inference.prediction_rows import filled
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec, SignalReading
from faceoff.statistics import rotations
from faceoff.storage import columns

RNG = np.random.default_rng(5)
YAW, PITCH, ROLL = RNG.uniform(-180, 180, 50), RNG.uniform(-89, 89, 50), RNG.uniform(-180, 180, 50)
BASIS_FILE = "geometry_pipeline_metadata_landmarks.binarypb"


# -- rotations -------------------------------------------------------------------------------------


def test_rotations_are_scipys_and_those_that_draw_heads() -> None:
    found = rotations.rotations(YAW, PITCH, ROLL)
    theirs = Rotation.from_euler("ZXY", np.column_stack([ROLL, PITCH, YAW]), degrees=True)
    assert found == pytest.approx(theirs.as_matrix(), abs=1e-12)
    drawn = Pose(yaw=20, pitch=-7, roll=11).rotation()
    assert rotations.rotations(np.array([20]), np.array([-7]), np.array([11]))[0] == pytest.approx(
        drawn
    )


def test_angles_undo_rotations() -> None:
    found = rotations.angles(rotations.rotations(YAW, PITCH, ROLL))
    for angle, known in zip(found, (YAW, PITCH, ROLL), strict=True):
        assert angle == pytest.approx(known, abs=1e-6)


def test_the_geodesic_is_scipys_magnitude() -> None:
    a, b = Rotation.random(40, random_state=1), Rotation.random(40, random_state=2)
    found = rotations.geodesic(a.as_matrix(), b.as_matrix())
    assert found == pytest.approx(np.degrees((a.inv() * b).magnitude()), abs=1e-6)
    assert rotations.geodesic(a.as_matrix(), a.as_matrix()) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("angle", "expected"), [(0, 0), (180, 180), (-180, 180), (181, -179), (350, -10), (-725, -5)]
)
def test_angles_are_wrapped(angle: float, expected: float) -> None:
    assert rotations.wrapped(np.array([angle])) == pytest.approx([expected])


def test_gaze_goes_to_the_viewers_right_and_up_and_back() -> None:
    right, up = rotations.directions(np.array([30.0, 0.0]), np.array([0.0, 20.0]))
    assert right == pytest.approx([0.5, 0, np.sqrt(0.75)])
    assert up[1] < 0
    pitch = np.clip(PITCH, -80, 80)
    again = rotations.gaze_angles(3 * rotations.directions(YAW, pitch))
    assert again[0] == pytest.approx(YAW, abs=1e-6)
    assert again[1] == pytest.approx(pitch, abs=1e-6)


def test_the_angle_of_gazes_is_that_of_the_protocols_vectors() -> None:
    """Protocol §50 has x and z mirrored."""

    def theirs(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
        phi, theta = np.radians(yaw), np.radians(pitch)
        parts = -np.cos(theta) * np.sin(phi), -np.sin(theta), -np.cos(theta) * np.cos(phi)
        return np.stack(parts, axis=-1)

    a, b = (YAW[:25], PITCH[:25]), (YAW[25:], PITCH[25:])
    expected = np.degrees(np.arccos((theirs(*a) * theirs(*b)).sum(axis=1)))
    found = rotations.between(rotations.directions(*a), rotations.directions(*b))
    assert found == pytest.approx(expected, abs=1e-6)


# -- head pose -------------------------------------------------------------------------------------


def turned(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray, scale: float = 9.0) -> np.ndarray:
    """Return meshes (n, 468, 3) of the canonical face, turned, scaled and moved; others are far."""
    model = head_pose.CANONICAL * (1, -1, 1)
    seen = scale * model @ rotations.rotations(yaw, pitch, roll).transpose(0, 2, 1) + (80, 90, 7)
    points = np.full((len(yaw), 468, 3), 1e3)
    points[:, head_pose.BASIS] = seen * (1, 1, -1)
    return points


def test_the_pose_of_a_turned_canonical_face_is_how_it_was_turned() -> None:
    yaw, pitch, roll = YAW / 3, PITCH / 3, ROLL
    found = head_pose.head_angles(turned(yaw, pitch, roll))
    assert found["pose_yaw"] == pytest.approx(yaw, abs=1e-6)
    assert found["pose_pitch"] == pytest.approx(pitch, abs=1e-6)
    assert found["pose_roll"] == pytest.approx(roll, abs=1e-6)


def test_a_head_is_never_turned_inside_out() -> None:
    noise = RNG.normal(size=(30, 468, 3))
    found = head_pose.head_rotations(noise)
    assert np.linalg.det(found) == pytest.approx(np.ones(30))


def test_the_basis_is_mediapipes() -> None:
    """Landmarks, weights and vertices are those of its metadata file, where that is at hand."""
    path = Path(os.environ.get("FACEOFF_MIRROR", "")) / BASIS_FILE
    if not path.is_file():
        pytest.skip(f"{BASIS_FILE} is not in FACEOFF_MIRROR")
    protos = pytest.importorskip(
        "mediapipe.modules.face_geometry.protos.geometry_pipeline_metadata_pb2"
    )
    known = protos.GeometryPipelineMetadata.FromString(path.read_bytes())
    vertices = np.array(known.canonical_mesh.vertex_buffer).reshape(-1, 5)[:, :3]
    weights = {basis.landmark_id: basis.weight for basis in known.procrustes_landmark_basis}
    assert dict(zip(head_pose.BASIS.tolist(), head_pose.WEIGHTS, strict=True)) == pytest.approx(
        weights
    )
    assert vertices[head_pose.BASIS] == pytest.approx(head_pose.CANONICAL, abs=1e-6)


# -- the mesh and the eyes -------------------------------------------------------------------------


def test_a_mesh_moves_back_into_its_crop() -> None:
    angle, scale = np.radians(30), 0.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = RNG.uniform(0, 192, (1, 468, 3))
    found = Mesh(points, np.ones(1), np.column_stack([turn, [4, 5]])[None]).in_crop()
    assert found[0, :, :2] == pytest.approx(points[0, :, :2] @ turn.T + (4, 5))
    assert found[0, :, 2] == pytest.approx(points[0, :, 2] * scale)


def test_the_mesh_of_a_tilted_face_lies_on_the_face() -> None:
    """Expect of a tilted picture what the level one gives, tilted."""
    pytest.importorskip("mediapipe")
    plugin = registry.get("signal", "mesh")
    network = FaceMesh(fetch.fetch(plugin.assets["mesh"]))
    scene = next(s for s in scenes.plan("train") if s.rung == "plain")
    image, truth = scenes.draw(scene)
    level = crop(image, truth[0].box, CropSpec(size=(256, 256), margin=0.4))
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), 20, 1)
    tilted = cv2.warpAffine(level, matrix, (256, 256))
    straight, turned = network.read(np.stack([level, tilted])).in_crop()[:, :, :2]
    expected = (straight - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    assert np.abs(turned - expected).mean() < 1.5


def test_openness_is_the_gap_per_width() -> None:
    points = np.zeros((2, 468, 2))
    for right, left in ((133, 33), (263, 362)):
        points[:, right] = (10, 0)
        points[:, left] = (-10, 0)
    for upper, lower in ((160, 144), (159, 145), (158, 153), (385, 380), (386, 374), (387, 373)):
        points[0, upper] = (0, -3)
        points[0, lower] = (0, 3)
    contours = points[:, np.array(eyes.CONTOURS)]
    assert eyes.openness(contours) == pytest.approx([0.3, 0.0])


@pytest.mark.parametrize(("right", "down"), [(0.0, 0.0), (2.0, 0.0), (-3.0, 1.5), (0.0, -1.0)])
def test_gaze_is_how_far_the_iris_has_moved_on_its_ball(right: float, down: float) -> None:
    """Eyes of 30 mm, 2 px a mm, tilted by 15 degrees."""
    contours, irises = np.zeros((1, 2, 16, 2)), np.zeros((1, 2, 2))
    for eye, (middle, sign) in enumerate(((-32, -1), (32, 1))):
        contours[0, eye, 0], contours[0, eye, 8] = (middle + 15 * sign, 0), (middle - 15 * sign, 0)
        irises[0, eye] = (middle + right, down)
    angle = np.radians(15)
    turn = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    yaw, pitch = eyes.gaze(contours @ turn.T + 7, irises @ turn.T + 7)
    assert yaw == pytest.approx([np.degrees(np.arcsin(right / 12))])
    assert pitch == pytest.approx([-np.degrees(np.arcsin(down / 12))])


@pytest.mark.parametrize("batch", [None, 4, 64])
def test_a_network_for_one_picture_stays_so_whatever_batch_is_asked(
    batch: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_set", hardware.Hardware(batch=batch))
    plugin = registry.get("signal", "iris")
    signal = registry.load(plugin.source, plugin.class_name)(
        plugin.job().card, asset_files(plugin.job())
    )
    crops = np.zeros((6, *signal.crop.size, 3), np.uint8)
    assert signal.read(crops).evaluable.shape == (6,)


def test_irises_are_where_they_are_drawn_and_mirrored_eyes_come_back() -> None:
    """A gaze to one side and the other moves both irises that way; a mirrored face mirrors them."""
    pytest.importorskip("mediapipe")
    plugin = registry.get("signal", "iris")
    files = {role: fetch.fetch(asset) for role, asset in plugin.assets.items()}
    mesh, irises = FaceMesh(files["mesh"]), IrisNetwork(files["iris"])
    who, place = identities.identity("train00"), Placement(128, 135, 0.95)
    crops = []
    for right in (-0.9, 0.9):
        image = np.full((256, 256, 3), 150, np.float32)
        draw_face(image, who, {}, Pose(), place, look=Look(gaze=(right, 0.0)))
        crops.append(image.astype(np.uint8))
    batch = np.stack([*crops, crops[1][:, ::-1]])
    points = mesh.read(batch).in_crop()
    contours, found = irises.eyes(batch, points)
    yaw, _ = eyes.gaze(contours, found[:, :, 0])
    assert yaw[0] < -5 < 5 < yaw[1]
    assert yaw[2] == pytest.approx(-yaw[1], abs=2.5)
    shape = face_shape(who, {}, gaze=(0.9, 0.0))
    drawn = project(shape.irises, Pose(), place)
    assert np.abs(found[1, :, 0] - drawn).max() < 3
    assert irises.eyes(batch[:0], points[:0])[0].shape == (0, 2, 16, 2)


# -- crops and rows --------------------------------------------------------------------------------


def test_a_point_of_the_crop_is_found_in_the_frame() -> None:
    """A white pixel of the frame lies where its place in the crop is mapped to."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[60:64, 100:104] = 255
    spec = CropSpec(size=(256, 256), margin=0.4)
    for box in ((70.3, 20.6, 80.0, 90.0), (-10.0, 10.0, 170.0, 100.0), None):
        seen = crop(image, box, spec)[:, :, 0].astype(float)
        rows, places = np.mgrid[:256, :256] + 0.5
        middle = np.array([[(places * seen).sum(), (rows * seen).sum()]]) / seen.sum()
        assert in_frame(middle, box, spec, (300, 200)) == pytest.approx(
            np.array([[102.0, 62.0]]), abs=0.7
        )


class Corners:
    """A signal that knows its crop's corners and brightness, and reads no black crop."""

    crop = CropSpec(size=(32, 32), margin=0.0)
    columns = ("age", "landmarks")

    def read(self, crops: np.ndarray) -> SignalReading:
        mean = crops.reshape(len(crops), -1).mean(axis=1) if len(crops) else np.zeros(0)
        places = np.tile([0.0, 0, 32, 32], (len(crops), 1))
        return SignalReading({"age": np.where(mean > 200, np.nan, mean), "landmarks": places},
                             mean > 0)  # fmt: skip


JOB = CropJob(policy="largest", whole_frame=False, calibration=None)


def face(number: int, box: tuple[float, ...] | None, **more: object) -> dict:
    sides = dict(zip("xywh", box or (None,) * 4, strict=True))
    row = {"sample_id": "a", "frame": 0, "timestamp_s": 0.0, "face_id": number, "success": 1,
           "state": "ok", "reason": None, "score": 1.0, "landmarks": None, **sides}  # fmt: skip
    return row | more


def test_what_is_measured_stands_in_the_faces_row() -> None:
    image = np.full((40, 60, 3), 100, np.uint8)
    image[:, 30:] = 0
    image[:, 50:] = 255
    frame = {"width": 60, "height": 40}
    rows = [face(0, (0, 0, 10, 10)), face(1, (34, 5, 10, 10)), face(2, (50, 20, 10, 10))]
    found = crop_of_each(frame, rows, Corners.crop, JOB, image)
    measured = signal_rows.measurer(Corners())([pixels for _, pixels in found])
    placed = [
        signal_rows.placed(part, row, frame, Corners.crop, JOB)
        for part, (row, _) in zip(measured, found, strict=True)
    ]
    assert placed[0] == {"age": 100, "landmarks": [0, 0, 10, 10]}
    assert placed[1] == {
        "success": 0,
        "state": columns.NO_FACE,
        "reason": "the model found no face in the crop",
    }
    assert placed[2] == {"age": None, "landmarks": [50, 20, 60, 30]}, "255 is beyond what it knows"


def test_all_faces_keep_their_order_and_the_policys_choice_comes_first() -> None:
    image = np.full((40, 60, 3), 100, np.uint8)
    rows = [face(0, (0, 0, 5, 5)), face(1, (20, 5, 20, 20))]
    frame = {"width": 60, "height": 40}
    kept = crop_of_each(frame, rows, Corners.crop, JOB, image)
    assert [row["face_id"] for row, _ in kept] == [0, 1]
    every = CropJob(policy="all", whole_frame=False, calibration=None)
    chosen = face_crops(frame, rows, Corners.crop, every, image)
    assert [row["face_id"] for row, _ in chosen] == [1, 0]


def test_a_reading_of_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a reading of 2 rows has columns of other lengths: age 3"):
        SignalReading({"age": np.zeros(3)}, np.ones(2, bool))


def test_the_clock_counts_measured_faces() -> None:
    clock = Clock()
    filled(signal_rows.measurer(Corners()), [np.full((32, 32, 3), 9, np.uint8)] * 3, clock)
    assert clock.items == 3


def test_the_example_of_the_page_is_a_signal(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    (tmp_path / "brightness.py").write_text(code, encoding="utf-8")
    plugin = registry.get("signal", "brightness", (tmp_path,))
    signal = registry.load(plugin.source, plugin.class_name)(plugin.job().card, {})
    assert signal.read(np.full((1, 64, 64, 1), 51, np.uint8)).columns["age"] == pytest.approx([20])


def test_the_embedding_names_the_files_of_tracking() -> None:
    assert dict(registry.get("signal", "face_embedding").assets) == dict(face_embedding.ASSETS)


def test_the_embedding_of_a_crop_is_near_that_of_its_picture(mirror: Path) -> None:
    """The crop is resampled once more; two people are farther apart."""
    plugin = registry.get("signal", "face_embedding")
    files = {role: fetch.fetch(asset) for role, asset in plugin.assets.items()}
    signal = registry.load(plugin.source_name, plugin.class_name)(plugin.job().card, files)
    chosen = [s for s in scenes.plan("train") if s.rung == "plain"][:40:13]
    seen = [scenes.draw(scene) for scene in chosen]
    whole = np.stack([FaceEmbedding(files).embed(i, [truth[0].box])[0] for i, truth in seen])
    crops = np.stack([crop(image, truth[0].box, signal.crop) for image, truth in seen])
    found = signal.read(crops)
    assert found.evaluable.all()
    near = np.linalg.norm(found.columns["embedding"] - whole, axis=1)
    assert near.max() < 0.25 < np.linalg.norm(whole[0] - whole[1])
