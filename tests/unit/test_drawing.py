"""The drawn faces: deterministic, stratified, and true to their labels."""

import hashlib
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from faceoff.datasets import posed as posed_module
from faceoff.datasets._drawn_faces import kept_drawings
from faceoff.datasets.posed import Posed, PosedOptions
from faceoff.drawing import scenes
from faceoff.drawing.expressions import INTENSITIES, PROTOTYPES, action_units
from faceoff.drawing.face import Look, draw_face, locate_face
from faceoff.drawing.identities import COUNT, identity, names
from faceoff.drawing.light import Light
from faceoff.drawing.pose import Placement, Pose, project, source_map
from faceoff.drawing.raster import pixels
from faceoff.drawing.seeds import stream
from faceoff.drawing.shape import activation, face_shape
from faceoff.emotions import EMOTIONS
from faceoff.media.images import decode_image
from faceoff.plugins.protocols import Sample

SCRIPTS = Path(scenes.__file__).resolve().parents[2]
SPLITS = tuple(COUNT)


def one_per_rung(split: str = "test") -> list[scenes.Scene]:
    found: dict[str, scenes.Scene] = {}
    for scene in scenes.plan(split):
        found.setdefault(scene.rung, scene)
    return list(found.values())


def digest(scene: scenes.Scene) -> str:
    image, faces = scenes.draw(scene)
    return hashlib.sha256(image.tobytes() + repr(faces).encode()).hexdigest()


