"""Detection: boxes of the enlarged, bordered view lie where they belong in the frame.

The tests also say which faces are kept, in which order; every frame has a row.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceoff.detectors import haar
from faceoff.drawing import scenes
from faceoff.faces import detection_view
from faceoff.faces.detection_view import View, postprocess
from faceoff.faces.face_crops import face_crop
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
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
    [
        Face((0, 0, 20, 20), 0.49),
        Face((0, 0, 7.9, 20), 0.9),
        Face((0, 0, 20, 7.9), 0.9),
        Face((0, 0, 20, 20), float("nan")),
        Face((float("nan"), 0, 20, 20), 0.9),
        Face((0, 0, float("inf"), 20), 0.9),
        Face((0, 0, -20, 20), 0.9),
        Face((0, 0, 0, 20), 0.9),
    ],
    ids=["weak", "narrow", "flat", "nan score", "nan box", "endless", "negative", "empty"],
)
def test_weak_tiny_and_malformed_faces_are_dropped(face: Face) -> None:
    good = Face((5, 5, 8, 8), 0.5)
    assert postprocess([face, good], CARD) == [good]
    assert postprocess([], CARD) == []
    assert postprocess([Face((0, 0, 0, 20), 0.9)], {"threshold": 0.0, "min_size": 0}) == []


def test_boxes_are_cut_to_what_the_detector_saw() -> None:
    view = View.of(np.zeros((40, 60, 3), np.uint8), 2, 0.0)  # 120 x 80

    def seen(*box: float) -> tuple[float, ...]:
        return view.found([Face(box, 0.9)])[0].box

    assert seen(20, 10, 30.5, 20.25) == (10, 5, 15.25, 10.125)
    assert seen(-10, -20, 50, 60) == (0, 0, 20, 20)
    assert seen(100, 60, 50, 60) == (50, 30, 10, 10)
    assert seen(-1e9, -1e9, 2e9, 2e9) == (0, 0, 60, 40)
    kept = {"threshold": 0.0, "min_size": 0}
    for box in ((-50, 0, 50, 20), (120, 0, 9, 9), (0, 80, 5, 5), (200, 300, 5, 5), (1e30, 0, 9, 9)):
        assert postprocess(view.found([Face(box, 1.0)]), kept) == [], box
    wrong = Face((1, 1, 20, 20), 0.9, np.array([[np.nan, 0.0]] * 5))
    assert postprocess(view.found([wrong]), kept) == []
    # A border is part of what it saw: a face may reach into it.
    bordered = View.of(np.zeros((40, 60, 3), np.uint8), 1, 0.5)
    assert bordered.found([Face((25, 10, 40, 40), 0.9)])[0].box == (-5, -10, 40, 40)


@given(st.lists(st.floats(allow_nan=True, width=32), min_size=4, max_size=4))
@example([1.0, 0.0, 2.2432686466143834e-40, 1.0])
def test_no_box_leaves_the_picture(box: list[float]) -> None:
    view = View.of(np.zeros((48, 64, 3), np.uint8), 1, 0.0)
    for face in postprocess(view.found([Face(tuple(box), 0.9)]), {"threshold": 0, "min_size": 0}):
        x, y, w, h = face.box
        assert 0 <= x < x + w <= 64
        assert 0 <= y < y + h <= 48


def test_a_large_picture_is_enlarged_no_further_than_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("faceoff.faces.detection_view.MAX_PIXELS", 10_000)
    assert View.of(np.zeros((20, 30, 3), np.uint8), 4, 0.0).scale == 4
    assert View.of(np.zeros((50, 50, 3), np.uint8), 4, 0.0).scale == 2
    assert View.of(np.zeros((200, 200, 3), np.uint8), 4, 0.0).scale == 1


def test_large_pictures_are_decoded_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights = [1, 2, 3, 4, 5, 6, 8, None]  # None: unreadable
    rows = (
        {
            "sample_id": str(number),
            "frame": 0,
            "width": None if height is None else 10,
            "height": height,
            "state": UNREADABLE if height is None else OK,
        }
        for number, height in enumerate(heights)
    )
    parquet.write_rows(tmp_path / "frames.parquet", FRAMES, rows)
    monkeypatch.setattr(detection_view, "BATCH_PIXELS", 70)
    batches = detection_view.in_memory(parquet.rows(tmp_path / "frames.parquet"))
    assert [[row["height"] for row in batch] for batch in batches] == [
        [1, 2, 3],
        [4],
        [5],
        [6],
        [8, None],
    ]


def test_haar_on_a_large_picture_finds_the_same_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pyramid loses the largest levels; boxes of the faces that stay are the same."""
    chosen = [scene for scene in scenes.plan("train") if scene.rung == "plain"]
    plugin = registry.get("detector", "haar")
    detector = load_plugin(plugin.job(), Clock())
    found = 0
    for scene in chosen[:60:10]:
        image = cv2.resize(scenes.draw(scene)[0], (1500, 1500), interpolation=cv2.INTER_LINEAR)
        monkeypatch.setattr(haar, "_LARGEST_LEVEL", 10**9)
        full = detector.detect([image])[0]
        monkeypatch.setattr(haar, "_LARGEST_LEVEL", 60_000)
        least = 24 * (1500 * 1500 / 60_000) ** 0.5
        large = [face.box for face in full if face.box[2] >= least]
        bounded = [face.box for face in detector.detect([image])[0]]
        assert [box for box in bounded if box in large] == large
        found += len(large)
    assert found >= 3


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
        return [self._detect(image) if image.any() else [] for image in images]
    def _detect(self, image):
        bright = Face((4.0, 8.0, 20.0, 20.0), float(image[0, 0, 0]) / 255)
        return [bright, Face((0.0, 0.0, 10.0, 10.0), 0.6)]
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
        ("s0", "ok", 1, 0, 2),
        ("s0", "ok", 1, 1, 2),
        ("s1", "no_face", 0, -1, 0),
        ("s2", "unreadable", 0, -1, 0),
        ("s3", "error", 0, -1, 0),
        ("s4", "ok", 1, 0, 1),
    ]
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
    """`given` takes boxes from the table, so the model's stage is the first to see the picture."""
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
    """Boxes and landmarks are in frame pixels even where other detectors enlarge the picture."""
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
        ("s0", "ok", 3.0, 20.0),
        ("s0", "ok", 1.0, 9.0),
        ("s1", "ok", 5.0, 6.0),
        ("s2", "no_face", None, None),
    ]
    assert found[2]["landmarks"] == points
