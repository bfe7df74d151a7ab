"""The figures of a run, by file name, known before anything has run: Snakemake declares them as outputs. Standard library only."""

from collections.abc import Mapping
from typing import Any

from faceoff.statistics.limits import LEAST_DATASETS

HEATMAP, CONFUSION, FUSION, ENSEMBLE = "heatmap", "confusion", "fusion", "ensemble"
PER_CLASS, EXAMPLES, COVERAGE = "per_class", "examples", "coverage"
AGREEMENT, CRITICAL_DIFFERENCE = "agreement", "critical_difference"
RELIABILITY, REJECTION, HUMAN, MULTIVERSE = "reliability", "rejection", "human", "multiverse"

# Words for a figure's kind, as the page and `snakemake --report` show them.
TITLES = {
    HEATMAP: "Accuracy of every detector × model pair",
    CONFUSION: "Confusion matrices",
    FUSION: "Fusion against the best single pair",
    ENSEMBLE: "How many pairs a vote needs, and what each is worth",
    AGREEMENT: "Which pairs answer alike",
    PER_CLASS: "Recall and F1 by emotion",
    EXAMPLES: "Examples, right and wrong",
    COVERAGE: "What each detector covered",
    RELIABILITY: "Is it right as often as it is sure?",
    REJECTION: "What may be left out when unsure",
    HUMAN: "Pipelines beside people",
    MULTIVERSE: "The same predictions under every label rule",
    CRITICAL_DIFFERENCE: "Mean ranks over datasets",
}


def test_datasets(config: Mapping[str, Any]) -> list[str]:
    """The datasets that are reported: those of role `test`, sorted."""
    return sorted(name for name, section in config["datasets"].items() if section["role"] == "test")


def figure_names(
    config: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Stems of all figures of a resolved configuration (a `RunConfig` as a dict), in the order of the report. `cards`: those of the datasets, by name.

    The fusion figure is left out when the run declares no fusion, those of the ensemble and of agreement when there is but one pair, the examples when the
    run shows no faces, that beside people where the dataset's card does not promise `votes`, that of the multiverse where the dataset is not asked for one,
    and critical differences below six test datasets.
    """
    everywhere = [HEATMAP, CONFUSION]
    if config["fusions"]:
        everywhere.append(FUSION)
    if len(config["detectors"]) * len(config["models"]) > 1:
        everywhere += [ENSEMBLE, AGREEMENT]
    everywhere += [PER_CLASS, RELIABILITY, REJECTION]
    found = []
    for dataset in test_datasets(config):
        kinds = list(everywhere)
        if (cards or {}).get(dataset, {}).get("votes"):
            kinds.append(HUMAN)
        if config["datasets"][dataset].get("multiverse"):
            kinds.append(MULTIVERSE)
        if config["report"]["faces"] and config["figures"]["examples"]:
            kinds.append(EXAMPLES)
        found += [f"{kind}-{dataset}" for kind in kinds]
    several = len(test_datasets(config)) >= LEAST_DATASETS
    return [*found, COVERAGE, *([CRITICAL_DIFFERENCE] if several else [])]


def figure_files(
    config: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Every file that the figures stage writes: each figure in each format, and its data as CSV."""
    return [
        f"{name}.{suffix}"
        for name in figure_names(config, cards)
        for suffix in (*config["figures"]["formats"], "csv")
    ]
