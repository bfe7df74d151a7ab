"""How cells and fusions rank over several datasets, from their score files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceoff.omnibus import Friedman, friedman
from faceoff.report.results import name_of, scored

SAME_PICTURES = {"ferplus": "fer2013", "fer2013plus": "fer2013"}  # other labels of one collection are no independent dataset


@dataclass(frozen=True)
class Standing:
    """`names` (k,) of the cells and fusions that were scored on each of `datasets` (N,), and how they rank there. `left_out`: dataset -> why."""

    names: tuple[str, ...]
    datasets: tuple[str, ...]
    ranks: Friedman
    left_out: dict[str, str]


def rank_across(scores: Sequence[Mapping[str, Any]]) -> Standing | None:
    """Ranks by accuracy over independent datasets (protocol §18): one of each collection of pictures, the first by name, and none that was drawn (§16).

    scores: score files of the test datasets. None where there are not two such datasets, or not two names that all of them have.
    """
    accuracy: dict[str, dict[str, float]] = {}
    about: dict[str, Mapping[str, Any]] = {}
    for score in scores:
        if scored(score):
            accuracy.setdefault(score["dataset"], {})[name_of(score)] = score["metrics"]["accuracy"]
            about[score["dataset"]] = score["task"]
    left_out, chosen, seen = {}, [], {}
    for dataset in sorted(accuracy):
        pictures = SAME_PICTURES.get(about[dataset]["type"], about[dataset]["type"])
        if not about[dataset]["headline"]:
            left_out[dataset] = "drawn, not for headline rankings"
        elif pictures in seen:
            left_out[dataset] = f"the same pictures as {seen[pictures]}"
        else:
            seen[pictures] = dataset
            chosen.append(dataset)
    names = sorted(set.intersection(*(set(accuracy[dataset]) for dataset in chosen))) if chosen else []
    if len(chosen) < 2 or len(names) < 2:
        return None
    return Standing(tuple(names), tuple(chosen), friedman(np.array([[accuracy[dataset][name] for name in names] for dataset in chosen])), left_out)
