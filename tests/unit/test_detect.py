"""Detection: boxes found in the enlarged, bordered view lie where they belong in the frame.

What is kept and in which order; every frame has a row.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceoff.faces.detection_view import View, postprocess
from faceoff.faces.face_crops import face_crop
from faceoff.media.images import encode_png
from faceoff.plan.jobs import DetectJob
from faceoff.plugins import registry
from faceoff.plugins.jobs import CropJob, PluginJob
from faceoff.plugins.protocols import CropSpec, Face
from faceoff.stages.detect import write_faces
from faceoff.storage import files, parquet
from faceoff.storage.columns import FRAMES, OK, UNREADABLE

CARD = {"threshold": 0.5, "min_size": 8}


def square_at(x: int, y: int, side: int, width: int = 60, height: int = 40) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[y : y + side, x : x + side] = 255
    return image


def bright_box(image: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(image[..., 0] > 127)
    return (
        float(columns.min()),
        float(rows.min()),
        float(np.ptp(columns) + 1),
        float(np.ptp(rows) + 1),
    )


@pytest.mark.parametrize("upscale", [1, 2, 4])
@pytest.mark.parametrize("pad", [0.0, 0.25, 1.0])
def test_what_is_seen_in_the_view_is_where_it_is_in_the_frame(upscale: int, pad: float) -> None:
    frame = square_at(10, 20, 12)
    view = View.of(frame, upscale, pad)
    assert view.image.shape[:2] == (
        40 * upscale + 2 * round(pad * 40 * upscale),
        60 * upscale + 2 * round(pad * 60 * upscale),
    )
    box = view.in_frame(Face(bright_box(view.image), 0.9)).box
    assert box == pytest.approx((10, 20, 12, 12), abs=0.5)


def test_border_is_black_and_plain_view_is_the_frame_itself() -> None:
    frame = np.full((10, 20, 3), 200, np.uint8)
    assert View.of(frame, 1, 0.0).image is frame
    padded = View.of(frame, 1, 0.5).image
    assert np.array_equal(padded[5:15, 10:30], frame)
    assert not padded[:5].any()
    assert not padded[:, :10].any()
    assert not padded[15:].any()
    assert not padded[:, 30:].any()


@given(
    st.integers(1, 8),
    st.integers(0, 300),
    st.integers(0, 300),
    st.lists(st.floats(-500, 500), min_size=4, max_size=4),
)
def test_view_and_frame_are_inverse(scale: int, left: int, top: int, box: list[float]) -> None:
    x, y, w, h = box
    landmarks = np.array([[x, y]] * 5)
    view = View(np.zeros((1, 1, 3), np.uint8), scale, left, top)
    seen = Face(
        (x * scale + left, y * scale + top, w * scale, h * scale),
        0.5,
        landmarks * scale + [left, top],
    )
    back = view.in_frame(seen)
    assert back.box == pytest.approx((x, y, w, h), abs=1e-9)
    assert back.landmarks == pytest.approx(landmarks, abs=1e-9)
    assert back.score == 0.5
    assert view.in_frame(Face((0.0, 0.0, 1.0, 1.0), 0.1)).landmarks is None


@pytest.mark.parametrize(
    "face",
    [Face((0, 0, 20, 20), 0.49),
     Face((0, 0, 7.9, 20), 0.9), Face((0, 0, 20, 7.9), 0.9), Face((0, 0, 20, 20), float("nan")),
     Face((float("nan"), 0, 20, 20), 0.9),
     Face((0, 0, float("inf"), 20), 0.9), Face((0, 0, -20, 20), 0.9), Face((0, 0, 0, 20), 0.9)],
    ids=["weak", "narrow", "flat", "nan score", "nan box", "endless", "negative", "empty"],
)  # fmt: skip
def test_weak_tiny_and_malformed_faces_are_dropped(face: Face) -> None:
    good = Face((5, 5, 8, 8), 0.5)
    assert postprocess([face, good], CARD) == [good]
    assert postprocess([], CARD) == []
    assert postprocess([Face((0, 0, 0, 20), 0.9)], {"threshold": 0.0, "min_size": 0}) == []


def test_best_first_then_larger_then_leftmost() -> None:
    best, large, left, right = (
        Face((9, 0, 10, 10), 0.9),
        Face((9, 0, 20, 20), 0.8),
        Face((1, 0, 10, 10), 0.8),
        Face((5, 0, 10, 10), 0.8),
    )
    for faces in ([right, left, large, best], [large, right, best, left]):
        assert postprocess(faces, CARD) == [best, large, left, right]


PLUGIN = """
from faceoff.plugins.protocols import Face
DETECTORS = {"bright": {"class": "Bright"}}
class Bright:
    def __init__(self, card, assets):
        pass
    def detect(self, images):
        if any(image[0, 0, 0] == 66 for image in images):
            raise RuntimeError("a bad\\npicture")
        return [self._found(image) if image.any() else [] for image in images]
    def _found(self, image):
        first = Face((4.0, 8.0, 20.0, 20.0), float(image[0, 0, 0]) / 255)
        return [first, Face((0.0, 0.0, 10.0, 10.0), 0.6)]
