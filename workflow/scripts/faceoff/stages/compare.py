"""Stage 7: compare fusions with the best single cell, and models with the top one."""

from collections.abc import Sequence
from pathlib import Path

from faceoff.plan.jobs import CompareJob
from faceoff.scoring import metrics
from faceoff.scoring.comparison import Candidate, HeldOut, compare, nothing_to_compare
from faceoff.scoring.task import (
    Task,
    UnlabelledError,
    cell_name,
    flags,
    groups_of,
    read_task,
    sample_posteriors,
)
from faceoff.storage import files
from faceoff.storage.columns import ERROR


def write_comparisons(
    samples: Path,
    predictions: Sequence[Path],
    validation: Sequence[Path],
    output: Path,
    job: CompareJob,
) -> None:
    """Write the comparisons of one dataset.

    validation: prediction files of the validation dataset and, last, its samples.
    """
    try:
        task = read_task(samples)
    except UnlabelledError:
        files.write_json(output, nothing_to_compare(job.dataset, None))
        return
    candidates = read_candidates(task, predictions)
    names = {candidate.name for candidate in candidates if not candidate.is_fusion}
    held_out = read_held_out(validation, names)
    factors, variants, seed = job.factors, job.variants, job.seed
    groups = groups_of(samples, task)
    found = compare(job.dataset, task, candidates, held_out, factors, variants, groups, seed)
    files.write_json(output, found)


def read_candidates(task: Task, predictions: Sequence[Path]) -> list[Candidate]:
    """Read every sound cell and fusion; failed ones (error rows only) take no part."""
    found = []
    for path in predictions:
        cell = sample_posteriors(path, task.ids)
        if all(state == ERROR for state in cell.states):
            continue
        posterior, _ = cell.in_space(task.space)
        predicted = metrics.argmax(posterior)
        found.append(
            Candidate(
                name=cell_name(path),
                votes=cell.votes_in(task.space),
                ranked=not flags(task, cell, predicted),
                predicted=predicted,
                log_loss=metrics.sample_log_loss(task.truth, posterior),
                correct=predicted == task.truth,
            )
        )
    return found


def read_held_out(validation: Sequence[Path], names: set[str]) -> HeldOut:
    """Read the cells of these names on the validation dataset."""
    if not validation:
        return HeldOut(None, [])
    *predictions, samples = validation
    try:
        task = read_task(samples)
    except UnlabelledError:
        return HeldOut(None, [], f", as {samples.stem} has no labels")
    cells = [cell for cell in read_candidates(task, predictions) if cell.name in names]
    if not cells:
        return HeldOut(None, [], f", as every cell failed on {samples.stem}")
    return HeldOut(task, cells)
