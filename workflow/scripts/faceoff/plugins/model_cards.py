"""A model that is only a weights file: its card (YAML), read and checked."""

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from faceoff import emotions
from faceoff.assets.asset import Asset
from faceoff.plugins.plugin import PACKAGE, Plugin, RegistryError
from faceoff.spelling import suggestion
from faceoff.storage import files

CARD_RUNTIMES = {  # runtime of a card -> env
    "onnx": "onnx",
    "tflite": "onnx",
    "tfjs": "onnx",
    "keras": "torch",
    "timm": "torch",
    "torchscript": "torch",
    "transformers": "torch",
    "transformers_speech": "torch",
}
_CARD_MODULES = {  # runtime of a card -> python packages it needs
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert",),
    "tfjs": ("onnxruntime", "onnx"),
    "keras": ("torch", "h5py"),
    "timm": ("torch", "timm"),
    "torchscript": ("torch",),
    "transformers": ("torch", "transformers"),
    "transformers_speech": ("torch", "transformers"),
}
# runtime of a card -> file and its class; the others of an env share one
_CARD_CLASSES = {
    "onnx": ("models/card.py", "OnnxCard"),
    "tflite": ("models/card.py", "TfliteCard"),
    "tfjs": ("models/card.py", "TfjsCard"),
    "torch": ("models/torch_card.py", "TorchCardModel"),
    "transformers": ("models/transformers_card.py", "TransformersCardModel"),
    "transformers_speech": ("speech_models/transformers_card.py", "TransformersSpeechModel"),
}
_HUB = ("transformers", "transformers_speech")  # runtimes of models of Hugging Face's transformers

_CARD_KEYS = {
    "name", "package", "file", "sha256", "urls", "size", "runtime", "input", "activation",
    "emotions", "lineage", "licence", "training_data", "selected_on", "source", "published",
    "notes", "architecture", "batch", "outputs", "revision", "manifest", "nodes",
    "training",
}  # fmt: skip
_MANIFEST_KEYS = ("file", "sha256", "urls", "size")
# networks of TensorFlow.js files that are weights alone; inference/tfjs/architectures.py has them
TFJS_ARCHITECTURES = (
    "face_api_expression", "face_api_age_gender", "face_api_landmarks", "face_api_recognition",
)  # fmt: skip
_UNKNOWN = "unknown"  # training data that nobody states
_RESAMPLING = ("interpolation", "library", "antialias", "aspect")
_CARD_INPUT = {
    "size", "channels", "margin", "layout", "divisor", "mean", "std", "colours", *_RESAMPLING,
}  # fmt: skip
# the first is the default
_CARD_CHOICES = {
    "activation": ("softmax", "none"),
    "input.layout": ("nchw", "nhwc"),
    "input.colours": ("rgb", "bgr"),
    "input.interpolation": (None, "linear", "cubic", "area", "nearest", "lanczos"),
    "input.library": ("opencv", "pillow", "torch"),
    "input.aspect": ("stretch", "pad", "crop"),
}


