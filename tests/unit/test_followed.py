"""The stage `tracks`: tables of detections become tables of faces that are followed."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from faceoff.faces.choice import among
from faceoff.faces.chosen import chosen_faces
from faceoff.faces.face_crops import face_crop, framed
from faceoff.media.images import encode_png
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plan.jobs import TracksJob
from faceoff.plugins.jobs import CropJob
from faceoff.plugins.protocols import CropSpec
from faceoff.stages.tracks import write_tracks
from faceoff.storage import columns, files, parquet

JOB = TracksJob(dataset="d", detector="yunet", gap_s=1.0, cut=0.5)
SIZE = (320, 180)
SCENES = [np.full((180, 320, 3), colour, np.uint8) for colour in ((200, 30, 30), (30, 60, 220))]
Boxes = list[tuple[float, float, float]]  # x, y, side of each face


class Tables:
    """Frames and detections of clips in a folder. clips: (time, scene, faces) of each frame."""

    def __init__(self, folder: Path, clips: dict[str, list[tuple[float, int, Boxes]]]):
        self.frames, self.detections = folder / "frames.parquet", folder / "detections.parquet"
        self.timing, self.faces = folder / "detections.timing.json", folder / "faces.parquet"
        frames: list[dict[str, Any]] = []
        rows: list[dict[str, Any]] = []
        for sample, seen in clips.items():
            for number, (time_s, scene, boxes) in enumerate(seen):
                key = {"sample_id": sample, "frame": number, "timestamp_s": time_s}
                picture = {"bytes": encode_png(SCENES[scene]), "path": "x"}
                size = {"width": SIZE[0], "height": SIZE[1]}
                frames.append(key | size | {"state": columns.OK, "image": picture})
                state = columns.OK if boxes else columns.NO_FACE
                about = key | {"n_faces": len(boxes), "success": int(bool(boxes)), "state": state}
                rows += [
                    about | {"face_id": place, "x": x, "y": y, "w": side, "h": side, "score": 0.9}
                    for place, (x, y, side) in enumerate(boxes)
                ] or [about | {"face_id": -1}]
        parquet.write_rows(self.frames, columns.FRAMES, frames)
        parquet.write_rows(self.detections, columns.FACES, rows)
        files.write_json(self.timing, {"wall_s": 1.0})

    def track(self, job: TracksJob = JOB) -> list[dict[str, Any]]:
        """Follow the faces; return the rows."""
        timing = self.faces.with_suffix(".timing.json")
        write_tracks(self.frames, self.detections, self.timing, self.faces, timing, job)
        assert files.read_json(timing).keys() == {"wall_s", "tracking_s"}
        return list(parquet.rows(self.faces))


def column(rows: list[dict[str, Any]], sample: str, name: str) -> list[Any]:
    return [row[name] for row in rows if row["sample_id"] == sample]


# A large face that leaves after a second, and a small one that stays for two.
TWO = [
    (place / 10, 0, [*([(20.0, 40.0, 80.0)] if place < 10 else []), (200.0, 50.0, 40.0)])
    for place in range(20)
]


def test_stills_stay_as_they_are_to_the_byte(tmp_path: Path) -> None:
    stills = {f"s{number}": [(0.0, 0, [(10.0, 10.0, 40.0)])] for number in range(3)}
    tables = Tables(tmp_path, stills)
    tables.track()
    assert tables.faces.read_bytes() == tables.detections.read_bytes()


def test_clips_are_numbered_each_by_itself_and_stills_beside_them_have_no_track(
    tmp_path: Path,
) -> None:
    still = [(0.0, 0, [(10.0, 10.0, 40.0)])]
    rows = Tables(tmp_path, {"a": TWO, "b": still, "c": TWO[5:]}).track()
    assert column(rows, "a", "track_id") == [0, 1] * 10 + [1] * 10
    assert column(rows, "b", "track_id") == column(rows, "b", "main") == [None]
    assert column(rows, "c", "identity") == [0, 1] * 5 + [1] * 10
    assert column(rows, "a", "face_id") == [0, 1] * 10 + [0] * 10, "as the detector had them"


def test_the_main_person_is_the_one_with_the_largest_sum_of_areas(tmp_path: Path) -> None:
    rows = Tables(tmp_path, {"a": TWO, "c": TWO[8:]}).track()
    # 10 frames of 80 x 80 are more than 20 of 40 x 40; 2 of them are less than 12.
    assert column(rows, "a", "main") == [True, False] * 10 + [False] * 10
    assert column(rows, "c", "main") == [False, True] * 2 + [True] * 10


def test_a_cut_of_the_scene_ends_the_track_of_a_face_that_jumps(tmp_path: Path) -> None:
    def clip(scene: int) -> list[tuple[float, int, Boxes]]:
        before = [(n / 10, 0, [(100.0, 50.0, 60.0)]) for n in range(5)]
        return [*before, *((n / 10, scene, [(125.0, 50.0, 60.0)]) for n in range(5, 9))]

    rows = Tables(tmp_path, {"cut": clip(1), "moves": clip(0)}).track()
    assert column(rows, "cut", "track_id") == [0] * 5 + [1] * 4
    assert column(rows, "moves", "track_id") == [0] * 9


def test_without_a_network_identities_are_tracks_and_the_file_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = Tables(tmp_path, {"a": TWO})
    rows = tables.track()
    assert column(rows, "a", "identity") == column(rows, "a", "track_id")
    assert parquet.notes_of(tables.faces) == ["identities are tracks: no face was recognised"]
    assert "identities are tracks" in capsys.readouterr().out


def test_a_failed_detection_stays_failed(tmp_path: Path) -> None:
    tables = Tables(tmp_path, {"a": TWO})
    rows = list(parquet.rows(tables.detections))
    schema = parquet.with_failure(columns.FACES, [str(tables.detections)])
    parquet.write_rows(tables.detections, schema, rows)
    tables.track()
    assert parquet.failed_files(tables.faces) == [str(tables.detections), str(tables.faces)]


def test_no_face_ever_and_no_frame_are_tables_too(tmp_path: Path) -> None:
    rows = Tables(tmp_path, {"a": [(0.0, 0, []), (0.1, 0, [])]}).track()
    assert [(row["track_id"], row["state"]) for row in rows] == [(None, columns.NO_FACE)] * 2
    assert Tables(tmp_path, {}).track() == []


# -- the policy main_track -------------------------------------------------------------------------


def test_the_policy_reads_the_main_person_alone(tmp_path: Path) -> None:
    """Leave a frame without a face where that person is out of sight, row by row."""
    tables = Tables(tmp_path, {"a": TWO, "b": [(0.0, 0, [(10.0, 10.0, 40.0), (90.0, 9.0, 60.0)])]})
    tables.track()
    job, crop = CropJob(policy="main_track"), CropSpec(size=(8, 8))
    read = [face_crop(*pair, crop, job)[0] for pair in framed(tables.frames, tables.faces)]
    assert [row["w"] if row["success"] else None for row in read] == [80] * 10 + [None] * 10 + [60]
    assert {row["reason"] for row in read[10:20]} == {"the main person is out of sight"}
    sizes = np.array([SIZE] * len(read), float)
    chosen = chosen_faces(tables.faces, sizes, "main_track").boxes[:, 2]
    np.testing.assert_array_equal(chosen, [80] * 10 + [np.nan] * 10 + [60])
    largest = chosen_faces(tables.faces, sizes, "largest").boxes[:, 2]
    np.testing.assert_array_equal(largest, [80] * 10 + [40] * 10 + [60])


def test_other_policies_and_stills_may_choose_every_face() -> None:
    faces = [{"main": False}, {"main": True}]
    assert among(faces, "main_track") == faces[1:]
    assert among(faces[:1], "main_track") == []
    assert among(faces, "largest") is faces
    stills: list[dict[str, Any]] = [{}, {}]
    assert among(stills, "main_track") is stills


# -- the plan --------------------------------------------------------------------------------------

RAW: dict[str, Any] = {
    "run": "r",
    "datasets": {"posed": {}},
    "detectors": {"yunet": {}, "whole": {}},
    "models": {"fer": {}},
}


def test_a_run_without_the_section_has_no_further_file() -> None:
    assert not [file for file in Plan(RAW).files() if "detections" in file]
    assert not [asset for asset in Plan(RAW).assets() if asset.startswith("tracking")]
    tracked = {file for file in Plan({**RAW, "tracking": {}}).files() if "detections" in file}
    assert tracked == {
        f"results/r/detections/posed/{name}"
        for detector in ("yunet", "whole")
        for name in (f"{detector}.parquet", f"{detector}.timing.json")
    }


def test_the_main_track_needs_tracks() -> None:
    policy = {"faces": {"policy": "main_track"}}
    with pytest.raises(ConfigError, match="main_track needs tracks: add the section tracking"):
        Plan({**RAW, **policy})
    assert Plan({**RAW, **policy, "tracking": {}}).config.faces.policy == "main_track"


def test_no_face_is_recognised_in_whole_frames_or_if_not_asked_for() -> None:
    def told(detector: str, **section: Any) -> TracksJob:
        return Plan({**RAW, "tracking": section}).tracks_job("posed", detector)

    assert told("yunet").embedding is not None
    assert TracksJob.from_json(told("yunet").to_json()).to_json() == told("yunet").to_json()
    assert told("whole").embedding is None
    assert told("yunet", identities=False).embedding is None


def test_rows_are_read_by_their_places(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = [{"sample_id": f"s{number}", "frame": number} for number in range(600)]
    parquet.write_rows(path, pq.read_schema(Tables(tmp_path, {}).detections), (
        row | {"face_id": 0, "n_faces": 0, "success": 0, "state": "ok"} for row in rows
    ))  # fmt: skip
    assert pq.ParquetFile(path).num_row_groups > 2
    reader = parquet.RowReader(path)
    assert [reader.row(place)["frame"] for place in (0, 599, 256, 255, 3)] == [0, 599, 256, 255, 3]
    with pytest.raises(IndexError):
        reader.row(600)
