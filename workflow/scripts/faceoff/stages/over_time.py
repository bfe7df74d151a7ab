"""Stage: score a dataset's pipelines over time, as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from faceoff.plan.jobs import OverTimeJob
from faceoff.scoring.frame_truth import ClipFrames, read_frames, read_said
from faceoff.scoring.over_time import Pipeline, over_time
from faceoff.storage import columns, files, parquet


def write_over_time(
    samples: Path,
    frames: Path,
    bare: Sequence[Path],
    temporal: Sequence[Path],
    output: Path,
    job: OverTimeJob,
) -> None:
    """Write the scores over time of cells and fusions (`bare`) and of rules over time.

    bare, temporal: the predictions, in the order of the job's names.
    """
    read = read_frames(samples, frames)
    pipelines = [*_pipelines(read, frames, bare, temporal, job)]
    files.write_json(output, over_time(job.dataset, read, pipelines, job.seed))


def _pipelines(
    read: ClipFrames,
    frames: Path,
    bare: Sequence[Path],
    temporal: Sequence[Path],
    job: OverTimeJob,
) -> Iterator[Pipeline]:
    for name, path in zip(job.bare, bare, strict=True):
        yield _pipeline(name, None, path, read, frames)
    for (name, of), path in zip(job.temporal.items(), temporal, strict=True):
        yield _pipeline(f"temporal/{name}", of, path, read, frames)


def _pipeline(name: str, of: str | None, path: Path, read: ClipFrames, frames: Path) -> Pipeline:
    metadata = parquet.read_schema(path).metadata or {}
    learnt = json.loads(metadata.get(columns.LEARNT_OVER_TIME, b"null"))
    if parquet.failed_files(path):
        return Pipeline(name, of, None, "its job failed, see its log", learnt)
    return Pipeline(name, of, read_said(path, read, frames, stated=of is not None), None, learnt)
