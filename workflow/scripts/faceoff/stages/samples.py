"""Stage 1: list a dataset's samples as rows.

The file's metadata name the task that the samples belong to.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faceoff import emotions
from faceoff.plan.jobs import DatasetJob
from faceoff.plugins.group_files import read_groups, sources
from faceoff.plugins.open_dataset import open_dataset, selected
from faceoff.plugins.sample_rows import flat
from faceoff.progress import track
from faceoff.storage import columns, parquet


def write_samples(output: Path, job: DatasetJob) -> None:
    """Write the samples table, and name the classes of the space that no sample has.

    Raises ValueError when the dataset is empty, two samples have one id, a rating lies outside
    −1 … 1, or a table of groups names a group that the samples have.
    """
    dataset, options = open_dataset(job.source, job.class_name, job.options, job.seed)
    tables = [read_groups(section) for section in options.groups_from]
    version = dataset.version
    if options.part is not None:
        shares = "_".join(f"{share:g}" for share in options.shares)
        version += f"-{options.part}_of_{shares}_seed_{job.seed}"
    seen: set[str] = set()
    labels: set[str | None] = set()

    def rows() -> Iterator[dict[str, Any]]:
        listed = selected(dataset, options, job.seed, tables, job.dataset)
        for sample in track(listed, f"samples of {job.dataset}"):
            if sample.sample_id in seen:
                raise ValueError(
                    f"dataset {job.dataset}: sample id {sample.sample_id!r} stands twice"
                )
            for name in columns.DIMENSIONS:
                value = getattr(sample, name)
                if value is not None and not -1 <= value <= 1:  # also no number at all
                    raise ValueError(
                        f"dataset {job.dataset}: sample {sample.sample_id!r}: {name} {value} lies "
                        "outside −1 … 1"
                    )
            seen.add(sample.sample_id)
            labels.add(sample.label)
            yield {
                **asdict(sample),
                "groups": sorted(sample.groups.items()),
                "landmarks": flat(sample.landmarks),
            }
        if not seen:
            raise ValueError(
                f"dataset {job.dataset} is empty: no sample passes its options {job.options}"
            )

    space = emotions.scored_among(dataset.space)
    if options.space is not None:
        space = emotions.space(options.space, dataset.space)
    task = {
        "name": job.dataset,
        "type": job.type,
        "version": version,
        "space": space,
        "limited": options.limit is not None,
        "headline": job.headline,
        "group_sources": sources(tables),
    }
    metadata = {parquet.TASK: json.dumps(task, sort_keys=True)}
    parquet.write_rows(output, columns.SAMPLES.with_metadata(metadata), rows())
    absent = [emotion for emotion in space if emotion not in labels]
    if absent and labels != {None}:
        print(
            f"{job.dataset}: no sample of {', '.join(absent)}, although the space of the scores "
            "has it",
            file=sys.stderr,
        )
