"""Judge one set of predictions under every way of making labels.

A dataset plug-in with several defensible label rules has a method `universes() -> list[Universe]`.

References
----------
Steegen, Tuerlinckx, Gelman & Vanpaemel (2016), Increasing transparency through a multiverse
analysis, Perspectives on Psychological Science 11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.plugins.label_rules import Universe, in_space
from faceoff.scoring.records import Multiverse, TaskInfo, UniverseScores
from faceoff.scoring.task import share_interval
from faceoff.statistics.arrays import Bools, Floats, Ints, Labels


@dataclass(frozen=True)
class Scored:
    """A universe over the samples of a run.

    sample: (m,) index of each row's sample; right: (m, k) the classes that count as right.
    """

    sample: Ints
    right: Bools

    def correct(self, predicted: Ints) -> Bools:
        """Return (m,) whether the samples' predictions (n,) are right; below 0 there is none."""
        chosen = predicted[self.sample]
        right: Bools = (chosen >= 0) & self.right[np.arange(len(chosen)), np.maximum(chosen, 0)]
        return right


def over(universe: Universe, ids: Sequence[str], space: Sequence[str]) -> Scored:
    """Return the rows in the space whose sample is there, in their order.

    Parameters
    ----------
    universe
        A way of making labels.
    ids
        The n samples of the run.
    space
        The k classes.
    """
    place = {sample: index for index, sample in enumerate(ids)}
    kept = [
        (place[sample], labels) for sample, labels in in_space(universe, space) if sample in place
    ]
    right = np.array(
        [[emotion in labels for emotion in space] for _, labels in kept], dtype=bool
    ).reshape(len(kept), len(space))
    return Scored(np.array([index for index, _ in kept], dtype=np.int64), right)


def swapped(accuracies: Floats, home: Floats) -> int:
    """Return how many pairs of pipelines are in the other order than at home; a tie is no order.

    accuracies, home: (P,) of a universe and of the home one.
    """
    return int(
        (
            np.sign(np.subtract.outer(accuracies, accuracies))
            * np.sign(np.subtract.outer(home, home))
            < 0
        ).sum()
        // 2
    )


def multiverse(
    dataset: str,
    task: TaskInfo | None,
    universes: Sequence[Universe],
    labels: Sequence[tuple[str, str | None]],
    predicted: Mapping[str, Ints],
    ids: Sequence[str],
    space: Sequence[str],
    people: Labels | None = None,
) -> Multiverse:
    """Score every pipeline under every label rule.

    Parameters
    ----------
    dataset, task
        The dataset's name and the run's own task, None without labels.
    universes
        The label rules.
    labels
        (id, label) of every sample of the dataset under the run's own rule, also of those that the
        run leaves out.
    predicted
        Pipeline -> (n,) its class of each sample, below 0 without a prediction.
    ids
        The n samples of the run.
    space
        The k classes.
    people
        (n,) whose each sample is; None where all are independent.
    """
    found = [_scored(universe, predicted, ids, space, people) for universe in universes]
    home = place_of_home(universes, labels, space)
    reference = None if home is None else np.array(found[home]["accuracy"])
    for entry in found:
        entry["swapped"] = (
            None if reference is None else swapped(np.array(entry["accuracy"]), reference)
        )
    return {
        "dataset": dataset,
        "task": task,
        "pipelines": list(predicted),
        "home": home,
        "universes": found,
    }


def place_of_home(
    universes: Sequence[Universe],
    labels: Sequence[tuple[str, str | None]],
    space: Sequence[str],
) -> int | None:
    """Return the index of the universe with these labels; None if no universe has them."""
    own = [(sample, frozenset({label})) for sample, label in labels if label in space]
    return next(
        (
            place
            for place, universe in enumerate(universes)
            if own and in_space(universe, space) == own
        ),
        None,
    )


def _scored(
    universe: Universe,
    predicted: Mapping[str, Ints],
    ids: Sequence[str],
    space: Sequence[str],
    people: Labels | None,
) -> UniverseScores:
    """Score every pipeline in one universe; `best` names all of several that tie."""
    scored = over(universe, ids, space)
    n = len(scored.sample)
    right = {name: scored.correct(choice) for name, choice in predicted.items()}
    counts = {name: int(correct.sum()) for name, correct in right.items()}
    clusters = None if people is None else people[scored.sample]
    intervals = [share_interval(correct, clusters) for correct in right.values()]
    most = max(counts.values(), default=0)
    return {
        "name": universe.name,
        "factors": dict(universe.factors),
        "n": n,
        "n_correct": list(counts.values()),
        "accuracy": [interval.estimate for interval in intervals],
        "low": [interval.low for interval in intervals],
        "high": [interval.high for interval in intervals],
        "best": [name for name, count in counts.items() if n and count == most],
    }


def rows(found: Multiverse) -> list[dict[str, Any]]:
    """Return one row per universe and pipeline of a multiverse file.

    `best`: no other pipeline is more accurate there.
    """
    return [
        {
            **universe["factors"],
            "home": place == found["home"],
            "n": universe["n"],
            "pipeline": name,
            "n_correct": universe["n_correct"][index],
            "accuracy": universe["accuracy"][index],
            "low": universe["low"][index],
            "high": universe["high"][index],
            "best": name in universe["best"],
            "swapped": universe["swapped"],
        }
        for place, universe in enumerate(found["universes"])
        for index, name in enumerate(found["pipelines"])
    ]
