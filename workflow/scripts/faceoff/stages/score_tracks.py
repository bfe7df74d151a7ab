"""Stage: score the tracks and identities of a detector's faces against the people of clips."""

from pathlib import Path
from typing import Any

from faceoff.faces.true_people import followed_clips
from faceoff.plan.track_scores import TrackScoresJob
from faceoff.plugins.protocols import KIND
from faceoff.scoring.clip_tracks import counts_of, of_clip, of_kinds
from faceoff.scoring.identity_strips import most_telling, strip
from faceoff.storage import columns, files, parquet


def write_track_scores(
    samples: Path, frames: Path, faces: Path, output: Path, job: TrackScoresJob
) -> None:
    """Write the scores of one detector's tracks on one dataset as JSON.

    `state`: ok, or error with a `reason`; `parts`: scores of all clips and of each kind, with
    intervals by clip; `clips`: of each clip; `strips`: when people are seen in some clips.
    """
    about = {"dataset": job.dataset, "detector": job.detector, "policy": job.policy}
    files.write_json(output, about | _found(samples, frames, faces, job))


def _found(samples: Path, frames: Path, faces: Path, job: TrackScoresJob) -> dict[str, Any]:
    empty: dict[str, Any] = {"notes": [], "parts": [], "clips": [], "strips": []}
    if parquet.failed_files(faces):
        return {"state": columns.ERROR, "reason": "the detector or the tracker failed", **empty}
    if "track_id" not in parquet.read_schema(faces).names:
        return {"state": columns.ERROR, "reason": "there is no clip of several frames", **empty}
    rows = parquet.rows(samples, ["sample_id", "groups"])
    kinds = {row["sample_id"]: dict(row["groups"] or ()).get(KIND) for row in rows}
    said = {sample: kind for sample, kind in kinds.items() if kind is not None}
    clips = list(followed_clips(frames, faces, said, job.policy, job.calibration))
    if not clips:
        return {"state": columns.ERROR, "reason": "no frame says who is seen", **empty}
    counts = [counts_of(clip) for clip in clips]
    return {
        "state": columns.OK,
        "reason": None,
        "notes": parquet.notes_of(faces),
        "parts": of_kinds(clips, counts, job.seed),
        "clips": [of_clip(clip, own) for clip, own in zip(clips, counts, strict=True)],
        "strips": [strip(clip) for clip in most_telling(clips, job.clips)],
    }
