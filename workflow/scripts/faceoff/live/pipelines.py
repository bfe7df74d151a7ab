"""Hold a server's pipelines, whose networks are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from faceoff.analysis.analyzer import Analyzer
from faceoff.analysis.loading import Networks
from faceoff.analysis.result import Analysis
from faceoff.live.settings import Settings
from faceoff.live.uploads import RefusedError
from faceoff.plugins.protocols import RGB
from faceoff.spelling import suggestion


@dataclass(frozen=True)
class Pipeline:
    """A detector and a model that read together. emotions: that the model can name."""

    name: str
    detector: str
    model: str
    emotions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what a client is told of it."""
        return {
            "name": self.name, "detector": self.detector, "model": self.model,
            "emotions": list(self.emotions),
        }  # fmt: skip


class Pipelines:
    """Every pair of the detectors and models of a server.

    Raises ValueError for a name that is unknown or cannot run here, AssetError for missing weights.
    """

    def __init__(self, settings: Settings):
        self._networks = Networks(settings.device)
        self._analyzers: dict[str, Analyzer] = {}
        self._pipelines: dict[str, Pipeline] = {}
        for detector, model in product(
            dict.fromkeys(settings.detectors), dict.fromkeys(settings.models)
        ):
            name = f"{detector}/{model}"
            analyzer = Analyzer(
                detector, [model], identities=False, signals=settings.signals,
                networks=self._networks,
            )  # fmt: skip
            self._analyzers[name] = analyzer
            self._pipelines[name] = Pipeline(name, detector, model, analyzer.emotions)

    def __iter__(self) -> Iterator[Pipeline]:
        return iter(self._pipelines.values())

    def chosen(self, names: Sequence[str]) -> list[Pipeline]:
        """Return the pipelines of these names, the first one without any.

        Raises RefusedError (422) for an unknown one.
        """
        for name in names:
            if name not in self._pipelines:
                near = suggestion(name, self._pipelines)
                raise RefusedError(422, f"no pipeline {name[:80]!r} is served{near}")
        known = list(self._pipelines.values())
        return [self._pipelines[name] for name in dict.fromkeys(names)] or known[:1]

    def read(self, name: str, images: Sequence[RGB]) -> list[Analysis]:
        """Return what a pipeline sees in each picture. One thread at a time may call it."""
        found = self._analyzers[name].stills(images)
        del self._networks.clock.batches[1:]  # a server has no end
        return found
