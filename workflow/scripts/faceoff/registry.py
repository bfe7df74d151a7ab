"""Find plug-ins by name without importing them.

A plug-in file declares what it offers in one literal at its top, which is read with `ast` and never executed:

    DETECTORS = {"yunet": {"class": "YuNet", "framework": "onnx", "assets": {"weights": {"file": …, "sha256": …}}, …}}

(`DATASETS` and `MODELS` likewise). A model that is only a weights file is a YAML card in models/cards. Other folders of plug-ins come
from the config's `plugins:` list and from installed packages' `faceoff.plugins` entry points. So the workflow knows frameworks,
assets and reasons to skip in milliseconds, and a framework is imported only in the job that uses it.
"""

import ast
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from faceoff import emotions
from faceoff.assets import Asset, AssetError

PACKAGE = Path(__file__).parent
HEADERS = {"DATASETS": "dataset", "DETECTORS": "detector", "MODELS": "model"}
FRAMEWORKS = ("core", "onnx", "mediapipe", "torch", "face_alignment", "facetorch", "openface3", "pyfeat", "libreface")
CARD_RUNTIMES = {  # runtime of a card -> env
    "onnx": "onnx", "tflite": "onnx", "keras": "torch", "timm": "torch", "torchscript": "torch", "transformers": "torch",
}  # fmt: skip
_WITHOUT_TORCH = ("core", "onnx", "mediapipe")
_CARD_MODULES = {  # runtime of a card -> python packages it needs
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert",),
    "keras": ("torch", "h5py"),
    "timm": ("torch", "timm"),
    "torchscript": ("torch",),
    "transformers": ("torch", "transformers"),
}
_CARD_CLASSES = {  # runtime of a card -> file in models/ and its class; the others of an env share one
    "onnx": ("card.py", "CardModel"),
    "torch": ("torch_card.py", "TorchCardModel"),
    "transformers": ("transformers_card.py", "TransformersCardModel"),
}


class RegistryError(ValueError):
    """A plug-in is unknown or its header or card is wrong; the message names the file and the fix."""


# What a header or card may leave out.
_CARD_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"dataset": {}, "detector": {"threshold": 0.0, "min_size": 0, "options": {}}, "model": {"options": {}}}


@dataclass(frozen=True)
class Plugin:
    """What is known of a plug-in without importing it. `card` holds the rest of its header: options, calibration, lineage, licence …"""

    kind: str
    name: str
    source: Path
    class_name: str
    framework: str = "core"
    assets: Mapping[str, Asset] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source_name(self) -> str:
        """The file relative to the package (so that a moved checkout stays the same job), or as given for a plug-in from outside."""
        return str(self.source.relative_to(PACKAGE) if self.source.is_relative_to(PACKAGE) else self.source)

    @property
    def torch(self) -> bool:
        """Whether it computes in PyTorch, which finds a GPU and can reduce precision."""
        return self.framework not in _WITHOUT_TORCH

    @property
    def gpu(self) -> bool:
        """Whether it computes on a GPU where the job has one."""
        return self.torch or "onnxruntime" in self.modules

    def skip(self) -> str | None:
        """Why this plug-in cannot run in this environment, or None. Imports nothing."""
        for module in self.modules:
            if not _installed(module):
                return f"python package {module!r} is not installed"
        for binary in self.binaries:
            if shutil.which(binary) is None:
                return f"program {binary!r} is not on PATH"
        return None

    def unknown_options(self, given: Iterable[str]) -> list[str]:
        """What is wrong with each of these names of options that the header does not declare: the name, and the nearest one that it does."""
        declared = self.card.get("options", {})
        instead = {name: emotions.suggestion(str(name), declared) if declared else "; it has none" for name in given if name not in declared}
        return [f"{self.kind} {self.name!r} has no option {name!r}{hint}" for name, hint in instead.items()]

    def job(self) -> dict[str, Any]:
        """All that a job needs to load it again, JSON-able: source and class, options, assets."""
        return {
            "name": self.name,
            "source": self.source_name,
            "class": self.class_name,
            "assets": {role: {**vars(asset), "urls": list(asset.urls)} for role, asset in sorted(self.assets.items())},
            "card": {**_CARD_DEFAULTS[self.kind], **self.card},
        }


@cache
def _installed(module: str) -> bool:
    first, *inner = module.split(".")
    spec = importlib.util.find_spec(first)
    for name in inner:  # find_spec of a dotted name would import what it is a part of
        places = spec.submodule_search_locations if spec else None
        spec = importlib.machinery.PathFinder.find_spec(name, places) if places else None
    return spec is not None


