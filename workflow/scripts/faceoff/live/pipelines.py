"""Hold a server's pipelines, whose networks are loaded once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from faceoff.analysis.analyzer import Analyzer
from faceoff.analysis.loading import Networks
from faceoff.analysis.result import Analysis
from faceoff.drawing import scenes
from faceoff.live.settings import Settings
from faceoff.live.uploads import RefusedError
from faceoff.plugins.protocols import RGB
from faceoff.spelling import suggestion

# Pictures that a network computes together, as far as that changes no bit. `analyze` takes 64 of a
# video; a server seldom has so many, and the rest would be padding. With 16 instead of 4, one
# client gets a third of the answers, and 16 clients no more.
_TOGETHER = 4
_PROBES = 18  # pictures: whole batches and a part of one


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
        pairs = tuple(product(dict.fromkeys(settings.detectors), dict.fromkeys(settings.models)))
        same = is_same_in_small_batches(pairs, settings.signals, settings.device)
        self._networks = Networks(settings.device, _TOGETHER if same else None)
        self._analyzers: dict[str, Analyzer] = {}
        self._pipelines: dict[str, Pipeline] = {}
        analyzers = _analyzers(pairs, settings.signals, self._networks)
        for (detector, model), analyzer in zip(pairs, analyzers, strict=True):
            name = f"{detector}/{model}"
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


def _analyzers(
    pairs: Sequence[tuple[str, str]], signals: Sequence[str], networks: Networks
) -> list[Analyzer]:
    return [
        Analyzer(detector, [model], identities=False, signals=signals, networks=networks)
        for detector, model in pairs
    ]


@lru_cache(maxsize=8)
def is_same_in_small_batches(
    pairs: tuple[tuple[str, str], ...], signals: tuple[str, ...], device: str
) -> bool:
    """Return whether pipelines give the bits of `analyze` also by batches of `_TOGETHER`.

    The bits of a network depend on how many pictures it computes together, not on their values,
    if they do; so a few drawn faces tell. A pipeline that does not read most of them tells nothing.
    """
    faces = [scenes.draw(scene)[0] for scene in scenes.plan("test")[:4]]
    images = [np.roll(faces[n % len(faces)], n, axis=1) for n in range(_PROBES)]
    found = []
    for batch in (None, _TOGETHER):
        analyzers = _analyzers(pairs, signals, Networks(device, batch))
        try:
            rows = [
                [row for one in analyzer.stills(images) for row in one.frames.rows()]
                for analyzer in analyzers
            ]
        except Exception:  # of a network; requests will tell
            return False
        if any(2 * sum(row["success"] for row in own) < _PROBES for own in rows):
            return False
        found.append(repr(rows))
    return found[0] == found[1]
