"""Stage: measure every face that a detector found with one signal."""

from pathlib import Path

from faceoff.faces.face_crops import BATCH
from faceoff.faces.signal_rows import signal_rows
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plan.signal_jobs import SignalsJob
from faceoff.plugins.protocols import FaceSignal
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_signals(frames: Path, faces: Path, output: Path, timing: Path, job: SignalsJob) -> None:
    """Write the table of a signal: a row for each row of the faces table.

    Raises RuntimeError where the faces could not be detected.
    """
    if parquet.failed_files(faces):
        raise RuntimeError(f"face detection failed: {next(parquet.rows(faces))['reason']}")
    clock = Clock()
    signal: FaceSignal = load_plugin(job.plugin, clock)
    title = f"{job.dataset}: {job.detector} x {job.signal}"
    rows = signal_rows(frames, faces, signal, job.crop, clock)
    schema = columns.signals_schema(signal.columns)
    parquet.write_rows(output, schema, track(rows, title, parquet.count(faces)))
    clock.write(
        timing,
        stage="signals",
        dataset=job.dataset,
        detector=job.detector,
        signal=job.signal,
        batch=BATCH,
    )
