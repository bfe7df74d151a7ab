"""The sound of a dataset's clips, beside their frames, for models that listen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceoff.media.images import DecodeError
from faceoff.media.sound import RATE, extract_sound
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.sample_rows import sample_of
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_audio(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the audio table: a row for every sample, `unreadable` with a reason where there is no sound."""
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)

    def rows() -> Iterator[dict[str, Any]]:
        for row in track(parquet.rows(samples), f"sound of {job.dataset}", parquet.count(samples)):
            sample = sample_of(row)
            about = {
                "sample_id": sample.sample_id,
                "audio": {"bytes": None, "path": f"{sample.sample_id}.wav"},
            }
            try:
                if sample.kind not in {"video", "audio"}:
                    raise DecodeError("pictures have no sound")
                sound = extract_sound(dataset.file(sample))
            except DecodeError as error:
                yield about | {"state": columns.UNREADABLE, "reason": str(error)}
            except OSError as error:
                yield about | {
                    "state": columns.UNREADABLE,
                    "reason": f"cannot read: {error.strerror or error}",
                }
            else:
                found = {
                    "state": columns.OK,
                    "start_s": sound.start_s,
                    "duration_s": sound.duration_s,
                    "sampling_rate": RATE,
                }
                yield about | found | {"audio": {**about["audio"], "bytes": sound.wav}}

    parquet.write_rows(output, columns.AUDIO, rows())