def _header(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """The literal headers of a Python file, as (kind, entries)."""
    try:
        body = ast.parse(path.read_bytes(), filename=str(path)).body
    except (SyntaxError, ValueError) as error:
        raise RegistryError(f"{path}: syntax error: {error}") from None
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in HEADERS:
            name = node.targets[0].id
            try:
                entries = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                raise RegistryError(f"{path}:{node.lineno}: {name} must be a literal (no names, calls or f-strings)") from None
            if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
                raise RegistryError(f"{path}:{node.lineno}: {name} must map each plug-in's name to its keys")
            yield HEADERS[name], entries


# What a header may say: what the package reads. What a class alone reads are its `options`.
_RUNS_APART = {"class", "framework", "requires", "assets", "options", "licence", "source", "notes"}
_HEADER_KEYS = {
    "dataset": {"class", "title", "terms", "how_to_get", "drawn", "votes"},
    "detector": {*_RUNS_APART, "threshold", "min_size", "calibration", "whole_frame", "given"},
    "model": {
        *_RUNS_APART, "lineage", "training_data", "selected_on", "published", "checkpoint", "outputs", "recipe", "trained", "trainable", "reads",
    },
}  # fmt: skip
_HEADER_PARTS = {"requires": {"modules", "binaries"}, "calibration": {"dx", "dy", "sx", "sy"}}


def _check_header(kind: str, name: str, entry: Mapping[str, Any], source: Path) -> None:
    """Raise RegistryError for a key that nothing would read, naming the file, the key and the nearest valid one."""
    for key in ("requires", "options", "assets", "calibration"):
        if not isinstance(entry.get(key, {}), dict):
            raise RegistryError(f"{source}: {name}: {key}: expected keys and values")
    parts = [(entry.get(part, {}), valid, f"{part}.") for part, valid in _HEADER_PARTS.items()]
    for keys, valid, where in ((entry, _HEADER_KEYS[kind], ""), *parts):
        for key in keys:
            if key not in valid:
                raise RegistryError(f"{source}: {name}: unknown key {where}{key}{emotions.suggestion(str(key), sorted(valid))}")
    for key, value in entry.get("requires", {}).items():
        if not isinstance(value, list | tuple):
            raise RegistryError(f"{source}: {name}: requires.{key}: expected a list of names")


def _from_header(kind: str, name: str, entry: Mapping[str, Any], source: Path) -> Plugin:
    _check_header(kind, name, entry, source)
    rest = dict(entry)
    requires = rest.pop("requires", {})
    framework = rest.pop("framework", "core")
    if framework not in FRAMEWORKS:
        raise RegistryError(f"{source}: {name}: framework {framework!r}{emotions.suggestion(framework, FRAMEWORKS)}")
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


_CARD_KEYS = {
    "name", "package", "file", "sha256", "urls", "size", "runtime", "input", "activation", "emotions", "lineage", "licence", "training_data", "selected_on",
    "source", "published", "notes", "architecture", "batch", "outputs", "revision",
}  # fmt: skip
_CARD_INPUT = {"size", "channels", "margin", "layout", "divisor", "mean", "std", "colours"}
_CARD_CHOICES = {"activation": ("softmax", "none"), "input.layout": ("nchw", "nhwc"), "input.colours": ("rgb", "bgr")}  # the first is the default


def read_card(path: Path) -> Plugin:
    """A model card (YAML) as a plug-in. Raises RegistryError naming the file, the key and the nearest valid one."""
    try:
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RegistryError(f"model card {path}: {error}") from None
    if not isinstance(card, dict):
        raise RegistryError(f"model card {path}: expected keys and values")
    if not isinstance(card.get("input", {}), dict):
        raise RegistryError(f"model card {path}: input: expected keys and values ({', '.join(sorted(_CARD_INPUT))})")
    for keys, valid, where in ((card, _CARD_KEYS, ""), (card.get("input") or {}, _CARD_INPUT, "input.")):
        for key in keys:
            if key not in valid:
                raise RegistryError(f"model card {path}: unknown key {where}{key}{emotions.suggestion(str(key), sorted(valid))}")
    hub = card.get("runtime") == "transformers"  # such a model's own files say what its input and its classes are
    for key in ("file", "sha256", "runtime") if hub else ("file", "sha256", "runtime", "input", "emotions"):
        if key not in card:
            raise RegistryError(f"model card {path}: key {key!r} is missing")
    if not hub and "size" not in card["input"]:
        raise RegistryError(f"model card {path}: key 'input.size' is missing: [height, width] in pixels")
    if card["runtime"] not in CARD_RUNTIMES:
        raise RegistryError(f"model card {path}: runtime {card['runtime']!r}{emotions.suggestion(str(card['runtime']), CARD_RUNTIMES)}")
    _check_card_values(path, card)
    try:
        classes = [emotions.canonical(str(label)) for label in card.get("emotions", ())]
    except ValueError as error:
        raise RegistryError(f"model card {path}: emotions: {error}") from None
    if len(set(classes)) < len(classes):
        raise RegistryError(f"model card {path}: emotions: {next(name for name in classes if classes.count(name) > 1)!r} stands twice")
    framework = CARD_RUNTIMES[card["runtime"]]
    module, class_name = _CARD_CLASSES.get(card["runtime"]) or _CARD_CLASSES[framework]
    rest = {key: value for key, value in card.items() if key not in {"file", "sha256", "urls", "size"}}
    if classes:
        rest["emotions"] = classes
    return Plugin(
        kind="model",
        name=str(card.get("name", path.stem)),
        source=PACKAGE / "models" / module,
        class_name=class_name,
        framework=framework,
        assets=_hub_files(path, card) if hub else {"weights": _weights(path, card)},
        modules=_CARD_MODULES[card["runtime"]],
        card={**rest, "activation": card.get("activation", "softmax")},
    )


def _weights(path: Path, card: Mapping[str, Any]) -> Asset:
    """The one file of a card: beside it, or wherever assets are looked for."""
    beside = path.parent / str(card["file"])
    return Asset(
        file=str(beside.resolve()) if beside.is_file() and "package" not in card else str(card["file"]),
        package=card.get("package"),
        sha256=str(card["sha256"]),
        urls=tuple(card.get("urls", ())),
        size=card.get("size"),
        licence=str(card.get("licence", "")),
        source=str(card.get("source", "")),
    )


HUB_FILES = {"config": "config.json", "processor": "preprocessor_config.json", "weights": "model.safetensors"}  # role -> name at Hugging Face


def _hub_files(path: Path, card: Mapping[str, Any]) -> dict[str, Asset]:
    """The three files of a model of transformers, each pinned: in a folder, or of one commit at Hugging Face.

    In the mirror and the cache they lie as OWNER--NAME--COMMIT--FILE, since every model calls them the same.
    """
    hashes, file = card["sha256"], str(card["file"])
    if not isinstance(hashes, dict) or set(hashes) != set(HUB_FILES.values()):
        raise RegistryError(f"model card {path}: sha256: expected one for each of {', '.join(HUB_FILES.values())} (one weights file, never a pickle)")
    about = {"licence": str(card.get("licence", "")), "source": str(card.get("source", ""))}
    if not file.startswith("hf:"):
        folder = (path.parent / file).resolve()
        if not folder.is_dir():
            raise RegistryError(f"model card {path}: file {file!r} is not a folder; a model at Hugging Face is written hf:owner/name")
        return {role: Asset(file=str(folder / name), sha256=str(hashes[name]), **about) for role, name in HUB_FILES.items()}
    repository, revision = file.removeprefix("hf:"), str(card.get("revision", ""))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise RegistryError(f"model card {path}: file {file!r}: expected hf:owner/name")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise RegistryError(f"model card {path}: revision {revision!r}: expected the commit, 40 hex digits (a branch or tag may move)")
    address, prefix = f"https://huggingface.co/{repository}/resolve/{revision}", f"{repository.replace('/', '--')}--{revision[:12]}"
    return {role: Asset(file=f"{prefix}--{name}", sha256=str(hashes[name]), urls=(f"{address}/{name}",), **about) for role, name in HUB_FILES.items()}


def _check_card_values(path: Path, card: Mapping[str, Any]) -> None:
    """Raise RegistryError for a value that no runtime could use, naming file and key."""
    for key, valid in _CARD_CHOICES.items():
        value = ((card.get("input") or {}) if "." in key else card).get(key.split(".")[-1], valid[0])
        if value not in valid:
            raise RegistryError(f"model card {path}: {key} {value!r}{emotions.suggestion(str(value), valid)}")
    batch = card.get("batch", 1)
    if type(batch) is not int or batch < 1:
        raise RegistryError(f"model card {path}: batch {batch!r}: expected a number of pictures, 1 or more")
    outputs = card.get("outputs", ["emotions"])
    if not isinstance(outputs, list) or outputs[:1] != ["emotions"] or not set(outputs[1:]) <= {"valence", "arousal"} or len(set(outputs)) < len(outputs):
        raise RegistryError(f"model card {path}: outputs {outputs!r}: expected [emotions] or [emotions, valence, arousal], in the order of the columns")
    if ("valence" in outputs) != ("arousal" in outputs):
        raise RegistryError(f"model card {path}: outputs {outputs!r}: valence and arousal come together")
    if card["runtime"] == "transformers":
        own = [f"input.{key}" for key in card.get("input") or {} if key != "margin"]
        own += [key for key in ("activation", "outputs", "package", "urls") if key in card]
        if own:
            raise RegistryError(f"model card {path}: {', '.join(own)}: a model of transformers says that itself; only input.margin is yours")
    if (card["runtime"] == "timm") != ("architecture" in card):
        raise RegistryError(f"model card {path}: key 'architecture' (a name in timm) belongs to runtime timm, and is needed there")


@cache
def _card_at(path: Path, mtime_ns: int) -> Plugin:
    """A card by path, read once for as long as the file stays the same."""
    return read_card(path)


def _files(folders: Iterable[Path]) -> Iterable[Path]:
    builtin = [PACKAGE / room for room in ("datasets", "detectors", "models", "models/cards")]
    for folder in [*builtin, *folders]:
        if not folder.is_dir():
            raise RegistryError(f"plugins: {folder} is not a folder")
        yield from sorted(path for path in folder.iterdir() if path.suffix in {".py", ".yaml"} and not path.name.startswith(("_", ".")))


def _entry_point_folders() -> list[Path]:
    """Folders offered by installed packages: entry points of group `faceoff.plugins` name a package whose folder is searched."""
    folders = []
    for point in importlib.metadata.entry_points(group="faceoff.plugins"):
        spec = importlib.util.find_spec(point.value)
        folders += [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return folders


@lru_cache(maxsize=16)
def discover(folders: tuple[Path, ...] = ()) -> Mapping[tuple[str, str], Plugin]:
    """Every plug-in by (kind, name), built-in ones first; a second plug-in of the same kind and name is an error."""
    found: dict[tuple[str, str], Plugin] = {}
    for path in _files([*_entry_point_folders(), *folders]):
        if path.suffix == ".yaml":
            plugins = [read_card(path)]
        else:
            plugins = [_from_header(kind, name, entry, path) for kind, entries in _header(path) for name, entry in entries.items()]
        for plugin in plugins:
            key = (plugin.kind, plugin.name)
            if key in found:
                raise RegistryError(f"{path}: {plugin.kind} {plugin.name!r} is already defined in {found[key].source}")
            found[key] = plugin
    return found


def names(kind: str, folders: tuple[Path, ...] = ()) -> list[str]:
    """Sorted names of all plug-ins of a kind."""
    return sorted(name for found, name in discover(folders) if found == kind)


def get(kind: str, name: str, folders: tuple[Path, ...] = ()) -> Plugin:
    """A plug-in by name; for a model also the path of a card (.yaml). Raises RegistryError with "did you mean"."""
    if kind == "model" and name.endswith((".yaml", ".yml")):
        return _card_at(Path(name), Path(name).stat().st_mtime_ns if Path(name).exists() else 0)
    plugins = discover(folders)
    if (kind, name) not in plugins:
        raise RegistryError(f"unknown {kind} {name!r}{emotions.suggestion(name, names(kind, folders))}")
    return plugins[kind, name]


def load(source: str | Path, class_name: str) -> type:
    """Import a plug-in file and return its class. Built-in files are imported as modules of the package, others by path."""
    source = (PACKAGE / source).resolve() if (PACKAGE / source).is_file() else Path(source).resolve()
    if source.is_relative_to(PACKAGE):
        module = importlib.import_module("faceoff." + ".".join(source.relative_to(PACKAGE).with_suffix("").parts))
    else:
        name = f"faceoff_plugin_{source.stem}"
        spec = importlib.util.spec_from_file_location(name, source)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    if not hasattr(module, class_name):
        raise RegistryError(f"{source}: class {class_name!r} is not in the file")
    return getattr(module, class_name)
