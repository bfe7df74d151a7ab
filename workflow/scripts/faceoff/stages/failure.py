"""Write stand-ins for the output of a failed job.

The rest of the matrix and its report are then made without it.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from faceoff.storage import columns, files, parquet

_SIGNALS = {
    134: "aborted",
    137: "killed, probably out of memory",
    139: "segmentation fault",
    136: "arithmetic fault",
    132: "illegal instruction",
    142: "it took longer than a job may (key `job_hours` of the configuration)",
}
INTERRUPTED = {130, 143}  # someone stopped the run; the job did not fail, so record nothing


def reason_of(status: int, log: Path) -> str:
    """Return the last line of a failed job's log, or the signal that ended it."""
    if status in _SIGNALS:
        return f"{_SIGNALS[status]} (exit status {status})"
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no message"]
    return f"{lines[-1][:400]} (exit status {status})"


def upstream_failures(paths: Sequence[Path]) -> list[str]:
    """Return the failed files that the inputs of a job declare."""
    failed: list[str] = []
    for path in paths:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                failed += stored["failed_files"].tolist() if "failure" in stored else []
        elif path.suffix != ".parquet":
            failure = files.failure_of(path)
            failed += failure["failed_files"] if failure else []
        else:
            failed += parquet.failed_files(path)
    return failed


def record_failure(
    kind: str,
    status: int,
    log: Path,
    output: Path,
    frames: Path | None = None,
    timing: Path | None = None,
    upstream: Sequence[Path] = (),
    about: Mapping[str, str] | None = None,
    also: Sequence[Path] = (),
) -> None:
    """Write error rows (or a failed training or timing) with the reason.

    The file is marked, so that the next run makes it again.

    kind: faces, predictions, signals, segments, speech, saliency, trained, network or latency.

    frames: the table whose frames get the rows of faces, predictions or signals; of sounds, the one
    whose clips get those of segments or speech.

    about: the dataset, detector and model, which a latency file names.

    also: further files that the training of a network should have made.
    """
    schema: pa.Schema
    reason = reason_of(status, log)
    failed = [str(output), *upstream_failures(upstream)]
    if timing:
        files.write_json(timing, {"failed": True})
    if kind == "latency":
        files.write_json(output, {**(about or {}), "state": columns.ERROR, "reason": reason})
        return
    if kind == "network":
        for path in (output, *also):
            files.write_failure(path, reason, [*failed, *map(str, also)])
        return
    if kind == "trained":
        with files.atomic(output) as scratch, open(scratch, "wb") as file:
            np.savez(file, failure=np.array(reason), failed_files=np.array(failed))
        return
    if kind == "saliency":
        schema = parquet.with_failure(columns.SALIENCY, failed)
        row = {"sample_id": "", "state": columns.ERROR, "reason": reason}
        parquet.write_rows(output, schema, [row])
        return
    if frames is None:
        raise ValueError(f"the rows of failed {kind} need the table of frames, or of sounds")
    schema = {
        "faces": columns.FACES,
        "predictions": columns.predictions_schema(()),
        "signals": columns.signals_schema(()),
        "segments": columns.SEGMENTS,
        "speech": columns.speech_schema(()),
    }[kind]
    error = {"success": 0, "state": columns.ERROR, "reason": reason}
    if "segment" in schema.names:  # one row for each clip, however many parts its sound has
        clips = (row["sample_id"] for row in parquet.rows(frames, ["sample_id"]))
        rows = ({"sample_id": clip, "segment": -1} | error for clip, _ in groupby(clips))
    else:
        error |= {"face_id": -1, "n_faces": 0}
        keys = parquet.rows(frames, ["sample_id", "frame", "timestamp_s"])
        rows = (key | error for key in keys)
    parquet.write_rows(output, parquet.with_failure(schema, failed), rows)
