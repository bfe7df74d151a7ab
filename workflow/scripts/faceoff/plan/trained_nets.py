"""Make the networks that a run trains models of the run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceoff import emotions
from faceoff.plan.kinship import share_samples
from faceoff.plan.sections import ModelConfig, RunConfig
from faceoff.plan.training_sections import TrainingConfig
from faceoff.plugins import registry
from faceoff.plugins.plugin import PACKAGE, Plugin, RegistryError, not_installed
from faceoff.spelling import suggestion
from faceoff.training import net_list, sequence_list

# The python packages of every training, which writes an ONNX file and reads it again.
MODULES = ("torch", "onnx", "onnxscript", "safetensors", "onnxruntime")


def training_of(config: RunConfig, model: str) -> TrainingConfig | None:
    """Return how a model is trained, None for a model that is no network of this run."""
    return config.training.get(config.models[model].model or model)


def plugin(config: RunConfig, model: str) -> Plugin | None:
    """Return the plug-in of a network that this run trains; None for every other model."""
    name = config.models[model].model or model
    return plugin_of(config, name) if name in config.training else None


def plugin_of(config: RunConfig, training: str) -> Plugin:
    """Return the plug-in that reads the network which this training ends with."""
    over_time = config.training[training].over_time
    needed = modules(config.training[training])
    return Plugin(
        kind="model",
        name=training,
        source=PACKAGE / "models" / ("trained_sequence.py" if over_time else "trained_net.py"),
        class_name="TrainedSequence" if over_time else "TrainedNet",
        framework="onnx",
        modules=needed,
        cure=cure(not_installed(needed)),
        card={"lineage": _family(config, training), "source": "trained in this run"},
    )


def modules(training: TrainingConfig) -> tuple[str, ...]:
    """Return the python packages that a training needs beside those of every run."""
    net = None if training.over_time else training.net
    if training.frames:
        net = training.frames.net
    own: tuple[str, ...] = ()
    with suppress(ValueError):  # `faults` names a network that nobody knows
        own = net_list.modules(net) if net else ()
    log = ("tensorboardX",) if training.recipe.tensorboard else ()
    return tuple(dict.fromkeys((*MODULES, *own, *log)))


def cure(missing: Sequence[str]) -> str:
    """Return how these packages of a training are installed, as the end of a message."""
    return (
        f": `pip install {' '.join(missing)}`, or `make full` in a checkout, whose "
        ".venv-full/bin/faceoff then runs, or run with --use-conda"
    )


def frames_plugin(config: RunConfig, training: str) -> Plugin:
    """Return the plug-in of the network for pictures that learns with a network over time."""
    source = PACKAGE / "models" / "trained_net.py"
    return replace(plugin_of(config, training), source=source, class_name="TrainedFrames")


def _family(config: RunConfig, training: str) -> str:
    """Return the lineage of a network: weights that began as others', or read them, share it."""
    section, folders = config.training[training], tuple(config.plugins)
    reader = config.models.get(section.features or "")
    first = (reader.model or section.features) if reader else section.start
    if reader and first in config.training and not config.training[first].over_time:
        return _family(config, first)
    card = card_of(first, folders) if first else None
    return str(card.card.get("lineage", card.name)) if card else f"trained-{training}"


def card_of(model: str, folders: tuple[Path, ...]) -> Plugin | None:
    """Return the card of a model that a training names, None for a file without one."""
    return registry.discover(folders).get(("model", model))


def expanded(config: RunConfig, lines: list[str]) -> RunConfig:
    """Return the configuration with a training for each seed, and a model for each training.

    lines: a line is added for each name that two of them would have.
    """
    training: dict[str, TrainingConfig] = {}
    for name, section in config.training.items():
        made = {
            f"{name}-{seed}": section.model_copy(update={"seeds": [seed]})
            for seed in section.seeds or ()
        } or {name: section}
        lines += [
            f"training.{name}: another training of this run is called {each!r}, too: give it "
            "another name"
            for each in sorted(set(made) & set(training))
        ]
        training |= made
    models = dict(config.models)
    used = {model.model or name for name, model in models.items()}
    models |= {name: ModelConfig() for name in training if name not in used}
    return config.model_copy(update={"training": training, "models": models})


def detector(config: RunConfig, training: TrainingConfig) -> str | None:
    """Return the detector whose faces a network learns from; None where it must be named."""
    if training.detector:
        return training.detector
    names = sorted(config.detectors)
    return "whole" if "whole" in names else names[0] if len(names) == 1 else None


