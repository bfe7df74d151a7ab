"""Check a configuration: errors name the key and the nearest valid one."""

import re
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from faceoff import emotions
from faceoff.plan import corruption_sections, group_jobs, trained_nets
from faceoff.plan.sections import RunConfig
from faceoff.plugins import registry
from faceoff.plugins.options import DatasetConfig, expand
from faceoff.plugins.plugin import Plugin, RegistryError
from faceoff.spelling import suggestion

_LONGEST = 120  # characters of a value in a message
# Sections of sections with names that the user chooses.
_NAMED = (
    *("datasets", "detectors", "models", "training", "fusions", "temporal", "signals"),
    *("groups", "corruptions", "segmenters", "speech_models"),
)
_MAY_BE_EMPTY = {*_NAMED[2:], "faces", "figures", "report", "speed"}


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line per fault."""


def shortened(text: str) -> str:
    """Return a text that fits a line of a message, without its middle if it is long."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 20]} … {text[-16:]}"


def _fields_at(
    model: type[BaseModel], location: tuple[Any, ...], options: Mapping[str, type[BaseModel]]
) -> list[str]:
    """Return the names of the fields that are valid at an error's location.

    The location leads through sections and through mappings from names to sections.
    """
    current: Any = model
    path = list(location[:-1])
    while path:
        key = path.pop(0)
        if current is model and key == "datasets" and path:
            current = options.get(path.pop(0), DatasetConfig)
            continue
        fields = getattr(current, "model_fields", {})
        annotation: Any = fields[key].annotation if key in fields else current
        if get_origin(annotation) is dict and path:
            path.pop(0)
            annotation = get_args(annotation)[1]
        # `Section | None` is the section.
        sections = (part for part in get_args(annotation) if hasattr(part, "model_fields"))
        current = next(sections, annotation)
    return list(getattr(current, "model_fields", {}))


def _is_key(part: int | str) -> bool:
    """Return whether a part of a location is a key, not one of pydantic's own notes."""
    return part != "[key]" and not str(part).startswith(("function-", "constrained-", "list["))


def _explain(
    error: ValidationError, options: Mapping[str, type[BaseModel]], prefix: tuple[Any, ...] = ()
) -> list[str]:
    """Return one line for each fault. prefix: the location of what was validated."""
    lines = []
    faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "string_type" and isinstance(fault["input"], list):
            other = any(fault["loc"][:-1] == each["loc"][:-2] for each in faults)
            if other:  # a text or a list: the list is wrong inside, which has its own line
                continue
        location = (*prefix, *filter(_is_key, fault["loc"]))
        where = ".".join(shortened(str(part)) for part in location)
        if fault["type"] == "extra_forbidden":
            valid = _fields_at(RunConfig, location, options)
            lines.append(f"unknown key {where!r}{suggestion(str(location[-1])[:_LONGEST], valid)}")
        elif fault["type"] == "missing":
            lines.append(f"key {where!r} is missing")
        elif fault["type"] == "literal_error":
            valid = re.findall(r"'([^']+)'", str(fault["ctx"]["expected"]))
            near = suggestion(str(fault["input"])[:_LONGEST], valid)
            lines.append(f"{where}: {shortened(repr(fault['input']))} is not valid{near}")
        elif fault["type"] == "string_type" and isinstance(fault["input"], int | float | date):
            given = shortened(str(fault["input"]))
            lines.append(f"{where}: YAML reads {given} as no text; put the text in quotes")
        else:
            is_long = isinstance(fault["input"], Mapping | list) and fault["input"]
            given = "" if is_long else f" (given: {shortened(repr(fault['input']))})"
            at = f"{where}: " if where else ""  # the fault may lie between two sections
            lines.append(f"{at}{fault['msg'].removeprefix('Value error, ')}{given}")
    return lines


def _dataset_options(
    raw: Mapping[str, Any], folders: tuple[Path, ...], faults: list[str]
) -> dict[str, type[DatasetConfig]]:
    """Return the options that each dataset's plug-in declares, and note what is wrong."""
    found: dict[str, type[DatasetConfig]] = {}
    for name, section in raw.items():
        given = section if isinstance(section, Mapping) else {}
        kind = given.get("type") or name
        try:
            plugin = registry.get("dataset", str(kind), folders)
            dataset = registry.load(plugin.source, plugin.class_name)
            found[name] = dataset.Options
            if given.get("multiverse") and not hasattr(dataset, "universes"):
                faults.append(
                    f"datasets.{name}.multiverse: dataset {plugin.name!r} knows one label rule "
                    "only, so there is nothing to compare: remove the key"
                )
        except RegistryError as error:
            faults.append(f"datasets.{name}: {error}")
    return found


