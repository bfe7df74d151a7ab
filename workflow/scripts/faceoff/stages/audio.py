"""Stage: extract the sound of a dataset's clips, for models that listen."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.open_dataset import open_dataset
from faceoff.plugins.protocols import SpokenDataset
from faceoff.plugins.sample_rows import sample_of
from faceoff.progress import track
from faceoff.speech.sound_rows import sound_rows
from faceoff.storage import columns, parquet


def write_audio(samples: Path, output: Path, job: DatasetJob) -> None:
    """Write the audio table: one row for every sample, and one more for each further part of it.

    A sample without sound has a row `unreadable` with the reason.
    """
    dataset, _ = open_dataset(job.source, job.class_name, job.options, job.seed)

    def rows() -> Iterator[dict[str, Any]]:
        for row in track(parquet.rows(samples), f"sound of {job.dataset}", parquet.count(samples)):
            sample = sample_of(row)
            said = list(dataset.utterances(sample)) if isinstance(dataset, SpokenDataset) else None
            yield from sound_rows(
                sample.sample_id, sample.kind, partial(dataset.file, sample), said
            )

    parquet.write_rows(output, columns.AUDIO, rows())
