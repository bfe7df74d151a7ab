"""Stand-ins for the output of a failed job, so that the rest of the matrix and its report can be made."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from faceoff.storage import columns, files, parquet

_SIGNALS = {
    134: "aborted",
    137: "killed, probably out of memory",
    139: "segmentation fault",
    136: "arithmetic fault",
    132: "illegal instruction",
}
INTERRUPTED = {130, 143}  # the run was stopped, not the job: nothing is to be recorded


def reason_of(status: int, log: Path) -> str:
    """The last telling line of a failed job's log, or the signal that ended it."""
    if status in _SIGNALS:
        return f"{_SIGNALS[status]} (exit status {status})"
    lines = (
        [
            line.strip()
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
            if line.strip()
        ]
        if log.exists()
        else []
    )
    return (lines[-1] if lines else "no message")[:400] + f" (exit status {status})"


def upstream_failures(paths: Sequence[Path]) -> list[str]:
    """What failed before this job: the failed files that its inputs declare."""
    failed: list[str] = []
    for path in paths:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                failed += stored["failed_files"].tolist() if "failure" in stored else []
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
) -> None:
    """Write error rows (or a failed training or timing) with the reason, marked so that the next run makes the file again.

    about: the dataset, detector and model, for a kind whose file names them itself (latency).
    """
    reason = reason_of(status, log)
    failed = [str(output), *upstream_failures(upstream)]
    print(f"recorded: {reason}")
    if timing:
        files.write_json(timing, {"failed": True})
    if kind == "latency":
        files.write_json(output, {**(about or {}), "state": columns.ERROR, "reason": reason})
        return
    if kind == "trained":
        with files.atomic(output) as scratch, open(scratch, "wb") as file:
            np.savez(file, failure=np.array(reason), failed_files=np.array(failed))
        return
    schema: pa.Schema = {"faces": columns.FACES, "predictions": columns.predictions_schema(())}[
        kind
    ]

    def row(frame: dict[str, Any]) -> dict[str, Any]:
        return frame | {
            "face_id": -1,
            "n_faces": 0,
            "success": 0,
            "state": columns.ERROR,
            "reason": reason,
        }

    parquet.write_rows(
        output,
        parquet.with_failure(schema, failed),
        (row(frame) for frame in parquet.rows(frames, ["sample_id", "frame", "timestamp_s"])),
    )
