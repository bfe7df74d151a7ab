"""One set of predictions under every way of making labels (a multiverse analysis, Steegen et al. 2016): which choices, and which rows they leave.

A dataset plug-in with several defensible label rules has a method `universes() -> list[Universe]`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.plugins.label_rules import Universe, in_space
from faceoff.statistics.arrays import Bools, Floats, Ints


@dataclass(frozen=True)
class Scored:
    """A universe over the samples of a run: `sample` (m,) index of each row's sample, `right` (m, k) bool, the classes that count as right."""

    sample: Ints
    right: Bools

    def correct(self, predicted: Ints) -> Bools:
        """(m,) bool of the samples' predictions (n,), class index, below 0 where there is none."""
        chosen = predicted[self.sample]
        right: Bools = (chosen >= 0) & self.right[np.arange(len(chosen)), np.maximum(chosen, 0)]
        return right


def over(universe: Universe, ids: Sequence[str], space: Sequence[str]) -> Scored:
    """The rows in the space whose sample is there, in their order."""
    place = {sample: index for index, sample in enumerate(ids)}
    kept = [
        (place[sample], labels) for sample, labels in in_space(universe, space) if sample in place
    ]
    right = np.array(
        [[emotion in labels for emotion in space] for _, labels in kept], dtype=bool
    ).reshape(len(kept), len(space))
    return Scored(np.array([index for index, _ in kept], dtype=np.int64), right)


def swapped(accuracies: Floats, home: Floats) -> int:
    """How many pairs of pipelines are in the other order than at home: accuracies (P,) of a universe and of the home one. A tie is no order."""
    return int(
        (
            np.sign(np.subtract.outer(accuracies, accuracies))
            * np.sign(np.subtract.outer(home, home))
            < 0
        ).sum()
        // 2
    )


def rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per universe and pipeline of a multiverse file; `best`: no other pipeline is more accurate there."""
    return [
        {
            **universe["factors"],
            "home": place == found["home"],
            "n": universe["n"],
            "pipeline": name,
            **{key: universe[key][index] for key in ("n_correct", "accuracy", "low", "high")},
            "best": name in universe["best"],
            "swapped": universe["swapped"],
        }
        for place, universe in enumerate(found["universes"])
        for index, name in enumerate(found["pipelines"])
    ]
