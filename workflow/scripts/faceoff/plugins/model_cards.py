"""A model that is only a weights file: its card (YAML), read and checked."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from faceoff import emotions
from faceoff.assets.asset import Asset
from faceoff.plugins.plugin import PACKAGE, Plugin, RegistryError
from faceoff.spelling import suggestion

CARD_RUNTIMES = {  # runtime of a card -> env
    "onnx": "onnx",
    "tflite": "onnx",
    "keras": "torch",
    "timm": "torch",
    "torchscript": "torch",
    "transformers": "torch",
}
_CARD_MODULES = {  # runtime of a card -> python packages it needs
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert",),
    "keras": ("torch", "h5py"),
    "timm": ("torch", "timm"),
    "torchscript": ("torch",),
    "transformers": ("torch", "transformers"),
}
# runtime of a card -> file in models/ and its class; the others of an env share one
_CARD_CLASSES = {
    "onnx": ("card.py", "OnnxCard"),
    "tflite": ("card.py", "TfliteCard"),
    "torch": ("torch_card.py", "TorchCardModel"),
    "transformers": ("transformers_card.py", "TransformersCardModel"),
}

_CARD_KEYS = {
    "name", "package", "file", "sha256", "urls", "size", "runtime", "input", "activation",
    "emotions", "lineage", "licence", "training_data", "selected_on", "source", "published",
    "notes", "architecture", "batch", "outputs", "revision",
}  # fmt: skip
_CARD_INPUT = {"size", "channels", "margin", "layout", "divisor", "mean", "std", "colours"}
# the first is the default
_CARD_CHOICES = {
    "activation": ("softmax", "none"),
    "input.layout": ("nchw", "nhwc"),
    "input.colours": ("rgb", "bgr"),
}


def read_card(path: Path) -> Plugin:
    """Read a model card (YAML) as a plug-in.

    Raises RegistryError naming the file, the key and the nearest valid one.
    """
    try:
        card = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise RegistryError(f"model card {path}: {reason}") from None
    if not isinstance(card, dict):
        raise RegistryError(f"model card {path}: expected keys and values")
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
    hub = card.get("runtime") == "transformers"
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
    rest = {
        key: value for key, value in card.items() if key not in {"file", "sha256", "urls", "size"}
    }
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
    """Return the weights file of a card: beside the card, or wherever assets are looked for."""
    beside = path.parent / str(card["file"])
    if beside.is_dir():
        raise RegistryError(
            f"model card {path}: file {card['file']!r} is a folder (a SavedModel?), which no one "
            "hash covers: save the network as one file (ONNX, TFLite or Keras .h5)"
        )
    return Asset(
        file=str(beside.resolve())
        if beside.is_file() and "package" not in card
        else str(card["file"]),
        package=card.get("package"),
        sha256=str(card["sha256"]),
        urls=tuple(card.get("urls", ())),
        size=card.get("size"),
        licence=str(card.get("licence", "")),
        source=str(card.get("source", "")),
    )


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
        if value not in valid:
            raise RegistryError(
                f"model card {path}: {key} {value!r}{suggestion(str(value), valid)}"
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
    if card["runtime"] == "transformers":
        own = [f"input.{key}" for key in card.get("input") or {} if key != "margin"]
        own += [key for key in ("activation", "outputs", "package", "urls") if key in card]
        if own:
            raise RegistryError(
                f"model card {path}: {', '.join(own)}: a model of transformers says that itself; "
                "only input.margin is yours"
            )
    if (card["runtime"] == "timm") != ("architecture" in card):
        raise RegistryError(
            f"model card {path}: key 'architecture' (a name in timm) belongs to runtime timm, and "
            "is needed there"
        )
