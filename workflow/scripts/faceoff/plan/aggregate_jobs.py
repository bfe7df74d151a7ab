"""Describe the jobs that gather a whole run: tables, figures, captions, pages, manifest.

Each record holds what its stage reads and nothing else, so that a setting makes again only what
shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faceoff.plugins.jobs import Job

Card = dict[str, Any]  # what a plug-in says of itself


def reported_datasets(config: Mapping[str, Any]) -> list[str]:
    """Return the datasets of a resolved configuration that have the role test, sorted."""
    return sorted(name for name, section in config["datasets"].items() if section["role"] == "test")


def limited_datasets(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the datasets of which only some samples are taken, sorted."""
    sections = config["datasets"].items()
    return tuple(sorted(name for name, section in sections if section["limit"] is not None))


@dataclass(frozen=True, kw_only=True)
class TablesJob(Job):
    """Write the tables. limited: datasets of which only some samples are taken."""

    limited: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FiguresJob(Job):
    """Draw figures, each in every format (svg, pdf, png).

    datasets: the test datasets, in order; figures: their names, KIND-DATASET or KIND; examples: how
    many right and how many wrong faces are shown.
    """

    datasets: tuple[str, ...]
    figures: tuple[str, ...]
    formats: tuple[str, ...]
    examples: int


@dataclass(frozen=True, kw_only=True)
class CaptionsJob(Job):
    """Gather the captions of the run of this name.

    figures: as of `FiguresJob`; titles: of every kind of figure; limited: test datasets of which
    only some samples are taken.
    """

    run: str
    figures: tuple[str, ...]
    titles: dict[str, str]
    limited: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SpeedJob(Job):
    """Write the page of speed. datasets: the test datasets, in order."""

    run: str
    title: str
    datasets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReportJob(Job):
    """Write the page, which shows the whole configuration.

    config: as resolved; datasets: cards of the test datasets; titles: of every kind of figure;
    models: what the models' cards state of source and published results; assets: weights by user,
    with licence and hash.
    """

    config: dict[str, Any]
    datasets: dict[str, Card]
    titles: dict[str, str]
    models: dict[str, Card] = field(default_factory=dict)
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Return the run's name."""
        return str(self.config["run"])

    @property
    def title(self) -> str:
        """Return the page's title."""
        return str(self.config["report"]["title"])

    @property
    def faces(self) -> bool:
        """Return whether the page shows pictures of faces."""
        return bool(self.config["report"]["faces"])

    @property
    def formats(self) -> tuple[str, ...]:
        """Return the formats of the figures that the page links."""
        return tuple(self.config["figures"]["formats"])


@dataclass(frozen=True, kw_only=True)
class ManifestJob(Job):
    """Write down what made the results.

    config: as resolved; assets, models: as of `ReportJob`; datasets: cards of all datasets;
    environments: 'detector NAME' or 'model NAME' -> the environment that it ran in.
    """

    config: dict[str, Any]
    datasets: dict[str, Card]
    models: dict[str, Card]
    assets: dict[str, dict[str, Any]]
    environments: dict[str, str]