def test_same_bytes_in_another_process_and_order() -> None:
    chosen = one_per_rung()
    here = {scene.sample_id: digest(scene) for scene in chosen}
    code = (
        "import hashlib, sys\n"
        "from faceoff.drawing import scenes\n"
        "plan = {s.sample_id: s for s in scenes.plan('test')}\n"
        "for name in sys.argv[1:]:\n"
        "    image, faces = scenes.draw(plan[name])\n"
        "    print(name, hashlib.sha256(image.tobytes() + repr(faces).encode()).hexdigest())\n"
    )
    reverse = [scene.sample_id for scene in reversed(chosen)]
    out = subprocess.run(
        [sys.executable, "-c", code, *reverse],
        env={"PYTHONPATH": str(SCRIPTS), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert dict(line.split() for line in out.splitlines()) == here


def test_another_seed_draws_another_picture_of_the_same_plan() -> None:
    first, second = scenes.plan("test", 0)[0], scenes.plan("test", 1)[0]
    assert first.cast == second.cast
    assert digest(first) != digest(second)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Posed, Sample, Path]:
    """Return the posed dataset, one of its samples, and the empty cache that it draws into."""
    monkeypatch.setenv("FACEOFF_CACHE", str(tmp_path / "cache"))
    posed = Posed(PosedOptions())
    return posed, next(posed.samples()), tmp_path / "cache"


def test_a_picture_is_drawn_once_and_then_kept(drawn: tuple[Posed, Sample, Path]) -> None:
    posed, sample, cache = drawn
    first = posed.read(sample)
    scene = scenes.plan("test")[0]
    assert np.array_equal(decode_image(first), scenes.draw(scene)[0])
    (kept,) = cache.rglob("*.png")
    assert kept.read_bytes() == first
    kept.write_bytes(b"kept")
    assert Posed(PosedOptions()).read(sample) == b"kept"
    assert Posed(PosedOptions(seed=1)).read(sample) != b"kept"


def test_pictures_are_drawn_where_none_can_be_kept(drawn: tuple[Posed, Sample, Path]) -> None:
    posed, sample, cache = drawn
    cache.write_text("a file in the cache's place")
    assert np.array_equal(decode_image(posed.read(sample)), scenes.draw(scenes.plan("test")[0])[0])


def test_kept_drawings_are_apart_by_code_and_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Path(posed_module.__file__)
    now = kept_drawings(module, "test")
    with monkeypatch.context() as patch:
        patch.setattr("cv2.__version__", "0.1")
        assert kept_drawings(module, "test") != now
    monkeypatch.setattr("faceoff.datasets._drawn_faces.code_of", lambda *_: "edited")
    assert kept_drawings(module, "test") not in {now, kept_drawings(module, "other")}


def test_identities_are_disjoint_and_varied() -> None:
    everyone = [name for split in SPLITS for name in names(split)]
    assert len(everyone) == len(set(everyone)) >= 40
    cast = {
        split: {part.identity for scene in scenes.plan(split) for part in scene.cast}
        for split in SPLITS
    }
    assert sum(len(people) for people in cast.values()) == len(set.union(*cast.values()))
    people = [identity(name) for name in everyone]
    assert len({person.skin for person in people}) == len(people)
    assert {person.skin_tone for person in people} == set(range(1, 11))
    assert {person.age_group for person in people} == {"child", "adult", "older"}
    for attribute, least in (
        ("hair_style", 9),
        ("hair_colour", 5),
        ("eye_colour", 4),
        ("glasses", 3),
        ("beard", 4),
    ):
        assert len({getattr(person, attribute) for person in people}) >= least, attribute
    assert all(person.beard == "none" for person in people if person.age_group == "child")


@pytest.mark.parametrize("split", SPLITS)
def test_plan_is_stratified(split: str) -> None:
    planned = scenes.plan(split)
    assert planned == scenes.plan(split)
    assert len({scene.sample_id for scene in planned}) == len(planned)
    easy = Counter(
        (scene.cast[0].identity, scene.cast[0].emotion, scene.cast[0].intensity)
        for scene in planned
        if scene.rung in scenes.EASY
    )
    assert easy == {
        (name, emotion, level): 1
        for name in names(split)
        for emotion in EMOTIONS
        for level in INTENSITIES
    }
    for rung in scenes.HARD:
        shown = Counter(scene.cast[0].emotion for scene in planned if scene.rung == rung)
        assert set(shown) == set(EMOTIONS)
        assert len(set(shown.values())) == 1
        assert all(
            part.intensity == "apex"
            for scene in planned
            if scene.rung == rung
            for part in scene.cast
        )
    assert {len(scene.cast) for scene in planned if scene.rung == "multi"} == {2, 3}
    assert {len(scene.cast) for scene in planned if scene.rung == "empty"} == {0}


def test_sizes_of_the_splits() -> None:
    assert {split: len(scenes.plan(split)) for split in SPLITS} == {
        "train": 1050,
        "valid": 276,
        "test": 688,
    }
    with pytest.raises(ValueError, match="no such split: 'dev'"):
        scenes.plan("dev")


def test_boxes_and_landmarks_lie_where_they_must() -> None:
    for scene in scenes.plan("test"):
        w, h = scene.size
        faces = scenes.truth(scene)
        assert len(faces) == len(scene.cast)
        areas = [face.box[2] * face.box[3] for face in faces]
        assert areas == sorted(areas, reverse=True)
        for face in faces:
            x, y, bw, bh = face.box
            assert min(x, y, w - x - bw, h - y - bh) >= 0
            points = np.array(face.landmarks)
            assert points.shape == (5, 2)
            assert ((points > (x, y)) & (points < (x + bw, y + bh))).all()
            left_eye, right_eye, nose, left_mouth, right_mouth = points
            assert left_eye[0] < right_eye[0]
            assert left_mouth[0] < right_mouth[0]
            assert max(left_eye[1], right_eye[1]) < max(left_mouth[1], right_mouth[1])
            assert min(left_eye[0], left_mouth[0]) < nose[0] < max(right_eye[0], right_mouth[0])
            assert max(abs(face.valence), abs(face.arousal)) <= 1


def test_multi_is_labelled_by_its_largest_face() -> None:
    for scene in scenes.plan("test"):
        if scene.rung == "multi":
            assert scenes.truth(scene)[0].identity == scene.cast[0].identity


REQUIRED = {
    "happiness": {"AU06", "AU12"},
    "sadness": {"AU01", "AU04", "AU15"},
    "surprise": {"AU01", "AU02", "AU05", "AU26"},
    "fear": {"AU01", "AU02", "AU04", "AU05", "AU20"},
    "anger": {"AU04", "AU05", "AU07"},
}


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_action_units_follow_emfacs_and_rise_with_intensity(emotion: str) -> None:
    for n in range(20):
        drawn = [
            action_units(emotion, level, stream("test", emotion, n))
            for level in ("onset", "middle", "apex")
        ]
        assert all(0 <= value <= 5 for aus in drawn for value in aus.values())
        assert REQUIRED.get(emotion, set()) <= set(drawn[0])
        if emotion == "neutral":
            assert max(max(aus.values()) for aus in drawn) < 0.5
        else:
            assert set(drawn[0]) == set(drawn[1]) == set(drawn[2])
            assert all(drawn[0][unit] < drawn[1][unit] < drawn[2][unit] for unit in drawn[0])
        if emotion == "disgust":
            assert {"AU09", "AU10"} & set(drawn[0])
            assert {"AU15", "AU16", "AU17"} & set(drawn[0])
        if emotion == "anger":
            assert {"AU23", "AU24"} & set(drawn[0])
        if emotion == "contempt":
            assert {unit[-1] for unit in drawn[0]} in ({"L"}, {"R"})
    assert set(PROTOTYPES) == set(EMOTIONS)


def test_contempt_moves_one_side_of_the_mouth() -> None:
    who = identity("test00")
    rest, left = face_shape(who, {}), face_shape(who, {"AU12L": 4.0, "AU14L": 4.0})
    moved = np.abs(left.corners - rest.corners).sum(axis=1)
    assert moved[1] > 4  # the person's left is the viewer's right
    assert moved[0] < 0.2 * moved[1]
    with pytest.raises(ValueError, match="no such action unit: AU99"):
        activation({"AU99": 1.0})


@pytest.mark.parametrize(
    ("unit", "measure"),
    [
        ("AU01", lambda s: -s.brows[0][0, 1]),
        ("AU02", lambda s: -s.brows[0][14, 1]),
        ("AU04", lambda s: s.brows[0][0, 1]),
        ("AU05", lambda s: -s.upper_lids[0][6, 1]),
        ("AU07", lambda s: -s.lower_lids[0][6, 1]),
        ("AU09", lambda s: -s.alae[0, 1]),
        ("AU10", lambda s: -s.lip_top[20, 1]),
        ("AU12", lambda s: -s.corners[0, 1]),
        ("AU15", lambda s: s.corners[0, 1]),
        ("AU20", lambda s: -s.corners[0, 0]),
        ("AU24", lambda s: s.lip_top[20, 1] - s.lip_bottom[20, 1]),
        ("AU25", lambda s: s.lip_inner_bottom[20, 1] - s.lip_inner_top[20, 1]),
        ("AU26", lambda s: s.chin),
    ],
)
def test_each_unit_moves_its_part_the_way_facs_says(unit: str, measure: object) -> None:
    who = identity("test02")
    values = [measure(face_shape(who, {unit: level})) for level in (0, 1.5, 3, 4.5)]
    assert all(a < b for a, b in pairwise(values))


def test_lids_and_lips_never_cross() -> None:
    for name in names("train"):
        for emotion in EMOTIONS:
            shape = face_shape(
                identity(name), action_units(emotion, "apex", stream(name, emotion)), 0.12
            )
            for top, bottom in zip(shape.upper_lids, shape.lower_lids, strict=True):
                assert (top[:, 1] < bottom[:, 1]).all()
            assert (shape.lip_inner_top[:, 1] <= shape.lip_inner_bottom[:, 1]).all()
            for brow, lid in zip(shape.brows, shape.upper_lids, strict=True):
                assert brow[:, 1].max() < lid[:, 1].max()


@pytest.mark.parametrize("pose", [Pose(), Pose(34, 0, 0), Pose(-34, 5, 10), Pose(10, -5, -26)])
def test_projection_agrees_with_the_warp(pose: Pose) -> None:
    """Landmarks projected into the picture map back to the place on the head they came from."""
    who, placement = identity("test01"), Placement(150, 150, 0.8)
    shape = face_shape(who, {})
    points = np.concatenate([shape.outline[::6], shape.corners, shape.irises])
    source = source_map(pose, placement, (0, 0, 300, 300), step=1)
    for point, (x, y) in zip(points, project(points, pose, placement), strict=True):
        back = source[round(y), round(x)]
        assert np.abs(back - pixels(point[None])[0]).max() < 3.0


def test_draw_and_truth_agree_and_empty_scenes_have_no_face() -> None:
    for scene in one_per_rung("valid"):
        image, faces = scenes.draw(scene)
        assert image.dtype == np.uint8
        assert image.shape == (scene.size[1], scene.size[0], 3)
        assert faces == scenes.truth(scene)
        assert bool(faces) == (scene.rung != "empty")
        assert image.std() > 2


def test_faces_are_drawn_inside_their_box() -> None:
    """The pixels that a smile changes lie in the box that ``locate_face`` gives."""
    who, pose, placement, light = (
        identity("test06"),
        Pose(8, 0, 12),
        Placement(120, 125, 0.75),
        Light(),
    )
    rest, smile = (np.full((240, 240, 3), 128, np.float32) for _ in range(2))
    draw_face(rest, who, {}, pose, placement, light, Look())
    draw_face(smile, who, {"AU06": 4.5, "AU12": 4.5}, pose, placement, light, Look())
    rows, columns = np.nonzero(np.abs(smile - rest).max(axis=2) > 12)
    (x, y, w, h), _ = locate_face(who, {"AU06": 4.5, "AU12": 4.5}, pose, placement)
    assert rows.size > 200
    assert min(rows.min() - y, y + h - rows.max(), columns.min() - x, x + w - columns.max()) >= -3


def test_contact_sheet_has_a_header_and_a_tile_per_cell() -> None:
    sheet = scenes.contact_sheet(["train00", "test01"], ("neutral", "fear"), tile=96)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (26 + 2 * 96, 2 * 96, 3)
