"""Stage: score a dataset's cells on pictures made worse, as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.corruption import corruption_list
from faceoff.corruption.corruption import value_text
from faceoff.fusion.member_votes import one_per_lineage
from faceoff.plan.corruption_jobs import ScoreCorruptionJob, Worsening
from faceoff.scoring.robustness import (
    About,
    VariantReadings,
    nothing_scored,
    robustness,
)
from faceoff.scoring.robustness_readings import Corrupted, Reading
from faceoff.scoring.robustness_records import Level, Mode
from faceoff.scoring.robustness_vote import Chosen
from faceoff.scoring.task import (
    Task,
    UnlabelledError,
    folds_for,
    posterior_columns,
    posteriors_of,
    read_task,
    sample_posteriors,
)
from faceoff.storage import columns, files, parquet
from faceoff.storage.columns import NOT_APPLIED

_FAILED = "its job failed, see its log"


def write_robustness(
    samples: Path,
    comparison: Path,
    clean: Sequence[Path],
    worse: Sequence[Path],
    output: Path,
    job: ScoreCorruptionJob,
) -> None:
    """Write the scores of every cell at every severity.

    comparison: the dataset's, which names the best single cell; clean, worse: the predictions, in
    the order of the job's names.
    """
    about = _about(job)
    failed = [name for path in (*clean, *worse) for name in parquet.failed_files(path)]
    try:
        task = read_task(samples)
    except UnlabelledError as error:
        found = nothing_scored(about, str(error))
    else:
        voters = [job.voters[place].name for place in one_per_lineage(job.voters)]
        variants = [*_variants(task, clean, worse, job)]
        chosen = _chosen(task, files.read_json(comparison), job.seed)
        found = robustness(about, task, variants, voters, chosen, job.seed)
    files.write_json(output, {**found, "failed_files": failed})


def _about(job: ScoreCorruptionJob) -> About:
    first = job.variants[0]
    made = corruption_list.get(first.kind)
    return About(
        dataset=job.dataset,
        corruption=job.corruption,
        made_by=first.kind,
        title=made.title,
        unit=made.unit,
        pixels=bool(made.face_side),
        levels=[_level(first, severity) for severity in range(1, len(first.levels) + 1)],
    )


def _level(made: Worsening, severity: int) -> Level:
    value = made.levels[severity - 1]
    return {
        "severity": severity,
        "value": value_text(corruption_list.get(made.kind), value),
        "number": value if isinstance(value, float) else None,
    }


def _variants(
    task: Task, clean: Sequence[Path], worse: Sequence[Path], job: ScoreCorruptionJob
) -> Iterator[VariantReadings]:
    bare = {cell: _clean(task, path) for cell, path in zip(job.clean, clean, strict=True)}
    for made in job.variants:
        cells = [
            _corrupted(task, table.cell, table.mode, bare[table.cell], path, len(made.levels))
            for table, path in zip(job.worse, worse, strict=True)
            if table.variant == made.name
        ]
        yield VariantReadings(made.name, made.options, cells)


def _clean(task: Task, path: Path) -> Reading | None:
    """Return what a cell says of the clean pictures, None where its job failed."""
    return (
        None if parquet.failed_files(path) else Reading.of(task, sample_posteriors(path, task.ids))
    )


def _corrupted(
    task: Task, cell: str, mode: Mode, clean: Reading | None, path: Path, severities: int
) -> Corrupted:
    if clean is None or parquet.failed_files(path):
        return Corrupted(cell, mode, clean, [], _FAILED)
    classes = columns.classes_of(parquet.read_schema(path))
    named = ["sample_id", "success", "state", "reason", "severity", *posterior_columns(classes)]
    table = parquet.read(*parquet.shards_of(path), columns=named)
    worse = [
        Reading.of(
            task,
            posteriors_of(
                _refused_first(table.filter(pc.equal(table["severity"], severity))),
                classes,
                task.ids,
                path,
            ),
        ).beside(clean)
        for severity in range(1, severities + 1)
    ]
    return Corrupted(cell, mode, clean, worse)


def _refused_first(table: pa.Table) -> pa.Table:
    """Return the rows with those first that could not be made worse.

    A clip without an answer has the state of its first row. One that has a face on some frames
    only, all too small for a size, was not made worse, whatever its first frame is.
    """
    others = pc.not_equal(table["state"], NOT_APPLIED).to_numpy()
    return table.take(np.argsort(others, kind="stable"))


def _chosen(task: Task, comparison: Mapping, seed: int) -> Chosen:
    """Return the best single cell of each sample, as the comparison chose it."""
    best = comparison.get("best_single")
    if not best:
        return Chosen([""] * len(task.truth), "")
    choices = {choice["fold"]: choice["cell"] for choice in best["choices"]}
    folds = folds_for(task.truth, task.clusters, seed)
    if None in choices or not choices or folds is None:
        return Chosen([choices.get(None, best["name"])] * len(task.truth), best["how"])
    return Chosen([choices[int(fold)] for fold in folds], best["how"])
