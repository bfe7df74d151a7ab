"""Stage: extract the sound of a dataset's clips, for models that listen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceoff.media.images import DecodeError
from faceoff.media.sound import RATE, sounds
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import Dataset, Sample
from faceoff.plugins.sample_rows import sample_of
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_audio(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the audio table: one row for every sample, and one more for each further part of it.

    A sample without sound has a row `unreadable` with the reason.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)

    def rows() -> Iterator[dict[str, Any]]:
        for row in track(parquet.rows(samples), f"sound of {job.dataset}", parquet.count(samples)):
            yield from _rows(dataset, sample_of(row))

    parquet.write_rows(output, columns.AUDIO, rows())


def _rows(dataset: Dataset, sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the rows of a sample; where a later part cannot be read, the earlier ones stay."""
    part, name = 0, f"{sample.sample_id}.wav"
    about: dict[str, Any] = {"sample_id": sample.sample_id}
    try:
        if sample.kind not in {"video", "audio"}:
            raise DecodeError("pictures have no sound")
        for sound in sounds(dataset.file(sample)):
            yield about | {
                "part": part,
                "state": columns.OK,
                "reason": sound.note,
                "start_s": sound.start_s,
                "duration_s": sound.duration_s,
                "sampling_rate": RATE,
                "audio": {"bytes": sound.wav, "path": name},
            }
            part += 1
    except (DecodeError, OSError) as error:
        reason = (
            f"cannot read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
        )
        missing = {"part": part, "state": columns.UNREADABLE, "reason": reason}
        yield about | missing | {"audio": {"bytes": None, "path": name}}
