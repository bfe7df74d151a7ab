"""Stage 7: compare fusions with the best single cell, and models with the top one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.emotions import order
from faceoff.faces.member_tables import Tables, read_votes
from faceoff.fusion.ensembles import Ballots
from faceoff.fusion.member_votes import one_per_lineage
from faceoff.plan.jobs import CompareJob
from faceoff.scoring import metrics
from faceoff.scoring.comparison import (
    Candidate,
    HeldOut,
    Voters,
    compare,
)
from faceoff.scoring.records import nothing_to_compare
from faceoff.scoring.subgroup_family import DividedSamples
from faceoff.scoring.task import (
    Task,
    UnlabelledError,
    cell_name,
    flags,
    groups_of,
    measured_groups,
    read_task,
    sample_posteriors,
)
from faceoff.storage import columns, files, parquet
from faceoff.storage.columns import ERROR


def write_comparisons(
    samples: Path,
    frames: Path,
    faces: Sequence[Path],
    predictions: Sequence[Path],
    validation: Sequence[Path],
    output: Path,
    job: CompareJob,
    groups: Path | None = None,
) -> None:
    """Write the comparisons of one dataset.

    faces: one table per detector; validation: prediction files of the validation dataset and, last,
    its samples; groups: the groups that the run measured, if it does.
    """
    try:
        task = read_task(samples)
    except UnlabelledError:
        files.write_json(output, nothing_to_compare(job.dataset, None))
        return
    candidates = read_candidates(task, predictions)
    names = {candidate.name for candidate in candidates if not candidate.is_fusion}
    held_out = read_held_out(validation, names)
    found = compare(
        job.dataset,
        task,
        candidates,
        held_out,
        job.factors,
        job.variants,
        DividedSamples(
            groups_of(samples, task, groups),
            task.info.get("group_sources", {}),
            measured_groups(groups),
        ),
        read_voters(task, Tables(predictions, faces, frames, samples), job),
        job.headline_fusion,
        job.seed,
    )
    files.write_json(output, found)


def read_candidates(task: Task, predictions: Sequence[Path]) -> list[Candidate]:
    """Read every sound cell and fusion.

    Failed ones (error rows only) and those that read valence alone take no part.
    """
    found = []
    for path in predictions:
        cell = sample_posteriors(path, task.ids)
        if not cell.classes or all(state == ERROR for state in cell.states):
            continue
        posterior, _ = cell.in_space(task.space)
        predicted = metrics.argmax(posterior)
        found.append(
            Candidate(
                name=cell_name(path),
                ranked=not flags(task, cell, predicted),
                predicted=predicted,
                log_loss=metrics.sample_log_loss(task.truth, posterior),
                correct=predicted == task.truth,
            )
        )
    return found


def read_voters(task: Task, tables: Tables, job: CompareJob) -> Voters:
    """Read the votes of a soft mean of all cells, as a fusion reads them.

    One cell of each detector and lineage votes; failed ones are read, as they are in a fusion, and
    left out then, as they have no vote.
    """
    paths = {cell_name(path): path for path in tables.members}
    voting = [job.voters[index] for index in one_per_lineage(job.voters)]
    members = [paths[voter.name] for voter in voting]
    own = [columns.classes_of(parquet.read_schema(path)) for path in members]
    classes = order({emotion for each in own for emotion in each})
    if not classes:
        nothing = np.empty((0, 0, 0)), np.empty(0, int), np.empty(0, int)
        return Voters([], Ballots(*nothing, task.truth))
    rows, votes = read_votes(replace(tables, members=members), voting, classes, job.policy)
    sample = pc.index_in(
        rows.keys["sample_id"], value_set=pa.array(task.ids, rows.keys["sample_id"].type)
    )
    kept = sample.is_valid().to_numpy()
    sound = [place for place, path in enumerate(members) if not parquet.failed_files(path)]
    space = [classes.index(name) if name in classes else -1 for name in task.space]
    ballots = Ballots(
        votes.posteriors[sound][:, kept],
        sample.drop_null().to_numpy(),
        np.array(space),
        task.truth,
    )
    return Voters([voting[place].name for place in sound], ballots)


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