def read_card(path: Path) -> Plugin:
    """Read a model card (YAML) as a plug-in.

    Raises RegistryError naming the file, the key and the nearest valid one.
    """
    try:
        card = yaml.safe_load(files.read_written(path))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise RegistryError(f"model card {path}: {reason}") from None
    if not isinstance(card, dict):
        raise RegistryError(f"model card {path}: expected keys and values")
    if card.get("runtime") == "clips":
        raise RegistryError(
            f"model card {path}: a network over time runs in the run that trains it: name it in "
            "the section `training` (docs/training_clips.md)"
        )
    if not isinstance(card.get("input", {}), dict):
        raise RegistryError(
            f"model card {path}: input: expected keys and values ({', '.join(sorted(_CARD_INPUT))})"
        )
    for keys, valid, where in (
        (card, _CARD_KEYS, ""),
        (card.get("input") or {}, _CARD_INPUT, "input."),
    ):
        for key in keys:
            if key not in valid:
                raise RegistryError(
                    f"model card {path}: unknown key "
                    f"{where}{key}{suggestion(str(key), sorted(valid))}"
                )
    # The files of a transformers model define its input and its classes.
    hub = card.get("runtime") in _HUB
    for key in (
        ("file", "sha256", "runtime") if hub else ("file", "sha256", "runtime", "input", "emotions")
    ):
        if key not in card:
            raise RegistryError(f"model card {path}: key {key!r} is missing")
    if not hub and "size" not in card["input"]:
        raise RegistryError(
            f"model card {path}: key 'input.size' is missing: [height, width] in pixels"
        )
    if card["runtime"] not in CARD_RUNTIMES:
        raise RegistryError(
            f"model card {path}: runtime "
            f"{card['runtime']!r}{suggestion(str(card['runtime']), CARD_RUNTIMES)}"
        )
    _check_card_values(path, card)
    try:
        classes = [emotions.canonical(str(label)) for label in card.get("emotions", ())]
    except ValueError as error:
        raise RegistryError(f"model card {path}: emotions: {error}") from None
    if len(set(classes)) < len(classes):
        raise RegistryError(
            f"model card {path}: emotions: "
            f"{next(name for name in classes if classes.count(name) > 1)!r} occurs twice"
        )
    framework = CARD_RUNTIMES[card["runtime"]]
    module, class_name = _CARD_CLASSES.get(card["runtime"]) or _CARD_CLASSES[framework]
    modules = _CARD_MODULES[card["runtime"]]
    if (card.get("input") or {}).get("library") == "torch" and framework != "torch":
        framework, modules = "torch", (*modules, "torch")
        module, class_name = _CARD_CLASSES["torch"]
    rest = {key: value for key, value in card.items() if key not in {*_MANIFEST_KEYS, "manifest"}}
    if card.get("training_data") == _UNKNOWN:
        del rest["training_data"]  # without it nothing counts as held out or from another corpus
    if classes:
        rest["emotions"] = classes
    return Plugin(
        kind="speech_model" if card["runtime"] == "transformers_speech" else "model",
        name=str(card.get("name", path.stem)),
        source=PACKAGE / module,
        class_name=class_name,
        framework=framework,
        assets=_files(path, card),
        modules=modules,
        card={**rest, "activation": card.get("activation", "softmax")},
    )


def _files(path: Path, card: Mapping[str, Any]) -> dict[str, Asset]:
    """Return the files of a card by role."""
    if card["runtime"] in _HUB:
        return _hub_files(path, card)
    if card["runtime"] == "tfjs":
        return _tfjs_files(path, card)
    return {"weights": _weights(path, card)}


def _weights(path: Path, card: Mapping[str, Any]) -> Asset:
    """Return the weights file of a card: beside the card, or wherever assets are looked for."""
    beside = path.parent / str(card["file"])
    if beside.is_dir():
        raise RegistryError(
            f"model card {path}: file {card['file']!r} is a folder (a SavedModel?), which no one "
            "hash covers: save the network as one file (ONNX, TFLite or Keras .h5)"
        )
    urls = card.get("urls") or ()
    if isinstance(urls, str) or not all(isinstance(url, str) for url in urls):
        raise RegistryError(f"model card {path}: urls {urls!r}: expected a list of addresses")
    return Asset(
        file=str(beside.resolve())
        if beside.is_file() and "package" not in card
        else str(card["file"]),
        package=card.get("package"),
        sha256=str(card["sha256"]),
        urls=tuple(urls),
        size=card.get("size"),
        licence=str(card.get("licence", "")),
        source=str(card.get("source", "")),
    )


