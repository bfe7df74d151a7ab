"""Stage: extract the sound of a dataset's clips, for models that listen."""

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
    """Write the audio table: one row for every sample.

    A sample without sound has a row `unreadable` with the reason.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)

    def rows() -> Iterator[dict[str, Any]]:
        for row in track(parquet.rows(samples), f"sound of {job.dataset}", parquet.count(samples)):
            sample = sample_of(row)
            name = f"{sample.sample_id}.wav"
            about = {"sample_id": sample.sample_id, "audio": {"bytes": None, "path": name}}
            try:
                if sample.kind not in {"video", "audio"}:
                    raise DecodeError("pictures have no sound")
                sound = extract_sound(dataset.file(sample))
            except DecodeError as error:
                yield about | {"state": columns.UNREADABLE, "reason": str(error)}
            except OSError as error:
                reason = f"cannot read: {error.strerror or error}"
                yield about | {"state": columns.UNREADABLE, "reason": reason}
            else:
                yield about | {
                    "state": columns.OK,
                    "reason": sound.note,
                    "start_s": sound.start_s,
                    "duration_s": sound.duration_s,
                    "sampling_rate": RATE,
                    "audio": {"bytes": sound.wav, "path": name},
                }

    parquet.write_rows(output, columns.AUDIO, rows())
