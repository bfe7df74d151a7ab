"""Find plug-ins by name without importing them.

A plug-in file declares its plug-ins in one literal at its top, which is read with `ast` and never
executed:

    DETECTORS = {"yunet": {"class": "YuNet", "framework": "onnx", "assets": {…}, …}}

(`DATASETS`, `MODELS`, `SIGNALS`, `SEGMENTERS` and `SPEECH_MODELS` likewise). A model that is only
a weights file is a YAML card in models/cards. Other folders of plug-ins come from the config's
`plugins:` list and from the `faceoff.plugins` entry points of installed packages. The workflow thus
knows frameworks, assets and reasons to skip in milliseconds, and only the job that uses a framework
imports it.
"""

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from faceoff.plugins import moved
from faceoff.plugins.headers import from_header, headers_in
from faceoff.plugins.model_cards import read_card
from faceoff.plugins.plugin import PACKAGE, Plugin, RegistryError
from faceoff.spelling import suggestion


@cache
def _card_at(path: Path, mtime_ns: int) -> Plugin:
    """Return the card at a path; it is read once for each modification time of the file."""
    return read_card(path)


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    """Yield the plug-in files and cards of the package and of these folders."""
    rooms = (
        *("datasets", "detectors", "models", "models/cards", "signals"),
        *("segmenters", "speech_models"),
    )
    builtin = [PACKAGE / room for room in rooms]
    for folder in [*builtin, *folders]:
        if not folder.is_dir():
            raise RegistryError(f"plugins: {folder} is not a folder")
        yield from sorted(
            path
            for path in folder.iterdir()
            if path.suffix in {".py", ".yaml"} and not path.name.startswith(("_", "."))
        )


def _entry_point_folders() -> list[Path]:
    """Return the folders that installed packages offer.

    An entry point of the group `faceoff.plugins` names a package whose folder is searched.
    """
    folders = []
    for point in importlib.metadata.entry_points(group="faceoff.plugins"):
        spec = importlib.util.find_spec(point.value)
        folders += (
            [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
        )
    return folders


@lru_cache(maxsize=16)
def discover(folders: tuple[Path, ...] = ()) -> Mapping[tuple[str, str], Plugin]:
    """Return every plug-in by (kind, name), built-in ones first.

    Raises RegistryError for a second plug-in of the same kind and name.
    """
    plugins_by_name: dict[tuple[str, str], Plugin] = {}
    for path in _files([*_entry_point_folders(), *folders]):
        if path.suffix == ".yaml":
            plugins = [read_card(path)]
        else:
            plugins = [
                from_header(kind, name, entry, path)
                for kind, entries in headers_in(path)
                for name, entry in entries.items()
            ]
        for plugin in plugins:
            key = (plugin.kind, plugin.name)
            if key in plugins_by_name:
                raise RegistryError(
                    f"{path}: {plugin.kind} {plugin.name!r} is already defined in "
                    f"{plugins_by_name[key].source}"
                )
            plugins_by_name[key] = plugin
    return plugins_by_name


def names(kind: str, folders: tuple[Path, ...] = ()) -> list[str]:
    """Return the sorted names of all plug-ins of a kind."""
    return sorted(name for other, name in discover(folders) if other == kind)


def get(kind: str, name: str, folders: tuple[Path, ...] = ()) -> Plugin:
    """Return a plug-in by its name; for a model also by the path of a card (.yaml).

    Raises RegistryError that suggests the nearest name, or if a card is of the other kind of model.
    """
    if kind in ("model", "speech_model") and name.endswith((".yaml", ".yml")):
        path = Path(name)
        found = _card_at(path, path.stat().st_mtime_ns if path.exists() else 0)
        if found.kind != kind:
            section = "speech_models" if found.kind == "speech_model" else "models"
            raise RegistryError(f"model card {name}: it belongs into the section {section!r}")
        return found
    plugins = discover(folders)
    if (kind, name) not in plugins:
        raise RegistryError(f"unknown {kind} {name!r}{suggestion(name, names(kind, folders))}")
    return plugins[kind, name]


def load(source: str | Path, class_name: str) -> type[Any]:
    """Import a plug-in file and return its class.

    Built-in files are imported as modules of the package, all others by their path. Raises
    RegistryError if the class is not in the file, or if the file imports a module by a path of an
    older version; the message then gives the new path.
    """
    source = (
        (PACKAGE / source).resolve() if (PACKAGE / source).is_file() else Path(source).resolve()
    )
    if source.is_relative_to(PACKAGE):
        module = importlib.import_module(
            "faceoff." + ".".join(source.relative_to(PACKAGE).with_suffix("").parts)
        )
    else:
        name = f"faceoff_plugin_{source.stem}"
        spec = importlib.util.spec_from_file_location(name, source)
        if spec is None or spec.loader is None:
            raise RegistryError(f"{source}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            ours = (error.name or "").partition(".")[0] == "faceoff"
            lines = moved.new_paths(source, error) if ours else []
            if lines:
                raise RegistryError("\n".join(f"{source}: {line}" for line in lines)) from error
            raise
    loaded: type[Any] | None = getattr(module, class_name, None)
    if loaded is None:
        raise RegistryError(f"{source}: class {class_name!r} is not in the file")
    return loaded
