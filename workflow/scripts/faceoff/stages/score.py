"""Stage 6: write the scores of one cell or fusion, with their intervals, as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceoff.plan.jobs import ScoreJob
from faceoff.scoring import affect, metrics, subgroups, trust
from faceoff.scoring.cell_scores import cell_scores
from faceoff.scoring.doubts import softmax_twice
from faceoff.scoring.records import Affect, Group
from faceoff.scoring.task import (
    Task,
    UnlabelledError,
    fold_mean_of,
    groups_of,
    read_task,
    sample_posteriors,
    weights_of,
)
from faceoff.statistics.arrays import Bools
from faceoff.storage import columns, files, parquet

_NO_CLASSES = "it reads valence and arousal, no emotions, so no labels are scored"
CLIPPED_SHARE = 0.01  # of readings of valence and arousal; a flag warns of more


def write_score(
    samples: Path,
    frames: Path,
    predictions: Path | None,
    output: Path,
    job: ScoreJob,
    validation: Sequence[Path] = (),
    groups: Path | None = None,
) -> None:
    """Write the score file; a skipped or failed cell has its reason instead of metrics.

    predictions: None only for a cell that the job skips.

    validation: the pipeline's predictions of the validation dataset, and that dataset's samples, on
    which its temperature is fitted; without them the other folds teach it.

    groups: the groups that the run measured, if it does.

    Raises ValueError when a cell that is not skipped has no predictions.
    """
    if job.skip:
        found: dict[str, Any] = {
            "state": "skipped",
            "reason": job.skip,
            "task": None,
            "failed_files": [],
        }
    elif predictions is None:
        raise ValueError("a cell that is not skipped needs its predictions")
    else:
        found = _scored(samples, frames, predictions, job, validation, groups)
    files.write_json(output, job.about() | found)


def _scored(
    samples: Path,
    frames: Path,
    predictions: Path,
    job: ScoreJob,
    validation: Sequence[Path],
    groups: Path | None,
) -> dict[str, Any]:
    """Return what the score file says besides the pipeline's identity."""
    failed = parquet.failed_files(predictions)
    about: dict[str, Any] = {"failed_files": failed}
    clipped = None
    if not failed:
        clipped = affect.clipped_share(predictions)
        about["affect"] = _affect(samples, frames, predictions, job.seed)
        about["affect_clipped"] = clipped
    try:
        task = read_task(samples)
    except UnlabelledError as error:
        state, reason = (
            ("error", "the job failed, see its log") if failed else ("skipped", str(error))
        )
        if not failed:
            ids = [row["sample_id"] for row in parquet.rows(samples, ["sample_id"])]
            about["counts"] = columns.counted(sample_posteriors(predictions, ids).states)
        return about | {"state": state, "reason": reason, "task": None}
    cell = sample_posteriors(predictions, task.ids)
    if not cell.classes and not failed:
        return about | {"state": "skipped", "reason": _NO_CLASSES, "task": None}
    counts = columns.counted(cell.states)
    about |= {"task": task.describe(), "counts": counts}
    if not counts[columns.OK] and counts[columns.ERROR]:
        reason = cell.reasons[cell.states.index(columns.ERROR)] or ""
        again = failed or [str(predictions)]
        return about | {"state": "error", "reason": reason, "failed_files": again}
    found: Mapping[str, Any] = cell_scores(task, cell, hard=job.hard, seed=job.seed)
    trusted: Mapping[str, Any] = trust.parts(
        samples, predictions, validation, task, cell, job.seed, hard=job.hard
    )
    correct = metrics.argmax(cell.in_space(task.space)[0]) == task.truth
    flags = [*found["flags"], *parquet.notes_of(predictions)]
    if job.cell is not None and softmax_twice(cell.own):
        flags.append(
            "its posteriors are a softmax over probabilities: write `activation: none` in its card"
        )
    if (clipped or 0) > CLIPPED_SHARE:
        flags.append(
            f"{clipped:.0%} of its valence and arousal lay at ±1 or beyond, and was clipped"
        )
    return {
        **about,
        "state": "ok",
        "reason": None,
        **found,
        **trusted,
        "flags": flags,
        "fold_mean": fold_mean_of(predictions, task.ids, correct),
        "groups": _groups(samples, groups, task, correct, job.seed),
        "weights": weights_of(predictions),
    }


def _groups(
    samples: Path, measured: Path | None, task: Task, correct: Bools, seed: int
) -> list[Group]:
    """Return the accuracy by each group that the dataset or the run divides the samples into."""
    return subgroups.by_group(
        groups_of(samples, task, measured),
        correct,
        task.truth,
        task.clusters,
        space=task.space,
        seed=seed,
    )


def _affect(samples: Path, frames: Path, predictions: Path, seed: int) -> dict[str, Affect]:
    """Score valence and arousal if both the dataset and the model have them."""
    rows = list(parquet.rows(samples, ["sample_id", "subject"]))
    place = {row["sample_id"]: number for number, row in enumerate(rows)}
    subjects = [row["subject"] for row in rows]
    return {
        name: affect.score(moments, subjects, seed)
        for name, moments in affect.moments(frames, predictions, place).items()
    }