def _check_names(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    """Check that every reference finds something, and that no name takes a fusion's place.

    References are names and globs that point at another section, at a plug-in or at its options.
    """
    for kind in ("datasets", "detectors", "segmenters"):
        for taken, what in (("fusion", "fusions"), ("temporal", "rules over time")):
            if taken in getattr(config, kind):
                faults.append(f"{kind}.{taken}: this name is reserved for {what}")
    for name, detector in config.detectors.items():
        plugin = _known("detector", detector.detector or name, f"detectors.{name}", folders, faults)
        faults += _wrong_options(f"detectors.{name}", plugin, detector.options)
    _check_models(config, folders, faults)
    _check_speech(config, folders, faults)
    _check_signals(config, folders, faults)
    faults += group_jobs.faults(config)
    _check_datasets(config, faults)
    for name, fusion in config.fusions.items():
        faults += _matching_no_cell(config, f"fusions.{name}.members", fusion.members)
    _check_temporal(config, faults)
    _check_corruptions(config, faults)
    _check_saliency(config, faults)


def _check_corruptions(config: RunConfig, faults: list[str]) -> None:
    """Check each corruption's options and levels, its cells and its datasets."""
    for name, section in config.corruptions.items():
        faults += corruption_sections.faults(name, section)
        faults += _matching_no_test(config, f"corruptions.{name}.datasets", section.datasets)
        faults += _matching_no_cell(config, f"corruptions.{name}.of", section.of)


def _check_saliency(config: RunConfig, faults: list[str]) -> None:
    """Check that every glob and every model of the section `saliency` is one of this run."""
    section = config.saliency
    if section is None:
        return
    faults += _matching_no_test(config, "saliency.datasets", section.datasets)
    faults += _matching_no_cell(config, "saliency.of", section.of)
    for name in section.layers:
        if name not in config.models:
            near = suggestion(name, config.models)
            faults.append(f"saliency.layers: no model {name!r} in this run{near}")


def _matching_no_test(config: RunConfig, where: str, patterns: list[str]) -> list[str]:
    """Return a fault for each of these globs that matches no test dataset."""
    tests = [name for name, dataset in config.datasets.items() if dataset.role == "test"]
    return [
        f"{where}: {pattern!r} matches no dataset of role test{suggestion(pattern, tests)}"
        for pattern in patterns
        if not any(fnmatchcase(dataset, pattern) for dataset in tests)
    ]


def _matching_no_cell(config: RunConfig, where: str, patterns: list[str]) -> list[str]:
    """Return a fault for each of these globs that matches no cell."""
    return [
        f"{where}: {pattern!r} matches no detector/model cell of this run"
        f"{_nearest_member(config, pattern)}"
        for pattern in patterns
        if not any(config.members(pattern))
    ]


def _check_temporal(config: RunConfig, faults: list[str]) -> None:
    """Check that every glob of a rule over time matches a test dataset, a cell or a fusion.

    Members that cannot run here leave no fusion, so the fusions' names are matched by themselves.
    """
    for name, section in config.temporal.items():
        faults += _matching_no_test(config, f"temporal.{name}.datasets", section.datasets)
        for pattern in section.of:
            head, _, tail = pattern.partition("/")
            fused = fnmatchcase("fusion", head) and any(
                fnmatchcase(fusion, tail) or fnmatchcase(f"{fusion}.{detector}", tail)
                for fusion in config.fusions
                for detector in config.detectors
            )
            if fused or any(config.members(pattern)):
                continue
            near = _nearest_member(config, pattern)
            if head == "fusion":
                none = "; it has no fusion"
                near = suggestion(tail, config.fusions) if config.fusions else none
            faults.append(
                f"temporal.{name}.of: {pattern!r} matches no detector/model cell and no "
                f"fusion/name of this run{near}"
            )


def _check_models(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    """Check each model's plug-in, options, detectors, training and precision."""
    for name, model in config.models.items():
        plugin = trained_nets.plugin(config, name) or _known(
            "model", model.model or name, f"models.{name}", folders, faults
        )
        faults += _wrong_options(f"models.{name}", plugin, model.options)
        faults += _matching_no_detector(config, f"models.{name}.detectors", model.detectors)
        faults += _learning(f"models.{name}", plugin, model.train) if plugin else []
        if plugin and model.precision != "float32" and not plugin.torch:
            faults.append(
                f"models.{name}.precision: model {plugin.name!r} runs in {plugin.framework}, "
                "not in PyTorch: it computes in the type of its weights"
            )
        faults += _not_to_train(config, f"models.{name}.train", model.train)


def _not_to_train(config: RunConfig, where: str, dataset: str | None) -> list[str]:
    """Return a fault where a model learns from a dataset that is not there, or has no such role."""
    if dataset and dataset not in config.datasets:
        near = suggestion(dataset, config.datasets)
        return [f"{where}: no dataset {dataset!r} in this run{near}"]
    if dataset and config.datasets[dataset].role != "train":
        role = config.datasets[dataset].role
        return [f"{where}: dataset {dataset!r} has the role {role!r}, not 'train'"]
    return []


def _learning(where: str, plugin: Plugin, train: str | None) -> list[str]:
    """Return a fault where a model needs a dataset to learn from, or learns from none."""
    trainable = bool(plugin.card.get("trainable"))
    if trainable and not train:
        return [
            f"{where}: this model learns from data: name a dataset of role train in '{where}.train'"
        ]
    if train and not trainable:
        return [f"{where}.train: {plugin.title} has fixed weights and cannot be trained"]
    return []


def _check_speech(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    """Check each segmenter's and speech model's plug-in, options, segmenters and training."""
    for kind, other, rows in (
        ("segmenters", "speech_models", config.segmenters),
        ("speech_models", "segmenters", config.speech_models),
    ):
        if rows and not getattr(config, other):
            faults.append(f"{other}: missing; a voice needs {' and '.join(sorted([kind, other]))}")
    for ours, theirs in (("segmenters", "detectors"), ("speech_models", "models")):
        for name in sorted(getattr(config, ours).keys() & getattr(config, theirs).keys()):
            faults.append(f"{ours}.{name}: {theirs} has this name too; give one of them another")
    for name, segmenter in config.segmenters.items():
        where = f"segmenters.{name}"
        plugin = _known("segmenter", segmenter.segmenter or name, where, folders, faults)
        faults += _wrong_options(where, plugin, segmenter.options)
    for name, model in config.speech_models.items():
        where = f"speech_models.{name}"
        plugin = _known("speech_model", model.model or name, where, folders, faults)
        faults += _wrong_options(where, plugin, model.options)
        faults += _learning(where, plugin, model.train) if plugin else []
        faults += _not_to_train(config, f"{where}.train", model.train)
        faults += [
            f"{where}.segmenters: {pattern!r} matches no segmenter of this run"
            f"{suggestion(pattern, config.segmenters)}"
            for pattern in model.segmenters
            if not any(fnmatchcase(segmenter, pattern) for segmenter in config.segmenters)
        ]


def _check_signals(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    """Check each signal's plug-in, options and detectors."""
    for name, signal in config.signals.items():
        plugin = _known("signal", signal.signal or name, f"signals.{name}", folders, faults)
        faults += _wrong_options(f"signals.{name}", plugin, signal.options)
        faults += _matching_no_detector(config, f"signals.{name}.detectors", signal.detectors)


def _matching_no_detector(config: RunConfig, where: str, patterns: list[str]) -> list[str]:
    """Return a fault for each of these globs that matches no detector."""
    return [
        f"{where}: {pattern!r} matches no detector of this run"
        f"{suggestion(pattern, config.detectors)}"
        for pattern in patterns
        if not any(fnmatchcase(detector, pattern) for detector in config.detectors)
    ]


def _check_datasets(config: RunConfig, faults: list[str]) -> None:
    """Check each dataset's validation dataset, label space and shards; one must be a test."""
    for name, dataset in config.datasets.items():
        other = dataset.validation
        if other and other not in config.datasets:
            near = suggestion(other, config.datasets)
            faults.append(f"datasets.{name}.validation: no dataset {other!r} in this run{near}")
        elif other == name:
            faults.append(f"datasets.{name}.validation: a dataset cannot validate itself")
        elif other and config.datasets[other].role != "validation":
            role = config.datasets[other].role
            faults.append(
                f"datasets.{name}.validation: dataset {other!r} has the role {role!r}, "
                "not 'validation'"
            )
        if dataset.space is not None:
            try:
                emotions.space(dataset.space)
            except ValueError as error:
                faults.append(f"datasets.{name}.space: {error}")
        if dataset.shards == "auto" and getattr(dataset, "download", False):
            # Jobs are planned before the download: the next plan, and the plan of each job on a
            # cluster, would differ.
            faults.append(
                f"datasets.{name}.shards: auto counts what is there, and {name} is yet to be "
                "downloaded; give a number"
            )
    if not any(dataset.role == "test" for dataset in config.datasets.values()):
        faults.append("datasets: none has the role 'test', so nothing would be scored")


def _nearest_member(config: RunConfig, pattern: str) -> str:
    """Return the end of the message on a detector/model glob that matches no cell.

    It suggests the nearest name for the part of the glob that matches nothing.
    """
    front, _, model = pattern.partition("/")
    fronts = {**config.detectors, **config.segmenters}
    models = {**config.models, **config.speech_models}
    for part, names in ((front, fronts), (model, models)):
        if not any(fnmatchcase(name, part) for name in names):
            return suggestion(part, names)
    if model in config.models:
        return f"; models.{model}.detectors leaves it out"
    if model in config.speech_models:
        return f"; speech_models.{model}.segmenters leaves it out"
    return "; the models' `detectors` leave it out"


def _wrong_options(where: str, plugin: Plugin | None, options: Mapping[str, Any]) -> list[str]:
    """Return a fault for each option that a plug-in does not declare."""
    unknown = plugin.unknown_options(options) if plugin else ()
    return [f"{where}.options: {fault}" for fault in unknown]


def _known(
    kind: str, name: str, where: str, folders: tuple[Path, ...], faults: list[str]
) -> Plugin | None:
    """Return a plug-in, or None and note that there is none of this name."""
    try:
        return registry.get(kind, name, folders)
    except RegistryError as error:
        faults.append(f"{where}: {error}")
        return None


def parse(raw: Mapping[str, Any]) -> RunConfig:
    """Validate a configuration as read from YAML. Raises ConfigError with one line per fault."""
    faults: list[str] = []
    # A section whose keys are all commented out reads as None.
    raw = {
        key: {} if value is None and key in _MAY_BE_EMPTY else value for key, value in raw.items()
    }
    for key in _NAMED:
        sections = raw.get(key)
        if isinstance(sections, Mapping):
            raw[key] = {
                str(name): {} if section is None else section for name, section in sections.items()
            }
    if not isinstance(raw.get("plugins") or [], list):
        raise ConfigError("plugins: expected a list of folders")
    try:
        folders = tuple(Path(expand(str(folder))) for folder in raw.get("plugins") or ())
        registry.discover(folders)
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    given = raw.get("datasets")
    datasets: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    options = _dataset_options(datasets, folders, faults)
    parsed: dict[str, DatasetConfig] = {}
    for name, section in datasets.items():
        if name in options:
            try:
                parsed[name] = options[name].model_validate(section)
            except ValidationError as error:
                faults += _explain(error, options, ("datasets", name))
    try:
        # The plug-ins' options were checked above, so the common model sees only the instances.
        config = RunConfig.model_validate(
            {**raw, "datasets": {name: parsed.get(name, DatasetConfig()) for name in datasets}}
            if datasets
            else raw
        )
    except ValidationError as error:
        raise ConfigError("\n".join(faults + _explain(error, options))) from None
    config = trained_nets.expanded(config, faults)
    if config.models and not config.detectors:
        faults.append("detectors: none is named, so no model would see a face")
    if config.detectors and not config.models:
        faults.append("models: none is named, and `training` trains none")
    faults += trained_nets.faults(config, folders)
    _check_names(config, folders, faults)
    if faults:
        raise ConfigError("\n".join(faults))
    return config
