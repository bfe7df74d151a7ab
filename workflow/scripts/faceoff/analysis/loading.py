"""Load plug-ins by their names alone, without a configuration."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from faceoff.assets.asset import AssetError
from faceoff.inference.clock import Clock
from faceoff.inference.hardware import check_device
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin
from faceoff.plugins.protocols import (
    EmotionModel,
    FaceDetector,
    FaceSignal,
    KnownFaces,
    RecordedModel,
)
from faceoff.plugins.speech_protocols import KnownSegments, Segmenter, SpeechModel

Loaded = TypeVar("Loaded")


def runnable(kind: str, name: str) -> Plugin:
    """Return a plug-in that runs here. Raises ValueError that suggests a name, or says why not."""
    plugin = registry.get(kind, name)
    if reason := plugin.skip():
        raise ValueError(f"{kind} {name}: {reason}")
    return plugin


def loaded(
    plugin: Plugin,
    device: str,
    clock: Clock,
    files: Mapping[str, Path] = {},
    batch: int | None = None,
) -> Any:
    """Return a plug-in ready for work. Raises AssetError where its weights are missing.

    files: by role, in the place of its own; batch: pictures that its network computes together,
    None for the number that it declares.
    """
    try:
        return load_plugin(replace(plugin.job(), device=device, batch=batch), clock, **files)
    except AssetError as error:
        said = f"{plugin.kind} {plugin.name}: {error}"
        if not plugin.assets and plugin.card.get("options"):
            said += (
                "; a command cannot give options, a configuration can: "
                f"{plugin.kind}s: {{{plugin.name}: {{options: …}}}}"
            )
        raise AssetError(said) from error


def detector(plugin: Plugin, device: str, clock: Clock, batch: int | None = None) -> FaceDetector:
    """Return a detector. Raises ValueError for one that does not look at pictures.

    batch: as of `loaded`.
    """
    found = loaded(plugin, device, clock, batch=batch)
    if isinstance(found, KnownFaces):
        raise _blind(plugin)
    return found


def model(
    plugin: Plugin,
    device: str,
    clock: Clock,
    files: Mapping[str, Path] = {},
    batch: int | None = None,
) -> EmotionModel:
    """Return a model. Raises ValueError for one that does not look at pictures.

    files, batch: as of `loaded`.
    """
    found = loaded(plugin, device, clock, files, batch)
    if isinstance(found, RecordedModel):
        raise _blind(plugin)
    return found


class Networks:
    """Load each plug-in once, for several analyzers of one process.

    device: auto, cpu or cuda; batch: pictures that a network computes together, None for the number
    that it declares. The last bits of a number depend on it. Not for several threads at once.
    """

    def __init__(self, device: str = "auto", batch: int | None = None):
        check_device(device)
        self.clock = Clock()
        self._device, self._batch = device, batch
        self._loaded: dict[tuple[str, str, str], Any] = {}

    def detector(self, plugin: Plugin) -> FaceDetector:
        """Return a detector. Raises as `loading.detector`."""
        make = partial(detector, plugin, self._device, self.clock, self._batch)
        return self._once(plugin, make)

    def model(self, plugin: Plugin) -> EmotionModel:
        """Return a model. Raises as `loading.model`."""
        make = partial(model, plugin, self._device, self.clock, batch=self._batch)
        return self._once(plugin, make)

    def signal(self, plugin: Plugin) -> FaceSignal:
        """Return a signal. Raises as `loaded`."""
        make = partial(loaded, plugin, self._device, self.clock, batch=self._batch)
        return self._once(plugin, make)

    def segmenter(self, plugin: Plugin) -> Segmenter:
        """Return a segmenter. Raises as `loaded`, and ValueError for one that does not listen."""
        make = partial(loaded, plugin, self._device, self.clock)
        found = self._once(plugin, make)
        if isinstance(found, KnownSegments):
            raise ValueError(
                f"{plugin.title} knows only the utterances of a dataset, so it cannot be used"
            )
        return found

    def speech_model(self, plugin: Plugin, trained: Path | None) -> SpeechModel:
        """Return a speech model. Raises as `loaded`. trained: what it has learnt, if it learns."""
        files = {} if trained is None else {"trained": trained}
        make = partial(loaded, plugin, self._device, self.clock, files, self._batch)
        return self._once(plugin, make, str(trained))

    def _once(self, plugin: Plugin, make: Callable[[], Loaded], learnt: str = "") -> Loaded:
        key = (plugin.kind, plugin.name, learnt)
        if key not in self._loaded:
            self._loaded[key] = make()
        return cast(Loaded, self._loaded[key])


def _blind(plugin: Plugin) -> ValueError:
    return ValueError(f"{plugin.kind} {plugin.name!r} looks at no pictures, so it cannot be used")
