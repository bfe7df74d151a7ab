"""Score one pipeline on one task: metrics with their intervals, classes, confusion and flags."""

from typing import TypedDict

import numpy as np

from faceoff.scoring import metrics
from faceoff.scoring.records import Clips, Intervals, Limits, Metrics, Number, PerClass
from faceoff.scoring.task import SamplePosteriors, Task, flags, share_interval
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.bootstrap import bootstrap_t_confusion
from faceoff.statistics.intervals import Interval, design_effect, mean_share


class CellScores(TypedDict):
    """The part of a score file that follows from truth and posteriors alone."""

    metrics: Metrics
    intervals: Intervals
    design_effect: Number
    per_class: list[PerClass]
    confusion: list[list[int]]
    flags: list[str]
    ranked: bool
    lacks: list[str]
    clips: Clips | None


def cell_scores(task: Task, cell: SamplePosteriors, *, hard: bool, seed: int) -> CellScores:
    """Score a pipeline's posteriors against the truth of the task.

    Parameters
    ----------
    task
        The n scored samples.
    cell
        The pipeline's posteriors of these samples, in their order.
    hard
        The posteriors are votes or ranks, so probabilistic metrics are undefined.
    seed
        Seed of the bootstrap.
    """
    posterior, outside = cell.in_space(task.space)
    predicted = metrics.argmax(posterior)
    warnings = flags(task, cell, predicted)
    return {
        "metrics": _metrics(task, cell, posterior, outside, hard=hard),
        "intervals": intervals(task, predicted, seed),
        "design_effect": None
        if task.clusters is None
        else design_effect((predicted == task.truth).astype(float), task.clusters),
        "per_class": _per_class(task, predicted),
        "confusion": metrics.confusion(task.truth, predicted, len(task.space)).tolist(),
        "flags": warnings,
        "ranked": not warnings,
        "lacks": [emotion for emotion in task.space if emotion not in cell.classes],
        "clips": clips(cell.frames, cell.seen, predicted == task.truth, task.clusters),
    }


def clips(frames: Ints, seen: Ints, correct: Bools, clusters: Labels | None) -> Clips | None:
    """Return how many frames were read, and accuracy by thirds of that share (protocol §43).

    Parameters
    ----------
    frames, seen
        (n,) the frames of each sample, and those with a prediction.
    correct
        (n,) whether each sample is right.
    clusters
        (n,) subjects; None where samples are independent.

    Returns
    -------
    None of stills.
    """
    if not (frames > 1).any():
        return None
    share = seen / np.maximum(frames, 1)
    third = np.minimum((3 * share).astype(int), 2)
    return {
        "frames": int(frames.sum()),
        "seen": int(seen.sum()),
        "thirds": [
            {
                "low": place / 3,
                "high": (place + 1) / 3,
                "n": int(here.sum()),
                "accuracy": interval.estimate,
                "interval": [interval.low, interval.high],
            }
            for place in range(3)
            for here in [third == place]
            for interval in [
                share_interval(correct[here], None if clusters is None else clusters[here])
            ]
        ],
    }


def intervals(task: Task, predicted: Ints, seed: int) -> Intervals:
    """Return the 95 % intervals of the metrics (protocol §13).

    Shares have Wilson's or, with subjects, t over clusters; UAR has `mean_share` or, with subjects,
    bootstrap-t; macro-F1 has bootstrap-t.
    """
    k, clusters = len(task.space), task.clusters
    correct = predicted == task.truth
    covered = predicted != metrics.NO_FACE
    inside = None if clusters is None else clusters[covered]
    if clusters is None:
        confusion = metrics.confusion(task.truth, predicted, k)
        recall = mean_share(confusion.diagonal(), confusion.sum(axis=1))
    else:
        recall = bootstrap_t_confusion(
            metrics.balanced_accuracy_of, task.truth, predicted, k, clusters, seed=seed
        )
    f1 = bootstrap_t_confusion(metrics.macro_f1_of, task.truth, predicted, k, clusters, seed=seed)
    return {
        "accuracy": _limits(share_interval(correct, clusters)),
        "covered_accuracy": _limits(share_interval(correct[covered], inside)),
        "balanced_accuracy": _limits(recall),
        "macro_f1": _limits(f1),
    }


def _limits(interval: Interval) -> Limits:
    return [interval.low, interval.high]


def _metrics(
    task: Task, cell: SamplePosteriors, posterior: Floats, outside: Floats, *, hard: bool
) -> Metrics:
    """Return the metrics. outside: (n,) the mass that each posterior puts outside the space."""
    strict = metrics.strict_predictions(cell.own, cell.classes, task.space)
    covered = metrics.is_covered(posterior).any()
    # The clip of the log loss costs 16 nats for every sample of a class that the pipeline lacks.
    answerable = np.isin(task.truth, [i for i, e in enumerate(task.space) if e in cell.classes])
    own_part = metrics.log_loss(task.truth[answerable], posterior[answerable])
    found: Metrics = {
        **metrics.summary(task.truth, posterior, hard=hard),
        "strict_accuracy": metrics.accuracy(task.truth, strict),
        "ceiling": float(answerable.mean()),
        "log_loss_own": float("nan") if hard else own_part,
        "mass_outside": float(np.nanmean(outside)) if covered else None,
    }
    if task.label_sets:
        predicted = metrics.argmax(posterior)
        inside = [
            p != metrics.NO_FACE and task.space[p] in labels
            for p, labels in zip(predicted, task.label_sets, strict=True)
        ]
        found["set_accuracy"] = float(np.mean(inside))
    return found


def _per_class(task: Task, predicted: Ints) -> list[PerClass]:
    """Return the scores of each class, in the order of the space."""
    k = len(task.space)
    scores = metrics.per_class(task.truth, predicted, k)
    answered = metrics.confusion(task.truth, predicted, k).sum(axis=0)
    return [
        {
            "emotion": emotion,
            "n": scores.n[i].item(),
            "precision": scores.precision[i].item(),
            "recall": scores.recall[i].item(),
            "f1": scores.f1[i].item(),
            "predicted": int(answered[i]),
        }
        for i, emotion in enumerate(task.space)
    ]
