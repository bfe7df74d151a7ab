"""From prediction rows to what is scored: a task's truth, and one posterior per sample in the task's label space."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from faceoff.scoring import metrics
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.folds import stratified_group_folds
from faceoff.statistics.intervals import Interval, cluster_interval, wilson
from faceoff.storage import parquet
from faceoff.storage.columns import ERROR, OK, classes_of

FOLDS = 5
WEIGHTS = b"faceoff_weights"  # metadata of a fusion's file: JSON, member -> weight
ERROR_SHARE = 0.05  # of samples, above which a pipeline is flagged (protocol §14)


class UnlabelledError(ValueError):
    """A dataset has no label that could be scored: its predictions stand for themselves."""


@dataclass(frozen=True)
class Task:
    """The scored samples of a dataset: those whose label is in its space, in order. `truth` (n,) int indexes `space`.

    `people` (n,) are the `owners` of the samples; None where no sample has a subject: then all are independent.
    """

    info: dict[str, Any]
    ids: tuple[str, ...]
    truth: Ints
    people: Labels | None
    label_sets: tuple[frozenset[str], ...] | None

    @property
    def space(self) -> tuple[str, ...]:
        return tuple(self.info["space"])

    @cached_property
    def clusters(self) -> Ints | None:
        """(n,) int index of whose each sample is, None where the samples are independent."""
        return None if self.people is None else np.unique(self.people, return_inverse=True)[1]

    @cached_property
    def hash(self) -> str:
        """First 16 hex digits of the sha256 over ordered ids and labels: two results with the same hash are about the same task."""
        lines = (
            f"{sample}\t{self.space[label]}\n"
            for sample, label in zip(self.ids, self.truth, strict=True)
        )
        return hashlib.sha256("".join([*self.space, "\n", *lines]).encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """The task as it stands beside every score."""
        return {**self.info, "space": list(self.space), "n": len(self.ids), "hash": self.hash}


def owners(ids: Sequence[Any], subjects: Sequence[str | None]) -> Floats:
    """(n,) whose each sample is: its subject, or the sample itself where it has none; a subject and a sample of one name are two."""
    return np.array(
        [
            f"subject {subject}" if subject else f"sample {sample}"
            for sample, subject in zip(ids, subjects, strict=True)
        ]
    )


def read_task(samples: Path) -> Task:
    """Read a task. Raises UnlabelledError when no sample's label is in its space."""
    info = parquet.task_of(samples)
    space = info["space"]
    ids, truth, subjects, label_sets = [], [], [], []
    for row in parquet.rows(samples, ["sample_id", "label", "subject", "groups"]):
        if row["label"] in space:
            ids.append(row["sample_id"])
            truth.append(space.index(row["label"]))
            subjects.append(row["subject"])
            label_sets.append(dict(row["groups"] or ()).get("label_set"))
    if not ids:
        raise UnlabelledError(
            "no sample has a label in its space: predictions only, nothing to score"
        )
    return Task(
        info=info,
        ids=tuple(ids),
        truth=np.array(truth),
        people=owners(ids, subjects) if any(subjects) else None,
        label_sets=tuple(frozenset(text.split("|")) for text in label_sets if text)
        if all(label_sets)
        else None,
    )


@dataclass(frozen=True)
class SamplePosteriors:
    """One cell's posteriors by sample: `own` (n, classes) in the model's classes, NaN rows where not covered; `states` (n,) of the rows."""

    classes: tuple[str, ...]
    own: Floats
    states: tuple[str, ...]
    reasons: tuple[str | None, ...]

    def in_space(self, space: Sequence[str]) -> tuple[Floats, Floats]:
        """(posterior (n, len(space)), mass outside the space (n,)); classes outside are masked, the rest renormalised (protocol §12)."""
        return metrics.restrict(self.own, self.classes, space)

    def votes_in(self, space: Sequence[str]) -> Floats:
        """(n, len(space)) what it gives to these classes, as it is: NaN for a class that it lacks, which a vote averages over the others (protocol §21)."""
        own = np.column_stack([self.own, np.full(len(self.own), np.nan)])
        return own[
            :, [self.classes.index(emotion) if emotion in self.classes else -1 for emotion in space]
        ]


def cell_name(predictions: Path) -> str:
    """'detector/model' or 'fusion/name' of a file predictions/<dataset>/<detector>/<model>.parquet or fusion/<dataset>/<name>.parquet."""
    return (
        f"fusion/{predictions.stem}"
        if predictions.parents[1].name == "fusion"
        else f"{predictions.parent.name}/{predictions.stem}"
    )


def weights_of(predictions: Path) -> dict[str, float] | None:
    """Member -> the weight that a fusion's rule learnt, sum 1; None of a cell, and of rules that have no such weights."""
    return json.loads((parquet.read_schema(predictions).metadata or {}).get(WEIGHTS, b"null"))


def sample_posteriors(predictions: Path, ids: Sequence[str]) -> SamplePosteriors:
    """Average a cell's rows to one posterior per sample: the mean over its frames with success = 1; none -> the state of its first row.

    Raises ValueError when a sample has no row at all: nothing is dropped silently.
    """
    schema_classes = classes_of(parquet.read_schema(predictions))
    columns = [f"p_{emotion}" for emotion in schema_classes]
    where = {sample: index for index, sample in enumerate(ids)}
    total, count = np.zeros((len(ids), len(columns))), np.zeros(len(ids))
    states: list[str | None] = [None] * len(ids)
    reasons: list[str | None] = [None] * len(ids)
    for row in parquet.rows(predictions, ["sample_id", "success", "state", "reason", *columns]):
        index = where.get(row["sample_id"])
        if index is None:
            continue
        if row["success"]:
            total[index] += [row[column] for column in columns]
            count[index] += 1
            states[index], reasons[index] = OK, None
        elif states[index] is None:
            states[index], reasons[index] = row["state"], row["reason"]
    missing = [sample for sample, state in zip(ids, states, strict=True) if state is None]
    if missing:
        raise ValueError(
            f"{predictions}: {len(missing)} of {len(ids)} samples have no row, the first is {missing[0]!r}"
        )
    with np.errstate(invalid="ignore"):
        return SamplePosteriors(
            schema_classes,
            total / np.where(count > 0, count, np.nan)[:, None],
            tuple(states),
            tuple(reasons),
        )


def flags(task: Task, cell: SamplePosteriors, predicted: Ints) -> list[str]:
    """Why a pipeline that predicts this (n,) is not ranked (protocol §14); empty for most."""
    found = []
    if metrics.collapsed(task.truth, predicted, len(task.space)):
        found.append("collapsed onto one class")
    errors = Counter(cell.states)[ERROR] / len(task.ids)
    if errors > ERROR_SHARE:
        found.append(f"{errors:.0%} of samples ended in an error")
    return found


def folds_for(labels: Ints, groups: Labels | None, seed: int) -> Ints | None:
    """(n,) five seeded, stratified folds that keep groups together (protocol §19), fewer where there are fewer groups; None below two groups."""
    distinct = len(labels) if groups is None else len(np.unique(groups))
    return (
        stratified_group_folds(labels, groups, k=min(FOLDS, distinct), seed=seed)
        if distinct >= 2
        else None
    )


def share_interval(correct: Bools, clusters: Labels | None) -> Interval:
    """95 % interval of a share (protocol §13): Wilson's for independent samples, with clusters `cluster_interval` (NaN below two of them)."""
    if clusters is None or len(correct) == 0:
        return wilson(int(correct.sum()), len(correct))
    return cluster_interval(correct.astype(float), clusters, bounds=(0.0, 1.0))