"""


def frames_table(path: Path, first_pixels: list[int | None]) -> Path:
    def row(index: int, value: int | None) -> dict:
        row = {"sample_id": f"s{index}", "frame": 0, "timestamp_s": 0.0}
        if value is None:
            return row | {
                "state": UNREADABLE,
                "reason": "empty file",
                "image": {"bytes": None, "path": "x"},
            }
        return row | {
            "state": OK,
            "width": 32,
            "height": 32,
            "image": {"bytes": encode_png(np.full((32, 32, 3), value, np.uint8)), "path": "x"},
        }

    parquet.write_rows(path, FRAMES, (row(*item) for item in enumerate(first_pixels)))
    return path


def run(folder: Path, first_pixels: list[int | None], upscale: int = 1) -> list[dict]:
    return detected(frames_table(folder / "frames.parquet", first_pixels), folder, upscale)


def detected(frames: Path, folder: Path, upscale: int = 1) -> list[dict]:
    source = folder / "bright.py"
    source.write_text(PLUGIN)
    card = {"threshold": 0.5, "min_size": 4}
    plugin = PluginJob(name="bright", source=str(source), class_name="Bright", assets={}, card=card)
    job = DetectJob(dataset="d", detector="bright", upscale=upscale, plugin=plugin)
    write_faces(frames, folder / "faces.parquet", folder / "timing.json", job)
    assert files.read_json(folder / "timing.json")["dataset"] == "d"
    return list(parquet.rows(folder / "faces.parquet"))


def test_every_frame_has_a_row_with_its_state(tmp_path: Path) -> None:
    rows = run(tmp_path, [204, 0, None, 66, 102])
    states = [
        (row["sample_id"], row["state"], row["success"], row["face_id"], row["n_faces"])
        for row in rows
    ]
    assert states == [
        ("s0", "ok", 1, 0, 2), ("s0", "ok", 1, 1, 2),
        ("s1", "no_face", 0, -1, 0), ("s2", "unreadable", 0, -1, 0), ("s3", "error", 0, -1, 0),
        ("s4", "ok", 1, 0, 1),
    ]  # fmt: skip
    assert (rows[0]["x"], rows[0]["y"], rows[0]["score"]) == (4.0, 8.0, 0.8)
    assert rows[3]["reason"] == "empty file"
    assert rows[4]["reason"] == "RuntimeError: a bad picture"
    assert all(row["x"] is None for row in rows if not row["success"])


def test_a_frame_whose_bytes_do_not_decode_spoils_its_own_row_only(tmp_path: Path) -> None:
    """A frames table may come from elsewhere, or from another version of Pillow."""
    frames = list(parquet.rows(frames_table(tmp_path / "frames.parquet", [204, 204, 102])))
    frames[1]["image"] = {"bytes": frames[1]["image"]["bytes"][:-40], "path": "x"}
    parquet.write_rows(tmp_path / "frames.parquet", FRAMES, frames)
    rows = detected(tmp_path / "frames.parquet", tmp_path)
    assert [(row["sample_id"], row["state"], row["success"]) for row in rows] == [
        ("s0", "ok", 1),
        ("s0", "ok", 1),
        ("s1", "error", 0),
        ("s2", "ok", 1),
    ]
    assert rows[2]["reason"].startswith("DecodeError: cannot decode")


def test_a_face_whose_frame_does_not_decode_is_an_error_of_its_row() -> None:
    """`given` takes boxes from the table, so that the model's stage is the first to look at the
    picture.
    """
    frame = {"image": {"bytes": b"broken", "path": "x"}, "width": 32, "height": 32}
    face = {
        "face_id": 0,
        "success": 1,
        "state": OK,
        "reason": None,
        "x": 1.0,
        "y": 1.0,
        "w": 9.0,
        "h": 9.0,
        "score": 1.0,
        "landmarks": None,
    }
    job = CropJob(policy="largest")
    row, pixels = face_crop(frame, [face], CropSpec(size=(8, 8)), job)
    assert (row["state"], row["success"], row["reason"], pixels) == (
        "error",
        0,
        "not an image",
        None,
    )


def test_boxes_are_in_pixels_of_the_frame_and_min_size_too(tmp_path: Path) -> None:
    rows = run(tmp_path, [204], upscale=2)
    assert [(row["x"], row["y"], row["w"], row["h"]) for row in rows] == [
        (2.0, 4.0, 10.0, 10.0),
        (0.0, 0.0, 5.0, 5.0),
    ]


def test_many_frames_over_several_batches_stay_in_order(tmp_path: Path) -> None:
    values = [204, None, 0] * 20
    rows = run(tmp_path, values)
    assert list(dict.fromkeys(row["sample_id"] for row in rows)) == [
        f"s{index}" for index in range(60)
    ]


def test_detector_that_always_fails_fails_the_job(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="picture"):
        run(tmp_path, [66, 66])
    assert not (tmp_path / "faces.parquet").exists()


def test_given_faces_come_from_the_rows_whatever_the_view(tmp_path: Path) -> None:
    """Boxes and landmarks of the frames table, in frame pixels even where other detectors would see
    an enlarged picture.
    """
    points = [float(value) for value in range(10)]
    frames = [
        {"boxes": [[1.0, 2.0, 9.0, 9.0], [3.0, 4.0, 20.0, 20.0]], "landmarks": None},
        {"boxes": [[5.0, 5.0, 6.0, 7.0]], "landmarks": [points]},
        {},
    ]
    rows = (
        {
            "sample_id": f"s{index}",
            "frame": 0,
            "state": OK,
            "image": {"bytes": None, "path": "x"},
            **frame,
        }
        for index, frame in enumerate(frames)
    )
    parquet.write_rows(tmp_path / "frames.parquet", FRAMES, rows)
    plugin = registry.get("detector", "given").job()
    job = DetectJob(dataset="d", detector="given", upscale=4, pad=0.5, plugin=plugin)
    write_faces(
        tmp_path / "frames.parquet", tmp_path / "faces.parquet", tmp_path / "timing.json", job
    )
    found = list(parquet.rows(tmp_path / "faces.parquet"))
    assert [(row["sample_id"], row["state"], row["x"], row["w"]) for row in found] == [
        ("s0", "ok", 3.0, 20.0), ("s0", "ok", 1.0, 9.0), ("s1", "ok", 5.0, 6.0),
        ("s2", "no_face", None, None),
    ]  # fmt: skip
    assert found[2]["landmarks"] == points
