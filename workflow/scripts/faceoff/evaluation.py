"""From prediction rows to what is scored: a task's truth, and one posterior per sample in the task's label space."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from faceoff import metrics, tables
from faceoff.folds import stratified_group_folds
from faceoff.intervals import Interval, cluster_interval, wilson
from faceoff.stages.samples import task_of

FOLDS = 5


class UnlabelledError(ValueError):
    """A dataset has no label that could be scored: its predictions stand for themselves."""


@dataclass(frozen=True)
class Task:
    """The scored samples of a dataset: those whose label is in its space, in order. `truth` (n,) int indexes `space`."""

    info: dict[str, Any]
    ids: tuple[str, ...]
    truth: np.ndarray
    subjects: tuple[str, ...] | None
    label_sets: tuple[frozenset[str], ...] | None

    @property
    def space(self) -> tuple[str, ...]:
        return tuple(self.info["space"])

    @cached_property
    def clusters(self) -> np.ndarray | None:
        """(n,) int index of each sample's subject, None where the samples are independent."""
        return np.unique(self.subjects, return_inverse=True)[1] if self.subjects else None

    @cached_property
    def hash(self) -> str:
        """First 16 hex digits of the sha256 over ordered ids and labels: two results with the same hash are about the same task."""
        lines = (f"{sample}\t{self.space[label]}\n" for sample, label in zip(self.ids, self.truth, strict=True))
        return hashlib.sha256("".join([*self.space, "\n", *lines]).encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """The task as it stands beside every score."""
        return {**self.info, "space": list(self.space), "n": len(self.ids), "hash": self.hash}


def read_task(samples: Path) -> Task:
    """Read a task. Raises UnlabelledError when no sample's label is in its space."""
    info = task_of(samples)
    space = info["space"]
    ids, truth, subjects, label_sets = [], [], [], []
    for row in tables.rows(samples, ["sample_id", "label", "subject", "groups"]):
        if row["label"] in space:
            ids.append(row["sample_id"])
            truth.append(space.index(row["label"]))
            subjects.append(row["subject"])
            label_sets.append(dict(row["groups"] or ()).get("label_set"))
    if not ids:
        raise UnlabelledError("no sample has a label in its space: predictions only, nothing to score")
    return Task(
        info=info,
        ids=tuple(ids),
        truth=np.array(truth),
        subjects=tuple(subjects) if all(subjects) else None,
        label_sets=tuple(frozenset(text.split("|")) for text in label_sets) if all(label_sets) else None,
    )


@dataclass(frozen=True)
class SamplePosteriors:
    """One cell's posteriors by sample: `own` (n, classes) in the model's classes, NaN rows where not covered; `states` (n,) of the rows."""

    classes: tuple[str, ...]
    own: np.ndarray
    states: tuple[str, ...]
    reasons: tuple[str | None, ...]

    def in_space(self, space: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(posterior (n, len(space)), mass outside the space (n,)); classes outside are masked, the rest renormalised (protocol §12)."""
        return metrics.restrict(self.own, self.classes, space)


def sample_posteriors(predictions: Path, ids: Sequence[str]) -> SamplePosteriors:
    """Average a cell's rows to one posterior per sample: the mean over its frames with success = 1; none -> the state of its first row.

    Raises ValueError when a sample has no row at all: nothing is dropped silently.
    """
    schema_classes = tables.classes_of(pq.read_schema(predictions))
    columns = [f"p_{emotion}" for emotion in schema_classes]
    where = {sample: index for index, sample in enumerate(ids)}
    total, count = np.zeros((len(ids), len(columns))), np.zeros(len(ids))
    states: list[str | None] = [None] * len(ids)
    reasons: list[str | None] = [None] * len(ids)
    for row in tables.rows(predictions, ["sample_id", "success", "state", "reason", *columns]):
        index = where.get(row["sample_id"])
        if index is None:
            continue
        if row["success"]:
            total[index] += [row[column] for column in columns]
            count[index] += 1
            states[index], reasons[index] = tables.OK, None
        elif states[index] is None:
            states[index], reasons[index] = row["state"], row["reason"]
    missing = [sample for sample, state in zip(ids, states, strict=True) if state is None]
    if missing:
        raise ValueError(f"{predictions}: {len(missing)} of {len(ids)} samples have no row, the first is {missing[0]!r}")
    with np.errstate(invalid="ignore"):
        return SamplePosteriors(schema_classes, total / np.where(count > 0, count, np.nan)[:, None], tuple(states), tuple(reasons))


def folds_for(labels: np.ndarray, groups: np.ndarray | None, seed: int) -> np.ndarray | None:
    """(n,) five seeded, stratified folds that keep groups together (protocol §19), fewer where there are fewer groups; None below two groups."""
    distinct = len(labels) if groups is None else len(np.unique(groups))
    return stratified_group_folds(labels, groups, k=min(FOLDS, distinct), seed=seed) if distinct >= 2 else None


def share_interval(correct: np.ndarray, clusters: np.ndarray | None) -> Interval:
    """95 % interval of a share (protocol §13): Wilson's for independent samples, t over cluster means with clusters (NaN below two of them)."""
    if clusters is None or len(correct) == 0:
        return wilson(int(correct.sum()), len(correct))
    return cluster_interval(correct.astype(float), clusters, bounds=(0.0, 1.0))
