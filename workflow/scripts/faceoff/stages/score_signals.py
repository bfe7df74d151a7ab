"""Stage: score a signal behind a detector against the true faces of a dataset."""

from pathlib import Path
from typing import Any

from faceoff.faces.true_pairs import paired
from faceoff.plan.signal_jobs import ScoreSignalsJob
from faceoff.scoring.signals_summary import signal_scores
from faceoff.scoring.task import owners
from faceoff.storage import files, parquet


def write_signal_score(
    samples: Path,
    frames: Path,
    faces: Path | None,
    signals: Path | None,
    true_faces: Path | None,
    output: Path,
    job: ScoreSignalsJob,
) -> None:
    """Write the scores as JSON; a skipped or failed signal has its reason instead.

    faces, signals: None only for a signal that the job skips; true_faces: None where the dataset
    does not know them, then only the coverage of the detected faces is told.

    Raises ValueError when a signal that is not skipped was not measured.
    """
    about = {
        "kind": "signal",
        "dataset": job.dataset,
        "detector": job.detector,
        "signal": job.signal,
        "au_threshold": job.au_threshold,
        "failed_files": [],
        "reason": None,
    }
    if job.skip:
        files.write_json(output, about | {"state": "skipped", "reason": job.skip})
        return
    if faces is None or signals is None:
        raise ValueError("a signal that is not skipped needs its table")
    if failed := parquet.failed_files(signals):
        reason = next(parquet.rows(signals))["reason"]
        found: dict[str, Any] = {"state": "error", "reason": reason, "failed_files": failed}
    else:
        found = {"state": "ok", **_coverage(faces, signals), "truth": true_faces is not None}
    if true_faces is not None and not failed:
        pairs = paired(frames, faces, signals, true_faces, job.policy)
        rows = parquet.rows(samples, ["sample_id", "subject"])
        subjects = {row["sample_id"]: row["subject"] for row in rows}
        found |= signal_scores(
            pairs.truth,
            pairs.measured,
            owners(pairs.sample_ids, [subjects[name] for name in pairs.sample_ids]),
            threshold=job.au_threshold,
            gaze_frame=job.gaze_frame,
            seed=job.seed,
        )
    files.write_json(output, about | found)


def _coverage(faces: Path, signals: Path) -> dict[str, int]:
    """Count the detected faces, and those of them that were measured."""
    return {
        "faces": sum(row["success"] for row in parquet.rows(faces, ["success"])),
        "measured": sum(row["success"] for row in parquet.rows(signals, ["success"])),
    }
