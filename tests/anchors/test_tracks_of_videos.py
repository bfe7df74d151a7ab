"""Real videos: who is followed, and for how long."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.plan.job_specs import Plan
from faceoff.scoring.tracks import cluster_scores
from faceoff.stages.detect import write_faces
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples
from faceoff.stages.tracks import write_tracks
from faceoff.storage import parquet

FPS = 5
# video -> frames of each person
VIDEOS: dict[str, list[int]] = {
    "multi_face.avi": [117, 116, 117],
    "woman2.mp4": [78],
    "WolfgangLanger_Pexels.mp4": [99],
    "face_noface.mov": [12],
    "no_face.mp4": [],
}


Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def tables(data: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """Return the faces of each video: followed, and each face as a track of its own."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "clips").mkdir()
    for name in VIDEOS:
        (folder / "clips" / name).symlink_to(data / "media/videos" / name)
    clips = {"type": "folder", "path": str(folder / "clips"), "labelled": False, "fps": FPS}
    plan = Plan(
        {
            "run": "v",
            "datasets": {"clips": clips},
            "detectors": {"yunet": {}},
            "models": {"fer": {}},
            "tracking": {},
        }
    )
    samples, frames, detections, faces = (
        folder / f"{name}.parquet" for name in ("samples", "frames", "detections", "faces")
    )
    timing = folder / "timing.json"
    write_samples(samples, plan.samples_job("clips"))
    write_frames(samples, frames, plan.frames_job("clips"))
    write_faces(frames, detections, timing, plan.detect_job("clips", "yunet"))
    job = plan.tracks_job("clips", "yunet")
    found = {}
    for name, told in (("followed", job), ("apart", replace(job, gap_s=0.5 / FPS))):
        write_tracks(frames, detections, timing, faces, timing, told)
        rows = list(parquet.rows(faces))
        found[name] = {
            video: [row for row in rows if row["sample_id"] == video and row["success"]]
            for video in VIDEOS
        }
    return found


@pytest.fixture(scope="module")
def rows(tables: dict[str, Rows]) -> Rows:
    return tables["followed"]


@pytest.mark.slow
@pytest.mark.parametrize("video", VIDEOS)
def test_people_and_their_frames(rows: Rows, video: str) -> None:
    """Boxes alone follow everyone without a break, so there are as many tracks as people."""
    counts = np.bincount([row["identity"] for row in rows[video]], minlength=len(VIDEOS[video]))
    assert counts.tolist() == VIDEOS[video]
    assert len({row["track_id"] for row in rows[video]}) == len(VIDEOS[video])


@pytest.mark.slow
def test_a_face_is_missing_where_it_is_gone(rows: Rows) -> None:
    """In face_noface.mov the last frame with a face is at 2.37 s, of 6.36 s."""
    seen = [row["frame"] for row in rows["face_noface.mov"]]
    assert seen == list(range(len(seen)))
    assert rows["face_noface.mov"][-1]["timestamp_s"] == 2.2


@pytest.mark.slow
def test_embeddings_tell_people_apart_without_any_track(tables: dict[str, Rows]) -> None:
    """Each face is a track; the three people of multi_face.avi who are followed are the truth."""
    followed, apart = (tables[name]["multi_face.avi"] for name in ("followed", "apart"))
    assert len({row["track_id"] for row in apart}) == len(apart)
    truth, found = ([row["identity"] for row in rows] for rows in (followed, apart))
    scores = cluster_scores(np.array(truth), np.array(found))
    assert scores.precision > 0.97
    assert scores.recall > 0.8
    assert {row["identity"] for row in tables["apart"]["woman2.mp4"]} == {0}
