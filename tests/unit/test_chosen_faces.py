"""The column-wise choice of faces gives what the row-wise one gives, and so does their matching."""

from pathlib import Path

import numpy as np
import pytest

from faceoff.faces import crops
from faceoff.faces.choice import POLICIES, choose
from faceoff.faces.chosen import SIDES, calibrate_all, chosen_faces, look_at_same_face
from faceoff.faces.face_crops import framed
from faceoff.statistics.limits import SAME_FACE
from faceoff.statistics.overlap import iou_of
from faceoff.storage import columns, parquet

SIZE = (640, 480)


def face_rows(rng: np.random.Generator, frames: int) -> list[list[dict]]:
    """Return the rows of each frame, few of them without a face; many values tie."""
    frame_rows = []
    for number in range(frames):
        count = int(rng.integers(0, 5))
        rows = []
        for face_id in range(max(count, 1)):
            x, y, w, h = (float(value) for value in 20 * rng.integers(1, 4, 4))
            found = {**dict(zip(SIDES, (x, y, w, h))), "score": float(rng.integers(1, 4)) / 4}
            rows.append({
                "sample_id": f"s{number // 3}",
                "frame": number % 3,
                "timestamp_s": 0.0,
                "face_id": face_id,
                "n_faces": count,
                "success": int(count > 0),
                "state": columns.OK if count else columns.NO_FACE,
                "reason": None,
                **(found if count else dict.fromkeys([*SIDES, "score"])),
                "landmarks": None,
            })  # fmt: skip
        frame_rows.append(rows)
    return frame_rows


def write_faces(path: Path, frame_rows: list[list[dict]]) -> Path:
    parquet.write_rows(path, columns.FACES, [row for rows in frame_rows for row in rows])
    return path


@pytest.mark.parametrize("policy", POLICIES)
def test_columns_choose_what_rows_choose(tmp_path: Path, policy: str) -> None:
    frame_rows = face_rows(np.random.default_rng(0), 400)
    sizes = np.tile(np.array(SIZE, float), (len(frame_rows), 1))
    faces = write_faces(tmp_path / "faces.parquet", frame_rows)
    chosen = chosen_faces(faces, sizes, policy, ["face_id"])
    expected = [choose(rows, policy, *SIZE) if rows[0]["success"] else None for rows in frame_rows]
    assert any(row is None for row in expected)
    assert any(row and row["n_faces"] > 2 for row in expected)
    for row, box, wanted in zip(chosen.as_rows(), chosen.boxes, expected, strict=True):
        if wanted is None or row is None:
            assert row is wanted is None
            assert np.isnan(box).all()
        else:
            assert (row["sample_id"], row["frame"], row["face_id"]) == (
                wanted["sample_id"],
                wanted["frame"],
                wanted["face_id"],
            )
            assert box.tolist() == [wanted[side] for side in SIDES]


def test_no_frames(tmp_path: Path) -> None:
    chosen = chosen_faces(write_faces(tmp_path / "f.parquet", []), np.empty((0, 2)), "largest")
    assert chosen.as_rows() == []
    assert chosen.boxes.shape == (0, 4)


@pytest.mark.parametrize("frames", [0, 3])
def test_a_table_of_other_frames_is_refused(tmp_path: Path, frames: int) -> None:
    faces = write_faces(tmp_path / "f.parquet", face_rows(np.random.default_rng(1), 4))
    with pytest.raises(ValueError, match=f"f.parquet is about 4 frames, not {frames}"):
        chosen_faces(faces, np.tile([640.0, 480.0], (frames, 1)), "largest")


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    faces = write_faces(tmp_path / "f.parquet", face_rows(np.random.default_rng(1), 4))
    with pytest.raises(ValueError, match="'smallest'; valid: largest, most_confident, centre"):
        chosen_faces(faces, np.tile([640.0, 480.0], (4, 1)), "smallest")


def test_overlap_of_arrays_is_that_of_boxes() -> None:
    boxes = np.random.default_rng(2).integers(0, 30, (60, 4)).astype(float)
    together = iou_of(boxes[:, None], boxes[None, :])
    expected = [[crops.iou(tuple(a), tuple(b)) for b in boxes] for a in boxes]
    assert together.tolist() == expected
    assert (together > 0.5).sum() > len(boxes)  # more than each box with itself
    assert (together == 0).any()


