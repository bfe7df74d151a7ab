"""Frames made worse on the fly: which picture, which box, and why there is none."""

import gc
import weakref

import numpy as np
import pytest

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import Corruption, NotApplied, Seen, generators
from faceoff.faces import worse_frames as module
from faceoff.faces.crops import calibrate
from faceoff.faces.worse_frames import Way, Worse, seen_face, worse_frames
from faceoff.media.images import encode_ppm
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec

BOX = CropJob(policy="largest")
WHOLE = CropJob(policy="largest", whole_frame=True)


def _picture(seed=0, size=(40, 60)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def _frame(image, sample="a", number=0, **columns):
    return {
        "sample_id": sample,
        "frame": number,
        "timestamp_s": number / 5,
        "state": "ok",
        "reason": None,
        "width": image.shape[1],
        "height": image.shape[0],
        "image": {"bytes": encode_ppm(image), "path": "a.ppm"},
        "boxes": None,
        "landmarks": None,
        **columns,
    }


def _face(x=10.0, y=5.0, w=20.0, h=24.0, **columns):
    face = {
        "sample_id": "a", "frame": 0, "timestamp_s": 0.0, "face_id": 0, "n_faces": 1, "success": 1,
        "state": "ok", "reason": None, "x": x, "y": y, "w": w, "h": h, "score": 0.9,
        "landmarks": [15.0, 12.0, 25.0, 12.0, 20.0, 17.0, 16.0, 23.0, 24.0, 23.0],
    }  # fmt: skip
    return face | columns


def _no_face():
    return _face(face_id=-1, success=0, state="no_face", reason="no face found") | dict.fromkeys(
        ("x", "y", "w", "h", "landmarks")
    )


def _way(kind, levels=None, box=BOX, **options):
    made = corruption_list.get(kind)
    return Way.of(kind, made.levels if levels is None else levels, options, 7, box)


def _made(apply, **described):
    """Return a way of a corruption of our own."""
    told = {"title": "own", "about": "", "source": "", "unit": "", "levels": (1.0, 2.0)}
    made = Corruption(apply=apply, on=described.pop("on", "picture"), **told, **described)
    return Way("own", made, made.levels, {}, 7, BOX)


def test_a_picture_is_made_worse_by_the_seed_of_its_sample_and_severity():
    image = _picture()
    ((_, versions),) = worse_frames([(_frame(image), [_face()])], _way("gaussian_noise"))
    made = corruption_list.get("gaussian_noise")
    for worse, value in zip(versions, made.levels, strict=True):
        rng, clip_rng = generators(7, "a", 0, "gaussian_noise", worse.severity)
        expected = made.apply(image, value, Seen(None, None, rng, clip_rng), made.options)
        np.testing.assert_array_equal(worse.image, expected)
    assert [worse.severity for worse in versions] == [1, 2, 3, 4, 5]


def test_a_frame_is_decoded_once(monkeypatch):
    calls = []
    real = module.image_of
    monkeypatch.setattr(module, "image_of", lambda frame: calls.append(1) or real(frame))
    [*worse_frames([(_frame(_picture()), [_face()])], _way("gaussian_noise"))]
    assert len(calls) == 1


def test_an_unreadable_frame_keeps_its_state_at_every_severity():
    frame = _frame(_picture(), state="unreadable", reason="truncated")
    rows = [_no_face() | {"state": "unreadable", "reason": "truncated"}]
    ((_, versions),) = worse_frames([(frame, rows)], _way("gaussian_noise"))
    assert {(worse.state, worse.reason) for worse in versions} == {("unreadable", "truncated")}
    assert all(worse.image is None for worse in versions)


def test_a_size_needs_a_face():
    """Without a face on the clean picture its size is not known, so the row says no face."""
    ((_, versions),) = worse_frames([(_frame(_picture()), [_no_face()])], _way("resize", (8.0,)))
    assert versions[0].state == "no_face"
    assert "size and place are not known" in versions[0].reason


def test_the_whole_picture_is_the_face_of_a_detector_that_boxes_nothing():
    frame = _frame(_picture(size=(48, 48)))
    ((_, versions),) = worse_frames(
        [(frame, [_face()])], _way("resize", (48.0, 12.0), WHOLE, interpolation="area")
    )
    np.testing.assert_array_equal(versions[0].image, _picture(size=(48, 48)))
    assert len(np.unique(versions[1].image.reshape(-1, 3), axis=0)) <= 12 * 12


def test_a_size_above_the_face_is_not_applied_unless_it_may_be():
    frame = _frame(_picture(size=(48, 48)))
    ((_, refused),) = worse_frames([(frame, [_face()])], _way("resize", (96.0,), WHOLE))
    assert (refused[0].state, refused[0].image) == ("not_applied", None)
    assert "allow_upscale" in refused[0].reason
    ((_, made),) = worse_frames(
        [(frame, [_face()])], _way("resize", (96.0,), WHOLE, allow_upscale=True)
    )
    assert made[0].image.shape == (96, 96, 3)
    assert made[0].scale(frame) == 2


def test_crops_of_an_enlarged_picture_are_of_the_same_face():
    """The box, in pixels of the frame, is enlarged with the picture."""
    image = np.zeros((48, 48, 3), np.uint8)
    image[10:30, 20:40] = 200
    frame, face = _frame(image), _face(20.0, 10.0, 20.0, 20.0, landmarks=None)
    crop = CropSpec(size=(16, 16), margin=0.0)
    large = Worse(1, np.repeat(np.repeat(image, 3, axis=0), 3, axis=1), [face])
    ((row, pixels),) = large.crops(frame, [face], crop, BOX)
    assert row["success"] == 1
    assert pixels.min() > 190


def test_true_boxes_go_before_detected_ones():
    """So that a face has the same size for every detector."""
    frame = _frame(_picture(), boxes=[[0.0, 0.0, 5.0, 5.0], [1.0, 2.0, 30.0, 20.0]],
                   landmarks=[[0.0] * 10, list(map(float, range(10)))])  # fmt: skip
    box, points = seen_face(frame, [_face()], BOX)
    assert box == (1.0, 2.0, 30.0, 20.0)
    np.testing.assert_array_equal(points, np.arange(10.0).reshape(5, 2))
    assert seen_face(_frame(_picture()), [_face()], BOX)[0] == (10.0, 5.0, 20.0, 24.0)
    assert seen_face(_frame(_picture()), [_no_face()], BOX) == (None, None)


def test_a_detected_box_is_calibrated():
    calibration = {"dx": 0.1, "dy": 0.0, "sx": 2.0, "sy": 1.5}
    job = CropJob(policy="largest", calibration=calibration)
    box, _ = seen_face(_frame(_picture()), [_face()], job)
    assert box == calibrate((10.0, 5.0, 20.0, 24.0), calibration)


def test_a_moved_box_leaves_the_picture_and_takes_the_landmarks_along():
    ((_, versions),) = worse_frames([(_frame(_picture()), [_face()])], _way("shift"))
    for worse in versions:
        (face,) = worse.faces
        moved = np.array([face["x"] - 10.0, face["y"] - 5.0])
        assert np.abs(moved).max() > 0
        np.testing.assert_array_equal(worse.image, _picture())
        points = np.reshape(face["landmarks"], (5, 2)) - np.reshape(_face()["landmarks"], (5, 2))
        np.testing.assert_allclose(points, np.tile(moved, (5, 1)))


@pytest.mark.parametrize("kind", ["shift", "scale"])
def test_every_face_of_a_clip_moves_alike(kind):
    """So that a box does not flicker where another face comes before it in the next frame."""
    first, second = _face(), _face(30.0, 10.0, face_id=1)
    read = [
        (_frame(_picture()), [first, second]),
        (_frame(_picture(), number=1), [{**second, "frame": 1}, {**first, "frame": 1}]),
    ]
    for severities in zip(*(versions for _, versions in worse_frames(read, _way(kind)))):
        one, other = ({row["face_id"]: row["x"] for row in worse.faces} for worse in severities)
        assert one == other
        assert one[0] - 10.0 == pytest.approx(one[1] - 30.0)


def test_a_row_without_a_face_is_not_moved():
    ((_, versions),) = worse_frames([(_frame(_picture()), [_no_face()])], _way("shift"))
    assert {worse.state for worse in versions} == {"no_face"}


def test_an_error_of_one_severity_is_a_row_of_its_own():
    def apply(image, value, seen, options):
        if value == 2:
            raise RuntimeError("codec says no")
        return image

    ((_, versions),) = worse_frames([(_frame(_picture()), [_face()])], _made(apply))
    assert [(worse.state, worse.reason) for worse in versions] == [
        ("ok", None),
        ("error", "RuntimeError: codec says no"),
    ]


def test_an_error_of_the_machine_ends_the_job():
    def apply(image, value, seen, options):
        raise MemoryError

    with pytest.raises(MemoryError):
        [*worse_frames([(_frame(_picture()), [_face()])], _made(apply))]


# ---------------------------------------------------------------- clips


def _clip(count, sample="a", bad=()):
    return [
        (
            _frame(_picture(number), sample, number)
            if number not in bad
            else _frame(_picture(number), sample, number, state="unreadable", reason="broken"),
            [_face(sample_id=sample, frame=number)],
        )
        for number in range(count)
    ]


def test_dropped_frames_have_a_reason_and_the_others_stay_as_they_are():
    found = [*worse_frames(_clip(40), _way("frame_drop", (0.5,)))]
    dropped = [versions[0].image is None for _, versions in found]
    assert 8 <= sum(dropped) <= 32
    for (frame, (worse,)), gone in zip(found, dropped, strict=True):
        if gone:
            assert (worse.state, worse.reason) == ("unreadable", "the frame is dropped")
        else:
            np.testing.assert_array_equal(worse.image, _picture(frame["frame"]))


def test_an_unreadable_frame_of_a_clip_is_not_shown_to_the_corruption():
    def apply(frames, value, seen, options):
        for number, image in enumerate(frames):
            yield np.full_like(image, number)

    found = [*worse_frames(_clip(5, bad=(1, 3)), _made(apply, on="clip"))]
    shown = [v[0].image if v[0].image is None else int(v[0].image[0, 0, 0]) for _, v in found]
    assert shown == [0, None, 1, None, 2]
    assert found[1][1][0].reason == "broken"


def test_a_still_picture_is_no_clip():
    ((_, versions),) = worse_frames(_clip(1), _way("frame_drop"))
    assert {(worse.state, worse.reason) for worse in versions} == {
        ("not_applied", "a still picture is no clip")
    }


def test_a_clip_that_fails_half_way_says_so_in_its_later_frames_only():
    def apply(frames, value, seen, options):
        for number, image in enumerate(frames):
            if value == 2 and number == 2:
                raise RuntimeError("encoder lost")
            yield image

    clips = [*_clip(4, "a"), *_clip(3, "b")]
    found = [*worse_frames(clips, _made(apply, on="clip"))]
    states = [(frame["sample_id"], [w.state for w in versions]) for frame, versions in found]
    assert states == [
        *[("a", ["ok", "ok"])] * 2,
        *[("a", ["ok", "error"])] * 2,
        *[("b", ["ok", "ok"])] * 2,
        ("b", ["ok", "error"]),
    ]
    assert found[3][1][1].reason == "RuntimeError: encoder lost"


def test_a_clip_that_cannot_be_made_worse_is_not_applied_throughout():
    def apply(frames, value, seen, options):
        raise NotApplied("no codec")
        yield

    found = [*worse_frames(_clip(3), _made(apply, on="clip"))]
    assert {(w.state, w.reason) for _, v in found for w in v} == {("not_applied", "no codec")}


def test_memory_of_a_long_clip_is_flat(monkeypatch):
    """Frames wait only as long as the slowest severity reads behind, also after a failure."""
    alive = []

    def frames():
        for number in range(200):
            frame, faces = _clip(1)[0]
            yield {**frame, "frame": number}, faces

    def apply(images, value, seen, options):
        held = []
        for image in images:
            held.append(image)
            if value == 2 and len(held) == 1:
                raise RuntimeError("lost")
            if len(held) > 3:
                yield held.pop(0)
        yield from held

    real = module.image_of

    def watched(frame):
        image = real(frame)
        alive.append(weakref.ref(image))
        return image

    peak = 0
    monkeypatch.setattr(module, "image_of", watched)
    for _, _ in worse_frames(frames(), _made(apply, on="clip")):
        gc.collect(0)
        peak = max(peak, sum(reference() is not None for reference in alive))
    assert len(alive) == 200
    assert peak <= 12
