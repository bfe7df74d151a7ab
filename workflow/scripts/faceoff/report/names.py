"""The figures of a run, by file name, known before anything has run: Snakemake declares them as outputs. Standard library only."""

from collections.abc import Mapping
from typing import Any

HEATMAP, CONFUSION, FUSION, ENSEMBLE = "heatmap", "confusion", "fusion", "ensemble"
PER_CLASS, EXAMPLES, COVERAGE = "per_class", "examples", "coverage"

# Words for a figure's kind, as the page and `snakemake --report` show them.
TITLES = {
    HEATMAP: "Accuracy of every detector × model pair",
    CONFUSION: "Confusion matrices",
    FUSION: "Fusion against the best single pair",
    ENSEMBLE: "How many pairs a vote needs, and what each is worth",
    PER_CLASS: "Recall and F1 by emotion",
    EXAMPLES: "Examples, right and wrong",
    COVERAGE: "What each detector covered",
}


def test_datasets(config: Mapping[str, Any]) -> list[str]:
    """The datasets that are reported: those of role `test`, sorted."""
    return sorted(name for name, section in config["datasets"].items() if section["role"] == "test")


def figure_names(config: Mapping[str, Any]) -> list[str]:
    """Stems of all figures of a resolved configuration (a `RunConfig` as a dict), in the order of the report.

    The fusion figure is left out when the run declares no fusion, that of the ensemble when there is but one pair, the examples when the run shows no faces.
    """
    kinds = [HEATMAP, CONFUSION]
    if config["fusions"]:
        kinds.append(FUSION)
    if len(config["detectors"]) * len(config["models"]) > 1:
        kinds.append(ENSEMBLE)
    kinds.append(PER_CLASS)
    if config["report"]["faces"] and config["figures"]["examples"]:
        kinds.append(EXAMPLES)
    return [f"{kind}-{dataset}" for dataset in test_datasets(config) for kind in kinds] + [COVERAGE]


def figure_files(config: Mapping[str, Any]) -> list[str]:
    """Every file that the figures stage writes: each figure in each format, and its data as CSV."""
    return [f"{name}.{suffix}" for name in figure_names(config) for suffix in (*config["figures"]["formats"], "csv")]
