"""Stage: scatter a dataset's samples over independent jobs, and gather what those jobs wrote.

The gathered files are those that a single job would have written.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from faceoff.plan.jobs import ShardJob
from faceoff.storage import columns, files, parquet

_SUMS = ("load_s", "compute_s", "wall_s", "items", "tracking_s")
_PEAKS = ("p90_ms", "peak_rss_mib", "peak_vram_mib")


def write_shard(samples: Path, output: Path, job: ShardJob) -> None:
    """Write the samples of shard `number` of `shards`.

    A shard has consecutive rows, so that the shards in order are the dataset in order. Sizes differ
    by at most one; with more shards than samples some are empty.
    """
    total = parquet.count(samples)
    start, end = (total * place // job.shards for place in (job.number, job.number + 1))
    parquet.write_rows(output, pq.read_schema(samples), islice(parquet.rows(samples), start, end))


def gather(
    shards: Sequence[Path], output: Path, timings: Sequence[Path] = (), timing: Path | None = None
) -> None:
    """Join the shards' faces or predictions, and their timings.

    The table is, byte for byte, what one job would have written. If a shard's job failed, its rows
    say so, and the table asks for that shard (and itself) to be made again.
    """
    failed = [name for path in shards for name in parquet.failed_files(path)]
    # A failed shard does not know the model's classes; a sound one does.
    schemas = [pq.read_schema(path) for path in shards]
    schema = max(schemas, key=lambda schema: len(schema.names)).remove_metadata()
    worse = columns.with_severity(columns.FACES)
    for known in (columns.FACES, columns.TRACKED_FACES, columns.FEATURES, worse):
        if schema.names == known.names:
            schema = known  # a schema that was read back names the elements of lists otherwise
    if notes := dict.fromkeys(note for path in shards for note in parquet.notes_of(path)):
        schema = parquet.with_notes(schema, list(notes))
    parquet.write_rows(
        output,
        parquet.with_failure(schema, [str(output), *failed]) if failed else schema,
        chain.from_iterable(map(parquet.rows, shards)),
    )
    if timing is not None:
        files.write_json(timing, joined([files.read_json(path) for path in timings]))


def gather_media(shards: Sequence[Path], output: Path) -> None:
    """Write a table without rows that names the files of the shards' frames or sounds, in order.

    Media are not copied: whoever reads the table reads those files.
    """
    named = pq.read_schema(shards[0]).names
    schema = columns.AUDIO if columns.AUDIO.names == named else columns.FRAMES
    names = [os.path.relpath(path, output.parent) for path in shards]
    metadata = {**schema.metadata, parquet.SHARDS: json.dumps(names)}
    parquet.write_rows(output, schema.with_metadata(metadata), ())


def joined(timings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one timing for all shards.

    Seconds and items add up; the rate is that of one worker, p90 that of the slowest shard.
    """
    sound = [timing for timing in timings if not timing.get("failed")]
    if not sound:
        return {"failed": True}
    rated = [timing for timing in sound if timing["items_per_s"]]
    seconds = sum(timing["items"] / timing["items_per_s"] for timing in rated)
    sums = {name: sum(timing[name] for timing in sound) for name in _SUMS if name in sound[0]}
    return {
        **sound[0],
        **sums,
        "device": "; ".join(sorted({timing["device"] for timing in sound})),
        "network_batches": sorted({size for timing in sound for size in timing["network_batches"]}),
        "items_per_s": sum(timing["items"] for timing in rated) / seconds if seconds else None,
        **{name: _most(timing[name] for timing in sound) for name in _PEAKS},
        "energy_j": None,  # shards run beside each other, and each counts the whole machine
        "shards": len(timings),
    }


def _most(values: Iterable[float | None]) -> float | None:
    """Return the largest value; None if none is known."""
    return max((value for value in values if value is not None), default=None)