def _tfjs_files(path: Path, card: Mapping[str, Any]) -> dict[str, Asset]:
    """Return the files of a model of TensorFlow.js: the manifest, and one or several of weights.

    Roles: manifest, weights, weights_2, weights_3 … in the manifest's order.
    """
    manifest = card.get("manifest")
    if not isinstance(manifest, dict) or not {"file", "sha256"} <= manifest.keys():
        raise RegistryError(
            f"model card {path}: manifest: runtime tfjs needs two files: `file` holds the bytes, "
            "`manifest: {file: …, sha256: …}` names the JSON that says what they are (model.json, "
            "or a weights manifest)"
        )
    for key in manifest:
        if key not in _MANIFEST_KEYS:
            raise RegistryError(
                f"model card {path}: unknown key manifest.{key}"
                f"{suggestion(str(key), _MANIFEST_KEYS)}"
            )
    shards = isinstance(card["file"], list)
    given = {key: card[key] if shards else [card[key]] for key in ("file", "sha256")}
    for key in ("urls", "size") if shards else ():
        given[key] = card.get(key, [None] * len(given["file"]))
    if not given["file"] or any(
        not isinstance(values, list) or len(values) != len(given["file"])
        for values in given.values()
    ):
        raise RegistryError(
            f"model card {path}: {', '.join(given)}: expected lists with an entry for each file"
        )
    parts = [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]
    if shards:
        parts = [{**part, "urls": [part["urls"]] if part["urls"] else []} for part in parts]
    else:
        parts = [{**parts[0], "urls": card.get("urls", ()), "size": card.get("size")}]
    whose = {key: card[key] for key in ("package", "licence", "source") if key in card}
    roles = ["manifest", "weights", *(f"weights_{number}" for number in range(2, len(parts) + 1))]
    found = {}
    for role, part in zip(roles, [manifest, *parts], strict=True):
        where = "manifest." if role == "manifest" else ""
        if not isinstance(part["file"], str) or not part["file"]:
            raise RegistryError(f"model card {path}: {where}file {part['file']!r}: expected a name")
        if not re.fullmatch("[0-9a-fA-F]{64}", str(part["sha256"])):
            raise RegistryError(
                f"model card {path}: {where}sha256 {part['sha256']!r}: expected 64 hex digits of "
                f"{part['file']}"
            )
        found[role] = _weights(path, {**part, **whose})
    if len({asset.file for asset in found.values()}) < len(found):
        raise RegistryError(f"model card {path}: manifest and file: one file is named twice")
    return found


# role -> name at Hugging Face
HUB_FILES = {
    "config": "config.json",
    "processor": "preprocessor_config.json",
    "weights": "model.safetensors",
}


def _hub_files(path: Path, card: Mapping[str, Any]) -> dict[str, Asset]:
    """Return the three files of a transformers model, each pinned by its hash.

    They are in a folder, or belong to one commit at Hugging Face. In the mirror and the cache their
    names are OWNER--NAME--COMMIT--FILE, since every model uses the same file names.
    """
    hashes, file = card["sha256"], str(card["file"])
    if not isinstance(hashes, dict) or set(hashes) != set(HUB_FILES.values()):
        raise RegistryError(
            f"model card {path}: sha256: expected one for each of {', '.join(HUB_FILES.values())} "
            "(one weights file, never a pickle)"
        )
    licence, source = str(card.get("licence", "")), str(card.get("source", ""))
    if not file.startswith("hf:"):
        folder = (path.parent / file).resolve()
        if not folder.is_dir():
            raise RegistryError(
                f"model card {path}: file {file!r} is not a folder; a model at Hugging Face is "
                "written hf:owner/name"
            )
        return {
            role: Asset(
                file=str(folder / name), sha256=str(hashes[name]), licence=licence, source=source
            )
            for role, name in HUB_FILES.items()
        }
    repository, revision = file.removeprefix("hf:"), str(card.get("revision", ""))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise RegistryError(f"model card {path}: file {file!r}: expected hf:owner/name")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise RegistryError(
            f"model card {path}: revision {revision!r}: expected the commit, 40 hex digits (a "
            "branch or tag may move)"
        )
    address = f"https://huggingface.co/{repository}/resolve/{revision}"
    prefix = f"{repository.replace('/', '--')}--{revision[:12]}"
    return {
        role: Asset(
            file=f"{prefix}--{name}",
            sha256=str(hashes[name]),
            urls=(f"{address}/{name}",),
            licence=licence,
            source=source,
        )
        for role, name in HUB_FILES.items()
    }


