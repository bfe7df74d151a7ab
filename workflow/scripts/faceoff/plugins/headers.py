"""Read and check the literal header of a plug-in file, with `ast`."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from faceoff.assets.asset import Asset, AssetError
from faceoff.plugins.plugin import FRAMEWORKS, Plugin, RegistryError
from faceoff.spelling import suggestion

HEADERS = {
    "DATASETS": "dataset",
    "DETECTORS": "detector",
    "MODELS": "model",
    "SIGNALS": "signal",
    "SEGMENTERS": "segmenter",
    "SPEECH_MODELS": "speech_model",
}


def headers_in(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield the literal headers of a Python file, as (kind, entries)."""
    try:
        body = ast.parse(path.read_bytes(), filename=str(path)).body
    except (SyntaxError, ValueError) as error:
        raise RegistryError(f"{path}: syntax error: {error}") from None
    for node in body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in HEADERS
        ):
            name = node.targets[0].id
            try:
                entries = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                raise RegistryError(
                    f"{path}:{node.lineno}: {name} must be a literal (no names, calls or f-strings)"
                ) from None
            if not isinstance(entries, dict) or not all(
                isinstance(entry, dict) for entry in entries.values()
            ):
                raise RegistryError(
                    f"{path}:{node.lineno}: {name} must map each plug-in's name to its keys"
                )
            yield HEADERS[name], entries


# The keys of a header that the package reads. Those that only a class reads are its `options`.
_RUNS_APART = {"class", "framework", "requires", "assets", "options", "licence", "source", "notes"}
_HEADER_KEYS = {
    "dataset": {"class", "title", "terms", "how_to_get", "drawn", "votes", "people"},
    "detector": {*_RUNS_APART, "threshold", "min_size", "calibration", "whole_frame", "given"},
    "model": {
        *_RUNS_APART, "lineage", "training_data", "selected_on", "published", "checkpoint",
        "outputs", "recipe", "trained", "trainable", "reads",
    },
    "signal": {
        *_RUNS_APART, "training_data", "checkpoint", "gaze_frame", "au_threshold", "error", "lips",
    },
    "segmenter": _RUNS_APART,
    "speech_model": {
        *_RUNS_APART, "lineage", "training_data", "selected_on", "published", "checkpoint",
        "trained", "trainable",
    },
}  # fmt: skip
_HEADER_PARTS = {"requires": {"modules", "binaries"}, "calibration": {"dx", "dy", "sx", "sy"}}


def _check_header(kind: str, name: str, entry: Mapping[str, Any], source: Path) -> None:
    """Raise RegistryError for a key that nothing reads.

    The message names the file, the key and the nearest valid one.
    """
    for key in ("requires", "options", "assets", "calibration", "error"):
        if not isinstance(entry.get(key, {}), dict):
            raise RegistryError(f"{source}: {name}: {key}: expected keys and values")
    parts = [(entry.get(part, {}), valid, f"{part}.") for part, valid in _HEADER_PARTS.items()]
    for keys, valid, where in ((entry, _HEADER_KEYS[kind], ""), *parts):
        for key in keys:
            if key not in valid:
                raise RegistryError(
                    f"{source}: {name}: unknown key "
                    f"{where}{key}{suggestion(str(key), sorted(valid))}"
                )
    for key, value in entry.get("requires", {}).items():
        if not isinstance(value, list | tuple):
            raise RegistryError(f"{source}: {name}: requires.{key}: expected a list of names")


def from_header(kind: str, name: str, entry: Mapping[str, Any], source: Path) -> Plugin:
    """Return the plug-in that one entry of a header describes. Raises RegistryError."""
    _check_header(kind, name, entry, source)
    rest = dict(entry)
    requires = rest.pop("requires", {})
    framework = rest.pop("framework", "core")
    if framework not in FRAMEWORKS:
        raise RegistryError(
            f"{source}: {name}: framework {framework!r}{suggestion(framework, FRAMEWORKS)}"
        )
    if "class" not in rest:
        raise RegistryError(f"{source}: {name}: the header lacks `class`")
    try:
        needed = {role: Asset.parse(value) for role, value in rest.pop("assets", {}).items()}
    except AssetError as error:
        raise RegistryError(f"{source}: {name}: {error}") from None
    return Plugin(
        kind=kind,
        name=name,
        source=source,
        class_name=rest.pop("class"),
        framework=framework,
        assets=needed,
        modules=tuple(requires.get("modules", ())),
        binaries=tuple(requires.get("binaries", ())),
        card=rest,
    )
