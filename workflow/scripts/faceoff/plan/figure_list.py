"""List the figures of a run before anything has run: Snakemake declares them as outputs.

A figure is a module of figures/ with an entry `FIGURE`, which is read without running the module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from faceoff.layout import PACKAGE
from faceoff.plan.aggregate_jobs import reported_datasets
from faceoff.plugins import entries
from faceoff.spelling import suggestion
from faceoff.statistics.limits import LEAST_DATASETS

FOLDER = PACKAGE / "figures"


@dataclass(frozen=True)
class Listed:
    """Say what the plan knows of a kind of figure.

    needs: what a run must have for it; whole_run: one figure for all datasets.
    """

    title: str
    place: int
    needs: tuple[str, ...]
    whole_run: bool


@dataclass(frozen=True)
class Contents:
    """Say what a run has to show.

    datasets: those of role test, by name; pairs: number of detector x model pairs; faces: whether
    it shows faces; votes, multiverse, tracks: datasets whose labels are votes, those scored by
    every rule, and those whose tracks are scored; temporal: those that rules over time read;
    robustness: those whose pictures are made worse; synchrony: those whose lips and sound are
    compared.
    """

    datasets: tuple[str, ...]
    pairs: int
    fusions: bool
    faces: bool
    votes: frozenset[str]
    multiverse: frozenset[str]
    tracks: frozenset[str] = frozenset()
    temporal: frozenset[str] = frozenset()
    robustness: frozenset[str] = frozenset()
    synchrony: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        config: Mapping[str, Any],
        cards: Mapping[str, Mapping[str, Any]],
        synchrony: bool = False,
    ) -> "Contents":
        """Read it off a resolved configuration (a `RunConfig` as a dict) and the cards.

        synchrony: whether the run compares lips and sound.
        """
        names = reported_datasets(config)
        sections = config["datasets"]
        return cls(
            datasets=tuple(names),
            pairs=len(config["detectors"]) * len(config["models"]),
            fusions=bool(config["fusions"]),
            faces=bool(config["report"]["faces"] and config["figures"]["examples"]),
            votes=frozenset(name for name in names if cards.get(name, {}).get("votes")),
            multiverse=frozenset(name for name in names if sections[name].get("multiverse")),
            temporal=frozenset(
                name
                for name in names
                for rule in config.get("temporal", {}).values()
                if any(fnmatchcase(name, pattern) for pattern in rule["datasets"])
            ),
            robustness=frozenset(
                name
                for name in names
                for section in config.get("corruptions", {}).values()
                if any(fnmatchcase(name, pattern) for pattern in section["datasets"])
            ),
            synchrony=frozenset(names if synchrony else ()),
            tracks=frozenset(
                name
                for name in names
                if config.get("tracking") and cards.get(name, {}).get("people")
            ),
        )

    def needs(self, dataset: str | None = None) -> dict[str, bool]:
        """Return every need that a figure can state, and whether it is met.

        The run meets it, or this dataset.
        """
        return {
            "fusions": self.fusions,
            "several_pairs": self.pairs > 1,
            "faces": self.faces,
            "enough_datasets": len(self.datasets) >= LEAST_DATASETS,
            "votes": dataset in self.votes,
            "multiverse": dataset in self.multiverse,
            "temporal": dataset in self.temporal,
            "tracks": dataset in self.tracks,
            "robustness": dataset in self.robustness,
            "synchrony": dataset in self.synchrony,
        }


@cache
def listed() -> dict[str, Listed]:
    """Return every kind of figure by its name, in the order of the captions."""
    found = {}
    for path in entries.modules(FOLDER, "FIGURE"):
        told = entries.arguments(path, "FIGURE")
        found[path.stem] = Listed(
            told["title"], told["place"], tuple(told.get("needs", ())), "of_run" in told
        )
    return dict(sorted(found.items(), key=lambda item: (item[1].whole_run, item[1].place)))


def titles() -> dict[str, str]:
    """Return the title of every kind of figure."""
    return {name: figure.title for name, figure in listed().items()}


def figure_names(contents: Contents) -> tuple[str, ...]:
    """Return the names of all figures of a run: KIND-DATASET, then KIND of those of the whole run.

    Raises ValueError for a figure with an unknown need.
    """
    per_dataset = [
        f"{kind}-{dataset}"
        for dataset in contents.datasets
        for kind, figure in listed().items()
        if not figure.whole_run and _wanted(kind, figure, contents.needs(dataset))
    ]
    whole = [
        kind
        for kind, figure in listed().items()
        if figure.whole_run and _wanted(kind, figure, contents.needs())
    ]
    return (*per_dataset, *whole)


def _wanted(kind: str, figure: Listed, met: Mapping[str, bool]) -> bool:
    """Return whether everything that a figure needs is there."""
    for need in figure.needs:
        if need not in met:
            raise ValueError(f"figures/{kind}.py: unknown need {need!r}{suggestion(need, met)}")
    return all(met[need] for need in figure.needs)


def figure_files(names: Sequence[str], formats: Sequence[str]) -> list[str]:
    """Return every file of these figures: each in each format, and its data as CSV."""
    return [f"{name}.{suffix}" for name in names for suffix in (*formats, "csv")]
