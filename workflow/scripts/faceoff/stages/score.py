"""Stage 6: one cell's or fusion's scores, with their intervals, as JSON."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.plan.jobs import ScoreJob
from faceoff.scoring import affect, metrics, subgroups, trust
from faceoff.scoring.task import (
    SamplePosteriors,
    Task,
    UnlabelledError,
    flags,
    read_task,
    sample_posteriors,
    share_interval,
    weights_of,
)
from faceoff.statistics.bootstrap import bootstrap_t_confusion
from faceoff.statistics.intervals import design_effect, mean_share
from faceoff.storage import columns, files, parquet

CLIPPED_SHARE = 0.01  # of readings of valence and arousal, above which a warning says so


def write_score(
    samples: Path,
    frames: Path,
    predictions: Path | None,
    output: Path,
    job: ScoreJob,
    validation: Sequence[Path] = (),
) -> None:
    """Write the score file; a skipped or failed cell has its reason instead of metrics.

    validation: the pipeline's predictions of the validation dataset and that dataset's samples, where its temperature is fitted; else the other folds do.
    """
    about = job.about()
    if job.skip:
        files.write_json(
            output,
            about | {"state": "skipped", "reason": job.skip, "task": None, "failed_files": []},
        )
        return
    failed = parquet.failed_files(predictions)
    if not failed:
        about["affect"] = _affect(samples, frames, predictions, job.seed)
        about["affect_clipped"] = affect.clipped_share(predictions)
    try:
        task = read_task(samples)
    except UnlabelledError as error:
        state = (
            {"state": "error", "reason": "the job failed, see its log"}
            if failed
            else {"state": "skipped", "reason": str(error)}
        )
        files.write_json(output, about | state | {"task": None, "failed_files": failed})
        return
    cell = sample_posteriors(predictions, task.ids)
    counts = {state: Counter(cell.states)[state] for state in columns.STATES}
    about |= {"task": task.describe(), "counts": counts, "failed_files": failed}
    if not counts[columns.OK] and counts[columns.ERROR]:
        reason = next(
            reason
            for state, reason in zip(cell.states, cell.reasons, strict=True)
            if state == columns.ERROR
        )
        files.write_json(
            output,
            about
            | {"state": "error", "reason": reason, "failed_files": failed or [str(predictions)]},
        )
        return
    found = _scores(task, cell, job) | trust.parts(
        samples, predictions, validation, task, cell, job.seed, hard=job.hard
    )
    found["groups"] = _groups(samples, task, cell, job.seed)
    found["weights"] = weights_of(predictions)
    if (about.get("affect_clipped") or 0) > CLIPPED_SHARE:
        found["flags"].append(
            f"{about['affect_clipped']:.0%} of its valence and arousal lay at ±1 or beyond, and was clipped"
        )
    files.write_json(output, about | {"state": "ok", "reason": None} | found)


def _groups(samples: Path, task: Task, cell: SamplePosteriors, seed: int) -> list[dict[str, Any]]:
    """Accuracy by what the dataset says of its samples."""
    said = {
        row["sample_id"]: dict(row["groups"] or ())
        for row in parquet.rows(samples, ["sample_id", "groups"])
    }
    correct = metrics.argmax(cell.in_space(task.space)[0]) == task.truth
    return subgroups.by_group(
        [said[sample] for sample in task.ids], correct, task.clusters, seed=seed
    )


def _affect(samples: Path, frames: Path, predictions: Path, seed: int) -> dict[str, Any]:
    """Scores of valence and arousal, where the dataset and the model both have them."""
    rows = list(parquet.rows(samples, ["sample_id", "subject"]))
    found = affect.moments(
        frames, predictions, {row["sample_id"]: number for number, row in enumerate(rows)}
    )
    return {
        name: affect.score(moments, [row["subject"] for row in rows], seed)
        for name, moments in found.items()
    }


def _scores(task: Task, cell: SamplePosteriors, job: ScoreJob) -> dict[str, Any]:
    posterior, outside = cell.in_space(task.space)
    predicted = metrics.argmax(posterior)
    k = len(task.space)
    values: dict[str, Any] = metrics.summary(task.truth, posterior, hard=job.hard)
    values["strict_accuracy"] = metrics.accuracy(
        task.truth, metrics.strict_predictions(cell.own, cell.classes, task.space)
    )
    values["mass_outside"] = (
        float(np.nanmean(outside)) if metrics.is_covered(posterior).any() else None
    )
    if task.label_sets:
        inside = [
            p != metrics.NO_FACE and task.space[p] in labels
            for p, labels in zip(predicted, task.label_sets, strict=True)
        ]
        values["set_accuracy"] = float(np.mean(inside))
    per_class = metrics.per_class(task.truth, predicted, k)
    confusion = metrics.confusion(task.truth, predicted, k)
    warnings = flags(task, cell, predicted)
    return {
        "metrics": values,
        **_intervals(task, predicted, job.seed),
        "per_class": [
            {"emotion": emotion, "n": per_class.n[i], "precision": per_class.precision[i], "recall": per_class.recall[i], "f1": per_class.f1[i],
             "predicted": int(confusion[:, i].sum())}
            for i, emotion in enumerate(task.space)
        ],
        "confusion": confusion,
        "flags": warnings,
        "ranked": not warnings,
    }  # fmt: skip


def _intervals(task: Task, predicted: np.ndarray, seed: int) -> dict[str, Any]:
    """95 % intervals (protocol §13): Wilson or, with subjects, t over clusters; of UAR `mean_share` or, with subjects, bootstrap-t; of macro-F1 bootstrap-t."""
    correct = predicted == task.truth
    k = len(task.space)
    clusters = task.clusters
    covered = predicted != metrics.NO_FACE
    inside = None if clusters is None else clusters[covered]
    intervals = {
        "accuracy": share_interval(correct, clusters),
        "covered_accuracy": share_interval(correct[covered], inside),
    }
    if clusters is None:
        confusion = metrics.confusion(task.truth, predicted, k)
        intervals["balanced_accuracy"] = mean_share(confusion.diagonal(), confusion.sum(axis=1))
    else:
        intervals["balanced_accuracy"] = bootstrap_t_confusion(
            metrics.balanced_accuracy_of, task.truth, predicted, k, clusters, seed=seed
        )
    intervals["macro_f1"] = bootstrap_t_confusion(
        metrics.macro_f1_of, task.truth, predicted, k, clusters, seed=seed
    )
    return {
        "intervals": {name: [interval.low, interval.high] for name, interval in intervals.items()},
        "design_effect": design_effect(correct.astype(float), clusters)
        if clusters is not None
        else None,
    }
