"""Load plug-ins by their names alone, without a configuration."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceoff.assets.asset import AssetError
from faceoff.inference.clock import Clock
from faceoff.inference.plugin_job import load_plugin
from faceoff.plugins import registry
from faceoff.plugins.plugin import Plugin
from faceoff.plugins.protocols import EmotionModel, FaceDetector, KnownFaces, RecordedModel


def runnable(kind: str, name: str) -> Plugin:
    """Return a plug-in that runs here. Raises ValueError that suggests a name, or says why not."""
    plugin = registry.get(kind, name)
    if reason := plugin.skip():
        raise ValueError(f"{kind} {name}: {reason}")
    return plugin


def loaded(plugin: Plugin, device: str, clock: Clock, files: Mapping[str, Path] = {}) -> Any:
    """Return a plug-in ready for work. Raises AssetError where its weights are missing.

    files: by role, in the place of its own.
    """
    try:
        return load_plugin(replace(plugin.job(), device=device), clock, **files)
    except AssetError as error:
        said = f"{plugin.kind} {plugin.name}: {error}"
        if not plugin.assets and plugin.card.get("options"):
            said += (
                "; a command cannot give options, a configuration can: "
                f"{plugin.kind}s: {{{plugin.name}: {{options: …}}}}"
            )
        raise AssetError(said) from error


def detector(plugin: Plugin, device: str, clock: Clock) -> FaceDetector:
    """Return a detector. Raises ValueError for one that does not look at pictures."""
    found = loaded(plugin, device, clock)
    if isinstance(found, KnownFaces):
        raise _blind(plugin)
    return found


def model(
    plugin: Plugin, device: str, clock: Clock, files: Mapping[str, Path] = {}
) -> EmotionModel:
    """Return a model. Raises ValueError for one that does not look at pictures.

    files: by role, in the place of its own.
    """
    found = loaded(plugin, device, clock, files)
    if isinstance(found, RecordedModel):
        raise _blind(plugin)
    return found


def _blind(plugin: Plugin) -> ValueError:
    return ValueError(f"{plugin.kind} {plugin.name!r} looks at no pictures, so it cannot be used")