def test_overlap_with_a_missing_box_is_zero() -> None:
    box = np.array([0.0, 0.0, 10.0, 10.0])
    assert iou_of(box, np.full(4, np.nan)) == 0


def same_face(boxes: np.ndarray, scores: np.ndarray, names: list[str]) -> list[bool]:
    """Return which members look at the face of most, for one frame (members, 4).

    Ties go to the higher score, then to the name.
    """
    there = [index for index, box in enumerate(boxes) if not np.isnan(box[0])]
    agree = {
        a: [b for b in there if crops.iou(tuple(boxes[a]), tuple(boxes[b])) >= SAME_FACE]
        for a in there
    }
    by_name = sorted(there, key=lambda index: names[index])
    best = max(by_name, key=lambda index: (len(agree[index]), scores[index]), default=None)
    return [index not in there or index in agree[best] for index in range(len(boxes))]


def test_matching_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    places = rng.choice([0.0, 4.0, 40.0], (4, 5000, 2))  # more frames than a block has
    boxes = np.concatenate([places, np.full_like(places, 20.0)], axis=-1)
    boxes[rng.random(boxes.shape[:2]) < 0.2] = np.nan
    scores = rng.choice([0.5, 0.9], boxes.shape[:2])
    names = ["c/x", "a/x", "d/x", "b/x"]
    agrees = look_at_same_face(boxes, scores, names)
    assert agrees.T.tolist() == [
        same_face(boxes[:, frame], scores[:, frame], names) for frame in range(boxes.shape[1])
    ]
    assert 0.05 < 1 - agrees.mean() < 0.95


def test_matching_does_not_depend_on_the_order_of_members() -> None:
    rng = np.random.default_rng(4)
    places = rng.choice([0.0, 30.0, 60.0], (5, 300, 2))
    boxes = np.concatenate([places, np.full_like(places, 20.0)], axis=-1)
    scores, names = rng.choice([0.5, np.nan], (5, 300)), list("edcba")
    for _ in range(4):
        order = rng.permutation(5)
        mixed = look_at_same_face(boxes[order], scores[order], [names[m] for m in order])
        assert (mixed == look_at_same_face(boxes, scores, names)[order]).all()


def test_a_tie_goes_to_the_more_confident_detector_then_to_the_name() -> None:
    apart = np.array([[[0.0, 0, 10, 10]], [[50.0, 0, 10, 10]]])
    assert look_at_same_face(apart, np.array([[0.6], [0.9]]), ["a", "b"])[:, 0].tolist() == [
        False,
        True,
    ]
    alike = np.array([[0.9], [0.9]])
    assert look_at_same_face(apart, alike, ["b", "a"])[:, 0].tolist() == [False, True]


def test_boxes_are_calibrated_as_one_by_one() -> None:
    calibration = {"dx": 0.1, "dy": -0.2, "sx": 1.3, "sy": 0.8}
    boxes = np.array([[10.0, 20, 30, 40], [np.nan] * 4, [0, 0, 5, 6]])
    found = calibrate_all(boxes, calibration)
    assert tuple(found[0]) == pytest.approx(crops.calibrate((10, 20, 30, 40), calibration))
    assert np.isnan(found[1]).all()
    assert calibrate_all(boxes, None) is boxes


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (["a", "b"], "it ends where"),
        (["a", "b", "c", "d"], "comes after the last frame"),
        (["a", "c", "c"], "stands where"),
    ],
)
def test_faces_of_other_frames_are_refused(tmp_path: Path, seen: list[str], reason: str) -> None:
    frames = [{"sample_id": name, "frame": 0, "state": columns.OK} for name in "abc"]
    parquet.write_rows(tmp_path / "frames.parquet", columns.FRAMES, frames)
    shared = {"frame": 0, "face_id": 0, "n_faces": 0, "success": 0, "state": columns.NO_FACE}
    faces = [{"sample_id": name, **shared} for name in seen]
    parquet.write_rows(tmp_path / "faces.parquet", columns.FACES, faces)
    with pytest.raises(ValueError, match=reason):
        list(framed(tmp_path / "frames.parquet", tmp_path / "faces.parquet"))
