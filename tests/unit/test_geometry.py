"""Face-mesh geometry: invariances, and that each action unit answers to its own movement."""

import cv2
import numpy as np
import pytest

from faceoff.emotions import EMOTIONS
from faceoff.faces import mesh, mesh_units
from faceoff.models import geometry


@pytest.fixture
def face() -> np.ndarray:
    """Return (1, 468, 2), a rigid, plausible arrangement.

    It has random points, with the named ones where a face has them.
    """
    points = np.random.default_rng(1).uniform(-0.6, 0.6, (468, 2))
    points[mesh.EYE_OUTER_L], points[mesh.EYE_OUTER_R] = (-0.5, 0), (0.5, 0)
    return points[None]


def test_normalise_undoes_shift_scale_and_roll(face):
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = face @ turn.T * 83 + [140, 95]
    assert np.allclose(mesh.normalise(moved), mesh.normalise(face))
    assert mesh.normalise(face)[0, mesh.EYE_OUTER_L] == pytest.approx([-0.5, 0])


def test_measures_do_not_depend_on_where_the_face_is(face):
    still, moved = mesh.measures(face), mesh.measures(face * 40 + 7)
    assert all(np.allclose(still[name], moved[name]) for name in still)


def rest() -> dict[str, np.ndarray]:
    """Return measures of a face at rest, by the model's own table."""
    values = {
        name: np.array([at_rest])
        for signs in mesh_units.READ_FROM.values()
        for name, at_rest, _ in signs
    }
    return values | {"corner_raise_L": np.array([0.01]), "corner_raise_R": np.array([0.01])}


def test_a_face_at_rest_shows_no_action_and_reads_neutral():
    units = mesh_units.action_units(rest())
    assert all(value[0] == pytest.approx(0) for value in units.values())
    assert max(score[0] for score in geometry.scores(units).values()) < 0.35


@pytest.mark.parametrize(
    ("unit", "measure", "direction"),
    [
        ("AU12", "corner_raise", 1),
        ("AU15", "corner_raise", -1),
        ("AU26", "mouth_open", 1),
        ("AU09", "nose_length", -1),
    ],
)
def test_an_action_unit_rises_with_its_movement_and_saturates_at_five(unit, measure, direction):
    found = [
        mesh_units.action_units(rest() | {measure: rest()[measure] + direction * step})[unit][0]
        for step in (0.0, 0.01, 0.02, 1.0)
    ]
    assert found == sorted(found)
    assert found[1] > 0
    assert found[-1] == 5


def test_contempt_is_one_sided():
    left = mesh_units.action_units(rest() | {"corner_raise_L": np.array([0.05])})
    assert left["AU12L"][0] == 5
    assert left["AU12R"][0] == 0
    both = mesh_units.action_units(
        rest() | {"corner_raise_L": np.array([0.05]), "corner_raise_R": np.array([0.05])}
    )
    assert both["AU12L"][0] == both["AU12R"][0] == 0


def test_every_emotion_is_evaluable_and_in_canonical_order():
    assert geometry.evaluable() == EMOTIONS


def test_the_mesh_follows_a_turned_head():
    """The same drawn face, upright and rolled by 25 degrees, has nearly the same measures.

    The second pass works on an upright square.
    """
    from faceoff.assets import fetch
    from faceoff.drawing import scenes
    from faceoff.faces.crops import crop
    from faceoff.plugins import registry
    from faceoff.plugins.protocols import CropSpec

    weights = fetch.fetch(registry.get("model", "geometry").assets["mesh"])
    scene = next(scene for scene in scenes.plan("valid") if scene.rung == "plain")
    image, faces = scenes.draw(scene)
    upright = crop(image, faces[0].box, CropSpec(size=(256, 256), margin=0.6))
    rolled = cv2.warpAffine(upright, cv2.getRotationMatrix2D((128, 128), 25, 1.0), (256, 256))
    found = mesh.measures(mesh.FaceMesh(weights).landmarks(np.stack([upright, rolled]))[0])
    for name in ("mouth_width", "brow_inner", "nose_width", "eye_open"):
        assert found[name][0] == pytest.approx(found[name][1], abs=0.03), name
