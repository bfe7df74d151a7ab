"""Real videos: who is followed, and for how long."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceoff.plan.job_specs import Plan
from faceoff.stages.detect import write_faces
from faceoff.stages.frames import write_frames
from faceoff.stages.samples import write_samples
from faceoff.stages.tracks import write_tracks
from faceoff.storage import parquet

FPS = 5
# video -> people, and the most frames of FPS per second in which one of them is not seen
VIDEOS = {
    "multi_face.avi": (3, 1),
    "woman2.mp4": (1, 0),
    "WolfgangLanger_Pexels.mp4": (1, 0),
    "face_noface.mov": (1, 20),
    "no_face.mp4": (0, 0),
}


@pytest.fixture(scope="module")
def rows(
    data: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """Return the followed faces of each video."""
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
    write_tracks(frames, detections, timing, faces, timing, plan.tracks_job("clips", "yunet"))
    found = list(parquet.rows(faces))
    return {name: [row for row in found if row["sample_id"] == name] for name in VIDEOS}


@pytest.mark.slow
@pytest.mark.parametrize("video", VIDEOS)
def test_people_and_their_frames(rows: dict[str, list[dict[str, Any]]], video: str) -> None:
    people, most = VIDEOS[video]
    frames = len({row["frame"] for row in rows[video]})
    seen = [row["identity"] for row in rows[video] if row["success"]]
    counts = np.bincount(seen, minlength=people)
    assert len(counts) == people
    assert frames - counts.min(initial=frames) <= most
    tracks = {row["track_id"] for row in rows[video] if row["success"]}
    assert len(tracks) == people, "boxes alone follow them, too"


@pytest.mark.slow
def test_a_face_is_missing_where_it_is_gone(rows: dict[str, list[dict[str, Any]]]) -> None:
    """In face_noface.mov the last frame with a face is at 2.37 s, of 6.36 s."""
    seen = [row["success"] for row in rows["face_noface.mov"]]
    last = max(row["timestamp_s"] for row in rows["face_noface.mov"] if row["success"])
    assert seen == sorted(seen, reverse=True)
    assert last == 2.2