def _check_card_values(path: Path, card: Mapping[str, Any]) -> None:
    """Raise RegistryError for a value that no runtime could use, naming file and key."""
    for key, valid in _CARD_CHOICES.items():
        value = ((card.get("input") or {}) if "." in key else card).get(
            key.split(".")[-1], valid[0]
        )
        named = [choice for choice in valid if choice is not None]
        if value not in valid:
            raise RegistryError(
                f"model card {path}: {key} {value!r}{suggestion(str(value), named)}"
            )
    _check_input(path, card)
    if not isinstance(card.get("training", {}), dict):
        raise RegistryError(
            f"model card {path}: training {card['training']!r}: expected keys and values"
        )
    seen = card.get("training_data", _UNKNOWN)
    if seen != _UNKNOWN and not isinstance(seen, dict):
        raise RegistryError(
            f"model card {path}: training_data {seen!r}: expected {{dataset: [splits]}}, or "
            f"{_UNKNOWN} where nobody says it"
        )
    batch = card.get("batch", 1)
    if type(batch) is not int or batch < 1:
        raise RegistryError(
            f"model card {path}: batch {batch!r}: expected a number of pictures, 1 or more"
        )
    outputs = card.get("outputs", ["emotions"])
    if (
        not isinstance(outputs, list)
        or outputs[:1] != ["emotions"]
        or not set(outputs[1:]) <= {"valence", "arousal"}
        or len(set(outputs)) < len(outputs)
    ):
        raise RegistryError(
            f"model card {path}: outputs {outputs!r}: expected [emotions] or [emotions, valence, "
            "arousal], in the order of the columns"
        )
    if ("valence" in outputs) != ("arousal" in outputs):
        raise RegistryError(
            f"model card {path}: outputs {outputs!r}: valence and arousal come together"
        )
    if card["runtime"] in _HUB:
        yours = ("margin", *_RESAMPLING) if card["runtime"] == "transformers" else ()
        own = [f"input.{key}" for key in card.get("input") or {} if key not in yours]
        own += [key for key in ("activation", "outputs", "package", "urls") if key in card]
        if own:
            only = f"; only {', '.join(f'input.{key}' for key in yours)} are yours" if yours else ""
            raise RegistryError(
                f"model card {path}: {', '.join(own)}: a model of transformers says that itself"
                f"{only}"
            )
    _check_tfjs(path, card)
    if card["runtime"] != "tfjs" and (card["runtime"] == "timm") != ("architecture" in card):
        raise RegistryError(
            f"model card {path}: key 'architecture' (a name in timm) belongs to runtime timm, and "
            "is needed there; runtime tfjs takes one for weights without a graph"
        )


def _check_tfjs(path: Path, card: Mapping[str, Any]) -> None:
    """Raise RegistryError for keys that are only of runtime tfjs, or wrong there."""
    if card["runtime"] != "tfjs":
        for key in ("manifest", "nodes"):
            if key in card:
                raise RegistryError(f"model card {path}: key {key!r} belongs to runtime tfjs")
        if isinstance(card["file"], list):
            raise RegistryError(
                f"model card {path}: file {card['file']!r}: expected one name; runtime tfjs alone "
                "takes weights in several files"
            )
        return
    architecture = card.get("architecture")
    if architecture is not None and architecture not in TFJS_ARCHITECTURES:
        raise RegistryError(
            f"model card {path}: architecture {architecture!r}"
            f"{suggestion(str(architecture), TFJS_ARCHITECTURES)}"
        )
    nodes = card.get("nodes", ["one"])
    nodes = [nodes] if isinstance(nodes, str) else nodes
    if (
        not isinstance(nodes, list)
        or not nodes
        or not all(isinstance(name, str) and name for name in nodes)
        or len(set(nodes)) < len(nodes)
    ):
        raise RegistryError(
            f"model card {path}: nodes {nodes!r}: expected the name of an output, or several"
        )
    if len(nodes) > 1 and len(card.get("outputs", ())) < 2:
        raise RegistryError(
            f"model card {path}: nodes {nodes!r}: the values of several nodes stand side by side, "
            "so outputs: [emotions, valence, arousal] is needed; name one node for emotions alone"
        )


