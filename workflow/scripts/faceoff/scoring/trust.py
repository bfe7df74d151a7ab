"""Score how far a pipeline can be trusted: calibration, rejection, and people's votes beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceoff.emotions import EMOTIONS
from faceoff.plugins.protocols import OUTLIER, VOTES
from faceoff.scoring import human, metrics, rejection
from faceoff.scoring.calibration import cross_fit, describe, fit_elsewhere
from faceoff.scoring.records import Calibration, Human, Rejection, RejectionStep, Trust
from faceoff.scoring.task import (
    SamplePosteriors,
    Task,
    UnlabelledError,
    folds_for,
    owners,
    read_task,
    sample_posteriors,
    share_interval,
)
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels, Numbers
from faceoff.statistics.intervals import Interval, cluster_interval
from faceoff.storage import parquet


@dataclass(frozen=True)
class HeldOut:
    """A validation dataset's name, and its covered samples' truth (m,) and posterior (m, k).

    The posterior is in the space of the task that is scored.
    """

    name: str
    truth: Ints
    posterior: Floats


def read_held_out(validation: Sequence[Path], space: Sequence[str]) -> HeldOut | None:
    """Read the validation predictions of a pipeline.

    validation: a file of predictions, then the samples. None where there are none, or no sample is
    of any use.
    """
    if not validation:
        return None
    predictions, samples = validation
    try:
        task = read_task(samples)
    except UnlabelledError:
        return None
    posterior, _ = sample_posteriors(predictions, task.ids).in_space(space)
    index = np.array([space.index(emotion) if emotion in space else -1 for emotion in task.space])[
        task.truth
    ]
    usable = metrics.is_covered(posterior) & (index >= 0)
    return HeldOut(task.info["name"], index[usable], posterior[usable]) if usable.any() else None


def calibration(
    task: Task, posterior: Floats, held_out: HeldOut | None, seed: int
) -> Calibration | None:
    """Return probabilities before and after temperature scaling (protocol §20).

    It learns on the validation dataset or the other folds. None where no sample is covered; `after`
    is None where there are too few samples or subjects for folds.
    """
    if not metrics.is_covered(posterior).any():
        return None
    folds = None if held_out else folds_for(task.truth, task.clusters, seed)
    found = None
    if held_out:
        found = fit_elsewhere(posterior, held_out.truth, held_out.posterior)
    elif folds is not None:
        found = cross_fit(task.truth, posterior, folds)
    before = describe(task.truth, posterior, share_interval, task.clusters, seed=seed)
    if found is None:
        return {
            "fitted_on": None,
            "temperature": None,
            "temperatures": [],
            "before": before,
            "after": None,
        }
    return {
        "fitted_on": held_out.name if held_out else f"the other folds of {len(found.temperatures)}",
        "temperature": found.temperature,
        "temperatures": list(found.temperatures),
        "before": before,
        "after": describe(task.truth, found.posterior, share_interval, task.clusters, seed=seed),
    }


def rejections(
    task: Task,
    posterior: Floats,
    outliers: dict[str, Floats],
    strangers: Labels | None = None,
) -> Rejection:
    """Return what the reject option does to the scored samples, and to those without a label.

    outliers: kind -> (m, k) posterior; strangers: whose each outlier is, in their order.
    """
    correct = metrics.argmax(posterior) == task.truth
    confidence = _confidence(posterior)
    strange = _confidence(np.concatenate(list(outliers.values()))) if outliers else np.empty(0)
    steps: list[RejectionStep] = []
    for coverage in rejection.COVERAGES:
        limit = rejection.threshold(confidence, coverage)
        step: RejectionStep = {
            "coverage": coverage,
            "threshold": limit.value,
            "n": None,
            "accuracy": None,
            "interval": None,
            "outliers_rejected": None,
        }
        if limit.accepted is not None and limit.value is not None:
            taken = correct[limit.accepted]
            found = share_interval(
                taken, None if task.clusters is None else task.clusters[limit.accepted]
            )
            step["n"] = len(taken)
            step["accuracy"] = float(taken.mean())
            step["interval"] = [found.low, found.high]
            if len(strange):
                step["outliers_rejected"] = float(1 - (strange >= limit.value).mean())
        steps.append(step)
    people = None
    if task.people is not None and strangers is not None:
        people = (task.people, strangers)
    told_apart = rejection.auroc(confidence, strange, people)
    return {
        **rejection.describe(confidence, correct),
        "at": steps,
        "outliers": {
            "n": len(strange),
            "n_covered": int((~np.isnan(strange)).sum()),
            "kinds": {kind: len(rows) for kind, rows in sorted(outliers.items())},
            "auroc": told_apart.estimate,
            "interval": [told_apart.low, told_apart.high],
        }
        if outliers
        else None,
    }


def read_outliers(samples: Path) -> dict[str, dict[str, str | None]]:
    """Read the samples without a label that the dataset marks as outliers.

    Return kind -> id -> subject.
    """
    found: dict[str, dict[str, str | None]] = {}
    for row in parquet.rows(samples, ["sample_id", "label", "subject", "groups"]):
        kind = dict(row["groups"] or ()).get(OUTLIER)
        if kind is not None and row["label"] is None:
            found.setdefault(kind, {})[row["sample_id"]] = row["subject"]
    return found


def outlier_posteriors(
    ids: Mapping[str, Mapping[str, str | None]], predictions: Path, space: Sequence[str]
) -> dict[str, Floats]:
    """Return kind -> (m, k) posterior of the samples that `read_outliers` found."""
    if not ids:
        return {}
    posterior, _ = sample_posteriors(
        predictions, [sample for kind in ids.values() for sample in kind]
    ).in_space(space)
    ends = np.cumsum([len(kind) for kind in ids.values()])
    return dict(zip(ids, np.split(posterior, ends[:-1]), strict=True))


def read_votes(samples: Path, task: Task) -> Floats | None:
    """Read (n, C) votes of the scored samples, the classes of the task's space first (see `human`).

    A sample without has zeros, None where none has any.

    Raises
    ------
    ValueError
        Naming the file and sample, if votes are negative, no number, or not one per emotion.
    """
    wanted = {sample: place for place, sample in enumerate(task.ids)}
    columns = {name: place for place, name in enumerate(dict.fromkeys([*task.space, *EMOTIONS]))}
    counts: list[dict[int, float]] = [{} for _ in task.ids]
    for row in parquet.rows(samples, ["sample_id", "votes", "groups"]):
        place = wanted.get(row["sample_id"])
        if place is None or row["votes"] is None:
            continue
        answers = dict(zip(EMOTIONS, row["votes"], strict=False))
        try:
            answers |= {
                name: float(value) for name, value in row["groups"] or () if name.startswith(VOTES)
            }
        except ValueError:
            answers = {}
        if (
            len(row["votes"]) != len(EMOTIONS)
            or not answers
            or not all(value is not None and 0 <= value < np.inf for value in answers.values())
        ):
            raise ValueError(
                f"{samples}: the votes of {row['sample_id']!r} are not {len(EMOTIONS)} counts "
                f"from 0 up (and its groups `{VOTES}…` not counts)"
            )
        counts[place] = {
            columns.setdefault(name, len(columns)): value for name, value in answers.items()
        }
    votes = np.zeros((len(counts), len(columns)))
    for place, given in enumerate(counts):
        votes[place, list(given)] = list(given.values())
    return votes if votes.any() else None


def beside_people(
    task: Task, posterior: Floats, votes: Floats | None, *, hard: bool
) -> Human | None:
    """Return scores beside people's; None without votes."""
    if votes is None:
        return None

    def interval(values: Numbers, here: Bools) -> Interval:
        """Return the interval of a mean over samples, each by itself where there are no subjects.

        Of a share it is that of every accuracy.
        """
        if values.dtype == bool:
            return share_interval(
                values.astype(bool), None if task.clusters is None else task.clusters[here]
            )
        clusters = np.arange(len(task.ids)) if task.clusters is None else task.clusters
        nothing = float("nan")
        return (
            cluster_interval(values, clusters[here], bounds=(0.0, 1.0))
            if len(values)
            else Interval(nothing, nothing, nothing)
        )

    return human.describe(votes, task.truth, posterior, interval, hard=hard)


def parts(
    samples: Path,
    predictions: Path,
    validation: Sequence[Path],
    task: Task,
    cell: SamplePosteriors,
    seed: int,
    *,
    hard: bool,
) -> Trust:
    """Return `calibration`, `rejection` and `human` of one pipeline.

    A `hard` one's votes or ranks are no probabilities, so it has no calibration.
    """
    posterior, _ = cell.in_space(task.space)
    strange = read_outliers(samples)
    about = [pair for kind in strange.values() for pair in kind.items()]
    return {
        "calibration": None
        if hard
        else calibration(task, posterior, read_held_out(validation, task.space), seed),
        "rejection": rejections(
            task,
            posterior,
            outlier_posteriors(strange, predictions, task.space),
            owners([sample for sample, _ in about], [subject for _, subject in about]),
        ),
        "human": beside_people(task, posterior, read_votes(samples, task), hard=hard),
    }


def _confidence(posterior: Floats) -> Floats:
    """Return (n,) the probability of the decision; NaN where not covered."""
    confidence: Floats = posterior.max(axis=1)
    return confidence
