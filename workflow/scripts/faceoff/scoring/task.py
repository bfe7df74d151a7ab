"""Make prediction rows into what is scored: a task's truth, and one posterior per sample."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceoff.scoring import metrics
from faceoff.scoring.records import FoldMean, GroupSource, TaskInfo
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels
from faceoff.statistics.folds import stratified_group_folds
from faceoff.statistics.intervals import Interval, cluster_interval, wilson
from faceoff.storage import parquet
from faceoff.storage.columns import ERROR, MEASURED, OK, classes_of

FOLDS = 5
WEIGHTS = b"faceoff_weights"  # metadata of a fusion's file: JSON, member -> weight
FOLDS_OF_SAMPLES = b"faceoff_folds"  # the same: JSON, sample id -> fold that fused it, -1: none
ERROR_SHARE = 0.05  # of samples, above which a pipeline is flagged (protocol §14)


class UnlabelledError(ValueError):
    """A dataset has no label that could be scored: its predictions stand for themselves."""


@dataclass(frozen=True)
class Task:
    """The scored samples of a dataset: those whose label is in its space, in order.

    truth: (n,) index into `space`; people: (n,) the `owners` of the samples; None where no sample
    has a subject: then all are independent.
    """

    info: dict[str, Any]
    ids: tuple[str, ...]
    truth: Ints
    people: Labels | None
    label_sets: tuple[frozenset[str], ...] | None

    @property
    def space(self) -> tuple[str, ...]:
        """Return the classes."""
        return tuple(self.info["space"])

    @cached_property
    def clusters(self) -> Ints | None:
        """Return (n,) the index of whose each sample is, None where the samples are independent."""
        return None if self.people is None else np.unique(self.people, return_inverse=True)[1]

    @cached_property
    def hash(self) -> str:
        """Return the first 16 hex digits of the sha256 over ordered ids and labels.

        Two results with the same hash are about the same task.
        """
        lines = (
            f"{sample}\t{self.space[label]}\n"
            for sample, label in zip(self.ids, self.truth, strict=True)
        )
        return hashlib.sha256("".join([*self.space, "\n", *lines]).encode()).hexdigest()[:16]

    def describe(self) -> TaskInfo:
        """Return the task as it stands beside every score."""
        return {
            "name": self.info["name"],
            "type": self.info["type"],
            "version": self.info["version"],
            "limited": self.info["limited"],
            "headline": self.info["headline"],
            "space": list(self.space),
            "n": len(self.ids),
            "hash": self.hash,
        }


def owners(ids: Sequence[Any], subjects: Sequence[str | None]) -> Labels:
    """Return (n,) whose each sample is: its subject, or the sample itself where it has none.

    A subject and a sample of one name are two.
    """
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


def listed(samples: Path, dataset: str) -> dict[str, Any]:
    """Return which samples these are, labelled or not: plug-in, version, number and hash.

    The hash is that of the task where one can be scored, else that of the ordered ids.
    """
    info = parquet.task_of(samples)
    about = {"dataset": dataset, "type": info["type"], "version": info["version"]}
    try:
        task = read_task(samples)
    except UnlabelledError:
        ids = [row["sample_id"] for row in parquet.rows(samples, ["sample_id"])]
        digest = hashlib.sha256("".join(f"{sample}\n" for sample in ids).encode())
        return {**about, "n": len(ids), "hash": digest.hexdigest()[:16]}
    return {**about, "n": len(task.ids), "hash": task.hash}


def groups_of(samples: Path, task: Task, measured: Path | None = None) -> list[dict[str, str]]:
    """Return the groups of each of the task's samples: name -> level.

    measured: a table of the groups that the run measured; they join those of the dataset.
    """
    found: dict[str, dict[str, str]] = {sample: {} for sample in task.ids}
    for path in (samples, *([measured] if measured else [])):
        for row in parquet.rows(path, ["sample_id", "groups"]):
            if row["sample_id"] in found:
                found[row["sample_id"]].update(row["groups"] or ())
    return [found[sample] for sample in task.ids]


def measured_groups(path: Path | None) -> list[GroupSource]:
    """Return what a table of measured groups says of each; nothing without a table."""
    if path is None:
        return []
    found: list[GroupSource] = json.loads(parquet.read_schema(path).metadata[MEASURED])
    return found


@dataclass(frozen=True)
class SamplePosteriors:
    """One cell's posteriors by sample.

    own: (n, classes) in the model's classes, NaN rows where not covered; states, reasons: (n,) of
    the rows; frames, seen: (n,) number of frames, and of those with a prediction.
    """

    classes: tuple[str, ...]
    own: Floats
    states: tuple[str, ...]
    reasons: tuple[str | None, ...]
    frames: Ints
    seen: Ints

    def in_space(self, space: Sequence[str]) -> tuple[Floats, Floats]:
        """Return posterior (n, k) and mass outside the space (n,).

        Classes outside are masked, the rest renormalised (protocol §12). A model without classes,
        which reads valence alone, covers no sample.
        """
        if not self.classes:
            return np.full((len(self.own), len(space)), np.nan), np.full(len(self.own), np.nan)
        return metrics.restrict(self.own, self.classes, space)


def cell_name(predictions: Path) -> str:
    """Return 'detector/model', 'fusion/name' or 'temporal/name' of a file of predictions.

    The file is predictions/<dataset>/<detector>/<model>.parquet or KIND/<dataset>/<name>.parquet.
    """
    kind = predictions.parents[1].name
    head = kind if kind in ("fusion", "temporal") else predictions.parent.name
    return f"{head}/{predictions.stem}"


def weights_of(predictions: Path) -> dict[str, float] | None:
    """Return member -> the weight that a fusion's rule learnt, sum 1.

    None of a cell, and of rules that have no such weights.
    """
    metadata = parquet.read_schema(predictions).metadata or {}
    weights: dict[str, float] | None = json.loads(metadata.get(WEIGHTS, b"null"))
    return weights


def fold_mean_of(predictions: Path, ids: Sequence[str], correct: Bools) -> FoldMean | None:
    """Return the mean of the folds' accuracies of a cross-fitted fusion; None of all others.

    Parameters
    ----------
    predictions
        Its table, whose metadata name the fold of each sample.
    ids
        The n scored samples.
    correct
        (n,) whether each is right.
    """
    metadata = parquet.read_schema(predictions).metadata or {}
    if FOLDS_OF_SAMPLES not in metadata:
        return None
    fold_of = json.loads(metadata[FOLDS_OF_SAMPLES])
    folds = np.array([fold_of[sample] for sample in ids], np.int64)
    shares = [float(correct[folds == fold].mean()) for fold in np.unique(folds[folds >= 0])]
    return {"accuracy": float(np.mean(shares)), "folds": len(shares)} if shares else None


def sample_posteriors(predictions: Path, ids: Sequence[str]) -> SamplePosteriors:
    """Average a cell's rows to one posterior per sample: the mean over its frames with a face.

    Parameters
    ----------
    predictions
        A table of predictions. Rows with success = 1 count.
    ids
        The n samples, in the order of the result.

    Returns
    -------
    The posteriors (n, classes); a sample without any has the state and reason of its first row.

    Raises
    ------
    ValueError
        If a sample has no row at all: nothing is dropped silently.
    """
    classes = classes_of(parquet.read_schema(predictions))
    columns = ["sample_id", "success", "state", "reason", *posterior_columns(classes)]
    table = parquet.read(*parquet.shards_of(predictions), columns=columns)
    return posteriors_of(table, classes, ids, predictions)


def posterior_columns(classes: Sequence[str]) -> list[str]:
    """Return the columns of the probabilities of these classes."""
    return [f"p_{emotion}" for emotion in classes]


def posteriors_of(
    table: pa.Table, classes: Sequence[str], ids: Sequence[str], source: Path
) -> SamplePosteriors:
    """Average rows of predictions as `sample_posteriors` does.

    Parameters
    ----------
    table
        Columns sample_id, success, state, reason and the probabilities of the classes.
    classes, ids
        Of the columns, and of the result.
    source
        The file that an error names.
    """
    place = pc.index_in(table["sample_id"], value_set=pa.array(ids, table["sample_id"].type))
    table, place = table.filter(place.is_valid()), place.drop_null().to_numpy()
    samples, first = np.unique(place, return_index=True)
    if len(samples) < len(ids):
        missing = sorted(set(range(len(ids))) - set(samples.tolist()))
        raise ValueError(
            f"{source}: {len(missing)} of {len(ids)} samples have no row, "
            f"the first is {ids[missing[0]]!r}"
        )
    found = table["success"].fill_null(0).to_numpy() != 0
    count = np.bincount(place[found], minlength=len(ids))
    total = np.zeros((len(ids), len(classes)))
    for index, column in enumerate(posterior_columns(classes)):
        # In the order of the rows, so that sums are the same bits wherever they are computed.
        values = table[column].to_numpy()[found]
        total[:, index] = np.bincount(place[found], weights=values, minlength=len(ids))
    covered = count > 0
    first_state, first_reason = (
        table[name].take(first).to_pylist() for name in ("state", "reason")
    )
    states = tuple(OK if ok else str(state) for ok, state in zip(covered, first_state, strict=True))
    reasons = tuple(
        None if ok else reason for ok, reason in zip(covered, first_reason, strict=True)
    )
    with np.errstate(invalid="ignore"):
        own = total / np.where(covered, count, np.nan)[:, None]
    frames = np.bincount(place, minlength=len(ids))
    return SamplePosteriors(tuple(classes), own, states, reasons, frames, count)


def flags(task: Task, cell: SamplePosteriors, predicted: Ints) -> list[str]:
    """Return why a pipeline with these predictions (n,) is not ranked (§14); empty for most."""
    found = []
    if metrics.collapsed(task.truth, predicted, len(task.space)):
        found.append("collapsed onto one class")
    errors = Counter(cell.states)[ERROR] / len(task.ids)
    if errors > ERROR_SHARE:
        found.append(f"{errors:.0%} of samples ended in an error")
    return found


def folds_for(labels: Ints, groups: Labels | None, seed: int) -> Ints | None:
    """Return (n,) five seeded, stratified folds that keep groups together (protocol §19).

    Fewer where there are fewer groups; None below two groups.
    """
    distinct = len(labels) if groups is None else len(np.unique(groups))
    return (
        stratified_group_folds(labels, groups, k=min(FOLDS, distinct), seed=seed)
        if distinct >= 2
        else None
    )


def share_interval(correct: Bools, clusters: Labels | None) -> Interval:
    """Return the 95 % interval of a share (protocol §13).

    Wilson's for independent samples, with clusters `cluster_interval` (NaN below two of them).
    Where all samples are right, or none, clusters have no spread, and t would be certain of few of
    them; Wilson's interval of the clusters stands for it.
    """
    if clusters is None or len(correct) == 0:
        return wilson(int(correct.sum()), len(correct))
    groups = len(np.unique(clusters))
    if groups > 1 and correct.all() == correct.any():
        return wilson(groups * int(correct.all()), groups)
    return cluster_interval(correct.astype(float), clusters, bounds=(0.0, 1.0))