def _check_input(path: Path, card: Mapping[str, Any]) -> None:
    """Raise RegistryError for an `input` that no network was trained with, naming the key."""
    spec, where = card.get("input") or {}, f"model card {path}: input."
    numbers = {
        key: _numbers(spec[key]) for key in ("divisor", "mean", "std", "margin") if key in spec
    }
    for key, values in numbers.items():
        if values is None or (key in ("divisor", "margin") and isinstance(spec[key], list)):
            raise RegistryError(f"{where}{key} {spec[key]!r}: expected a number")
    channels = spec.get("channels", 3)
    if channels not in (1, 3):
        raise RegistryError(f"{where}channels {channels!r}: expected 1 (luma) or 3")
    if "size" in spec and not _is_size(spec["size"]):
        raise RegistryError(
            f"{where}size {spec['size']!r}: expected [height, width] in pixels, 1 to 4096"
        )
    for key in ("mean", "std"):
        if len(numbers.get(key) or [0]) not in (1, channels):
            raise RegistryError(
                f"{where}{key} {spec[key]!r}: expected one number, or one for each of {channels} "
                "channels"
            )
    for key in ("divisor", "std"):
        if not all(value > 0 for value in numbers.get(key) or ()):
            raise RegistryError(f"{where}{key} {spec[key]!r}: expected numbers above 0")
    divisor = (numbers.get("divisor") or [255.0])[0]
    scale, mean, std = 255 / divisor, numbers.get("mean") or [0.0], numbers.get("std") or [1.0]
    formula = f"(x / {divisor:g} - mean) / std: pixels are 0 to {scale:g} there"
    for key, values in (("mean", mean), ("std", std)):
        if max(map(abs, values)) > max(scale, 1.0):
            raise RegistryError(
                f"{where}{key} {spec[key]!r} is beyond {formula}; for numbers of 0 to 255 write "
                "divisor: 1"
            )
    if scale > 16 and max(map(abs, mean)) <= 1 and any(mean):
        raise RegistryError(
            f"{where}mean {spec['mean']!r} is next to nothing in {formula}; for numbers of 0 to 1 "
            "write divisor: 255"
        )
    interpolation, library = spec.get("interpolation"), spec.get("library", "opencv")
    antialias = spec.get("antialias")
    if antialias is not None and not isinstance(antialias, bool):
        raise RegistryError(f"{where}antialias {antialias!r}: expected true or false")
    if interpolation is None and ("library" in spec or antialias is not None):
        raise RegistryError(
            f"{where}interpolation is missing: the filter that library and antialias are about"
        )
    if library == "torch" and interpolation == "lanczos":
        raise RegistryError(f"{where}interpolation lanczos: PyTorch has no such filter")
    averages = library == "torch" and interpolation in ("linear", "cubic")
    if averages and antialias is None:
        raise RegistryError(
            f"{where}antialias is missing: PyTorch's {interpolation} filter has both, true "
            "(torchvision's default) and false"
        )
    whole = interpolation == "area" or (library == "pillow" and interpolation != "nearest")
    if antialias is not None and not averages and antialias is not whole:
        raise RegistryError(
            f"{where}antialias {str(antialias).lower()}: {library}'s {interpolation} "
            f"{'always' if whole else 'never'} averages where it shrinks"
        )


def _numbers(value: Any) -> list[float] | None:
    """Return one number or several as a list; None if there is anything else."""
    values = value if isinstance(value, list) else [value]
    if not values or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        return None
    return [float(v) for v in values] if all(map(isfinite, values)) else None


def _is_size(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(side) is int and 1 <= side <= 4096 for side in value)
    )
