"""Rank cells and fusions over several datasets, from their score files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceoff.results.dataset_results import accuracy_of, name_of, ranked, scored, task_of
from faceoff.scoring.records import Score, TaskInfo
from faceoff.statistics.omnibus import Friedman, friedman

COLLECTION = {
    "ferplus": "fer2013",
    "fer2013plus": "fer2013",
}  # plug-ins that give other labels to the pictures of another one
OWN_PICTURES = (
    "folder",
    "table",
)  # plug-ins that read whatever they are pointed at: each such dataset is a collection of its own


@dataclass(frozen=True)
class Standing:
    """Say which cells and fusions are ranked over which datasets, and how.

    names (k,): those that are ranked on each of `datasets` (N,); left_out: dataset -> why; flagged:
    those that were scored on all of them, but with a warning that takes their rank (protocol §14).
    """

    names: tuple[str, ...]
    datasets: tuple[str, ...]
    ranks: Friedman
    left_out: dict[str, str]
    flagged: tuple[str, ...]


def rank_across(scores: Sequence[Score]) -> Standing | None:
    """Rank by accuracy over independent datasets (protocol §18).

    One dataset of each collection counts, the first by name, and none that was drawn (§16). A
    collection are the datasets of one plug-in, whose people are the same whatever the part,
    modality or label rule (RAVDESS's speech and song have the same actors), and of plug-ins that
    relabel its pictures. Datasets of `folder` and `table` are one only where their samples and
    labels are equal.

    scores: score files of the test datasets. Returns None where there are not two such datasets, or
    not two names that all of them rank.
    """
    accuracy: dict[str, dict[str, float]] = {}
    about: dict[str, TaskInfo] = {}
    for score in scores:
        if scored(score):
            accuracy.setdefault(score["dataset"], {})[name_of(score)] = accuracy_of(score)
            about[score["dataset"]] = task_of(score)
    left_out: dict[str, str] = {}
    chosen: list[str] = []
    seen: dict[str, str] = {}
    for dataset in sorted(accuracy):
        kind = about[dataset]["type"]
        collection = about[dataset]["hash"] if kind in OWN_PICTURES else COLLECTION.get(kind, kind)
        if not about[dataset]["headline"]:
            left_out[dataset] = "drawn, not for headline rankings"
        elif collection in seen:
            left_out[dataset] = f"of the same collection as {seen[collection]}"
        else:
            seen[collection] = dataset
            chosen.append(dataset)
    everywhere = (
        set.intersection(*(set(accuracy[dataset]) for dataset in chosen)) if chosen else set()
    )
    flagged = {
        name_of(score)
        for score in scores
        if score["dataset"] in chosen and scored(score) and not ranked(score)
    } & everywhere
    names = sorted(everywhere - flagged)
    if len(chosen) < 2 or len(names) < 2:
        return None
    ranks = friedman(np.array([[accuracy[dataset][name] for name in names] for dataset in chosen]))
    return Standing(tuple(names), tuple(chosen), ranks, left_out, tuple(sorted(flagged)))