def faults(config: RunConfig, folders: tuple[Path, ...]) -> list[str]:
    """Return one line for each name in the section `training` that finds nothing, or the wrong."""
    lines: list[str] = []
    known = registry.discover(folders)
    for name, training in config.training.items():
        where = f"training.{name}"
        if ("model", name) in known:
            lines.append(f"{where}: a model has this name already: give the network another one")
        lines += _net_faults(where, training)
        lines += _reader_faults(config, name, training, folders)
        lines += _model_faults(config, name, training)
        lines += _dataset_faults(config, where, training)
        used = detector(config, training)
        if used is None:
            lines.append(f"{where}.detector is missing: whose faces does it learn from?")
        elif used not in config.detectors:
            near = suggestion(used, config.detectors)
            lines.append(f"{where}.detector: no detector {used!r} in this run{near}")
        if training.classes is not None:
            try:
                emotions.space(training.classes)
            except ValueError as error:
                lines.append(f"{where}.classes: {error}")
        if training.start is not None:
            net = training.frames.net if training.frames else training.net
            lines += _start_faults(f"{where}.start", training.start, net, folders)
    return lines


def _net_faults(where: str, training: TrainingConfig) -> list[str]:
    """Check the names and options of the networks."""
    if not training.over_time:
        return _picture_net_faults(where, training.net, training.options)
    wrong = sequence_list.wrong_options(training.net, training.options)
    lines = [f"{where}.options: {fault}" for fault in wrong]
    frames = training.frames
    return lines + (
        _picture_net_faults(f"{where}.frames", frames.net, frames.options) if frames else []
    )


def _picture_net_faults(where: str, net: str, options: Mapping[str, Any]) -> list[str]:
    """Check the name and options of a network for pictures."""
    try:
        wrong = net_list.wrong_options(net, options)
        if not wrong:
            net_list.input_of(net, options)
    except ValueError as error:
        return [f"{where}.net: {error}"]
    return [f"{where}.options: {fault}" for fault in wrong]


def _reader_faults(
    config: RunConfig, name: str, training: TrainingConfig, folders: tuple[Path, ...]
) -> list[str]:
    """Check the model that reads the frames for a network over time."""
    reader, where = training.features, f"training.{name}.features"
    if reader is None:
        return []
    if reader not in config.models:
        others = [model for model in config.models if model != name]
        return [f"{where}: no model {reader!r} in this run{suggestion(reader, others)}"]
    section = training_of(config, reader)
    if section is not None:
        if section.over_time:
            return [f"{where}: {reader!r} reads clips itself; name a model of single pictures"]
        return []
    card = card_of(config.models[reader].model or reader, folders)
    if card is None:
        return []  # the check of the models says it
    if training.take == "embedding" and card.class_name != "OnnxCard":
        return [
            f"{where}: {reader!r} gives no embedding, which networks of ONNX do: set take: answers"
        ]
    return []


def _model_faults(config: RunConfig, name: str, training: TrainingConfig) -> list[str]:
    """Check that a model over another one's features says nothing of crops, which that one has."""
    if training.features is None:
        return []
    return [
        f"models.{model}.{key}: {training.features} reads the frames for it: set it there"
        for model, section in config.models.items()
        for key in ("margin", "align")
        if (section.model or model) == name and getattr(section, key) is not None
    ]


def _dataset_faults(config: RunConfig, where: str, training: TrainingConfig) -> list[str]:
    """Check that a network learns from one dataset and is judged on another one."""
    lines = []
    for key, role in (("data", "train"), ("validation", "validation")):
        dataset = getattr(training, key)
        if dataset not in config.datasets:
            near = suggestion(dataset, config.datasets)
            lines.append(f"{where}.{key}: no dataset {dataset!r} in this run{near}")
        elif config.datasets[dataset].role != role:
            has = config.datasets[dataset].role
            lines.append(f"{where}.{key}: dataset {dataset!r} has the role {has!r}, not {role!r}")
    if lines:
        return lines
    learnt, judged = training.data, training.validation
    kinds = {name: config.datasets[name].type or name for name in (learnt, judged)}
    if kinds[learnt] == kinds[judged] and share_samples(
        config.datasets[learnt], config.datasets[judged]
    ):
        lines.append(
            f"{where}.validation: {judged} has the samples of {learnt}, so it would choose the "
            "network that has learnt them by heart; give them other splits or parts"
        )
    return lines


def _start_faults(where: str, start: str, net: str, folders: tuple[Path, ...]) -> list[str]:
    """Check that the weights that a training begins from are there, and of the same network."""
    if start.endswith(".onnx"):
        return [] if Path(start).is_file() else [f"{where}: {start}: no such file"]
    try:
        card = registry.get("model", start, folders).card
    except RegistryError as error:
        return [f"{where}: {error}; or the path of an .onnx file that Faceoff trained"]
    trained = card.get("training")
    if not isinstance(trained, Mapping) or "net" not in trained:
        return [f"{where}: Faceoff did not train the model {start!r}, so it cannot go on with it"]
    if trained["net"] != net:
        return [f"{where}: {start!r} is a network {trained['net']}, not {net} (key net)"]
    return []
