"""Describe a plug-in without importing it."""

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from faceoff.assets.asset import Asset
from faceoff.plugins.jobs import PluginJob
from faceoff.spelling import suggestion

PACKAGE = Path(__file__).parents[1]
FRAMEWORKS = (
    "core",
    "onnx",
    "mediapipe",
    "torch",
    "face_alignment",
    "facetorch",
    "openface3",
    "pyfeat",
    "libreface",
    "speech",
    "opensmile",
)
_WITHOUT_TORCH = ("core", "onnx", "mediapipe", "speech", "opensmile")
_CONDA = "run with --use-conda"
# What to do where a package of a framework is missing; the packages of core are a plug-in's own.
_CURES = {
    **dict.fromkeys(
        ("onnx", "mediapipe", "speech"),
        f": install it (`pip install 'faceoff[default]'`), or {_CONDA}",
    ),
    **dict.fromkeys(
        ("torch", "face_alignment", "facetorch"),
        f": `make full` installs it and .venv-full/bin/faceoff then runs, or {_CONDA}",
    ),
    **dict.fromkeys(
        ("openface3", "pyfeat", "libreface"), f": it needs an environment of its own: {_CONDA}"
    ),
    "opensmile": f": its licence allows research only; `pip install opensmile`, or {_CONDA}",
}


class RegistryError(ValueError):
    """An unknown plug-in, or a wrong header or card; the message names the file and the fix."""


# The defaults of keys that a header or card may leave out.
_CARD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dataset": {},
    "detector": {"threshold": 0.0, "min_size": 0, "options": {}},
    "model": {"options": {}},
    "signal": {"options": {}},
    "segmenter": {"options": {}},
    "speech_model": {"options": {}},
}
KINDS = ("detector", "model", "signal", "segmenter", "speech_model")  # that a run may name


@dataclass(frozen=True)
class Plugin:
    """A plug-in as its header or card describes it, without importing it.

    cure: what to do where one of `modules` is missing; default: that of the framework; card: the
    rest of the header: options, calibration, lineage, licence …
    """

    kind: str
    name: str
    source: Path
    class_name: str
    framework: str = "core"
    assets: Mapping[str, Asset] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    cure: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return kind and name in words: 'speech model prosody'."""
        return f"{self.kind.replace('_', ' ')} {self.name}"

    @property
    def source_name(self) -> str:
        """Return the file relative to the package, or the full path of a plug-in from outside.

        A checkout that was moved thus gives the same job.
        """
        return str(
            self.source.relative_to(PACKAGE) if self.source.is_relative_to(PACKAGE) else self.source
        )

    @property
    def torch(self) -> bool:
        """Return whether it computes in PyTorch, which finds a GPU and can reduce precision."""
        return self.framework not in _WITHOUT_TORCH

    @property
    def gpu(self) -> bool:
        """Return whether it computes on a GPU if the job has one."""
        return self.torch or "onnxruntime" in self.modules

    def skip(self) -> str | None:
        """Return why this plug-in cannot run in this environment, or None. Imports nothing."""
        if missing := not_installed(self.modules):
            cure = _CURES.get(self.framework, "") if self.cure is None else self.cure
            return f"python package {missing[0]!r} is not installed{cure}"
        for binary in self.binaries:
            if shutil.which(binary) is None:
                return f"program {binary!r} is not on PATH"
        return None

    def unknown_options(self, given: Iterable[str]) -> list[str]:
        """Return one message for each of these options that the header does not declare."""
        declared = self.card.get("options", {})
        instead = {
            name: suggestion(str(name), declared) if declared else "; it has none"
            for name in given
            if name not in declared
        }
        return [
            f"{self.kind} {self.name!r} has no option {name!r}{hint}"
            for name, hint in instead.items()
        ]

    def job(self) -> PluginJob:
        """Return all that a job needs to load the plug-in again."""
        return PluginJob(
            name=self.name,
            source=self.source_name,
            class_name=self.class_name,
            assets={
                role: {**vars(asset), "urls": list(asset.urls)}
                for role, asset in sorted(self.assets.items())
            },
            card={**_CARD_DEFAULTS[self.kind], **self.card},
        )


def not_installed(modules: Iterable[str]) -> list[str]:
    """Return those of these python packages that are not installed here. Imports nothing."""
    return [module for module in modules if not _installed(module)]


@cache
def _installed(module: str) -> bool:
    first, *inner = module.split(".")
    spec = importlib.util.find_spec(first)
    for name in inner:  # find_spec of a dotted name would import its parents
        places = spec.submodule_search_locations if spec else None
        spec = importlib.machinery.PathFinder.find_spec(name, places) if places else None
    return spec is not None
