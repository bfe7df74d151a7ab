"""The configuration: one pydantic model per section, unknown keys forbidden, errors that name the key and the nearest valid one.

The JSON schema in workflow/schemas, the comments of config.yaml and docs/reference.md are generated from these models (`faceoff config --write`).
"""

import re
import textwrap
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, SerializeAsAny, ValidationError

from faceoff import emotions
from faceoff.fusion import rule_list
from faceoff.plugins import registry
from faceoff.plugins.options import DataPath, DatasetConfig, Name, Section, expand
from faceoff.plugins.plugin import PACKAGE, Plugin, RegistryError
from faceoff.spelling import suggestion

if TYPE_CHECKING:
    RuleName = str
else:
    RuleName = Literal[rule_list.names()]


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line per fault."""


SCHEMA = PACKAGE.parents[1] / "schemas" / "config.schema.json"
OWN = (
    PACKAGE.parents[2].resolve() / "config.yaml"
)  # the repository's; all its comments are generated


class _Loader(yaml.SafeLoader):
    """Reads YAML as ever and notes each key that stands twice in a mapping: YAML itself lets the last one win."""

    def __init__(self, text: str):
        super().__init__(text)
        self.twice: list[str] = []

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                self.twice.append(
                    f"line {line}: key {key.value!r} stands a second time, first in line {first[key.value]}"
                )
            first.setdefault(key.value, line)
        return node


class DetectorConfig(Section):
    detector: str | None = Field(None, description="the detector plug-in; default: the key itself")
    upscale: int = Field(
        1,
        ge=1,
        le=8,
        description="enlarge frames by this factor before detection (48x48 pictures defeat most detectors)",
    )
    pad: float = Field(
        0.0,
        ge=0,
        le=2,
        description="black border, as a share of the frame's sides, before detection (full-range detectors miss faces that fill it)",
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="score threshold; default: the detector's card"
    )
    min_size: float | None = Field(
        None,
        ge=0,
        description="smallest face side in pixels of the frame; default: the detector's card",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class ModelConfig(Section):
    model: str | None = Field(
        None,
        description="the model plug-in, a model card's name, or the path of a card (.yaml); default: the key itself",
    )
    train: Name | None = Field(
        None, description="the dataset of this run (role: train) that a trainable model learns from"
    )
    detectors: list[str] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        description="only behind these detectors of the run (globs); default: all",
    )
    margin: float | None = Field(
        None,
        ge=-0.5,
        le=2,
        description="margin around the canonical face box; default: the model's crop specification",
    )
    align: Literal["none", "eyes", "five_point"] | None = Field(
        None,
        description="turn the face until its eyes are level, or lay five landmarks on a template; default: the model's crop specification",
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="type that a PyTorch network computes in on the way; a variant that must first prove equal to the original (protocol §26)",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of the plug-in's class"
    )


class FusionConfig(Section):
    rule: RuleName = Field(
        "soft_mean",
        description="how posteriors are joined; rules that learn do so on the validation dataset or the other folds",
    )
    members: list[str] = Field(
        default_factory=lambda: ["*/*"],
        min_length=1,
        description="cells to join, as detector/model globs",
    )
    top: int | None = Field(
        None,
        ge=1,
        description="only the most accurate members vote, this many, chosen where a rule learns; default: all",
    )
    per_detector: bool = Field(
        False,
        description="one fusion per detector (named fusion.detector) instead of one over all matching cells",
    )
    allow_clones: bool = Field(
        False,
        description="let members of one lineage (the same weights behind two names) vote more than once",
    )
    seed: int | None = Field(
        None, ge=0, description="seed of the folds on which a rule learns; default: the run's seed"
    )
    check_order: bool = Field(
        True,
        description="refuse a member whose classes would fit much better in another order (a wrong label map)",
    )


class FacesConfig(Section):
    policy: Literal["largest", "most_confident", "centre"] = Field(
        "largest", description="which face of a picture is the sample's face"
    )
    box: Literal["calibrated", "raw"] = Field(
        "calibrated",
        description="calibrated: crops by the canonical face box (closed division); raw: as shipped",
    )


class FiguresConfig(Section):
    formats: list[Literal["svg", "pdf", "png"]] = Field(
        default_factory=lambda: ["svg", "pdf", "png"], min_length=1, description="file formats"
    )
    examples: int = Field(
        8, ge=0, le=64, description="right and wrong example faces per cell and dataset"
    )


class ReportConfig(Section):
    title: str = Field("Faceoff", description="title of report.html")
    faces: bool = Field(
        True, description="show face crops; false leaves every picture of a face out (privacy)"
    )
    gallery: int = Field(
        4, ge=0, le=64, description="faces of every cell of a confusion matrix in the gallery"
    )
    clips: int = Field(4, ge=0, le=40, description="clips shown over time, per dataset of videos")
    megabytes: float = Field(
        8.0,
        gt=0,
        description="what the gallery's pictures may take of report.html; the later ones of every confusion go first",
    )


class SpeedConfig(Section):
    queries: int = Field(
        0,
        ge=0,
        le=100_000,
        description="how many pictures each detector and model is timed on, one at a time, alone on the machine; 0: not timed",
    )


class RunConfig(Section):
    """A run: what to do, never how (threads, partitions and devices are in profiles/)."""

    run: Name = Field("demo", description="name of the run; outputs go to results/<run>/")
    seed: int = Field(0, ge=0, description="seed of every random choice")
    weights: Literal["fetch", "present"] = Field(
        "fetch",
        description="fetch: download missing weights before the run, or stop; present: skip the pairs whose weights are not here",
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = Field(
        "auto",
        description="where networks compute: auto (a GPU where there is one), cpu, cuda or cuda:N; FACEOFF_DEVICE overrides it on one machine",
    )
    plugins: list[DataPath] = Field(
        default_factory=list, description="folders with more plug-ins (.py) and model cards (.yaml)"
    )
    datasets: dict[Name, SerializeAsAny[DatasetConfig]] = Field(
        min_length=1, description="labelled pictures, by the name they have in this run"
    )
    detectors: dict[Name, DetectorConfig] = Field(
        min_length=1, description="face detectors; every one meets every model"
    )
    models: dict[Name, ModelConfig] = Field(min_length=1, description="emotion models")
    fusions: dict[Name, FusionConfig] = Field(
        default_factory=dict, description="votes of several cells"
    )
    faces: FacesConfig = Field(default_factory=FacesConfig, description="which face, and which box")
    figures: FiguresConfig = Field(default_factory=FiguresConfig, description="paper figures")
    report: ReportConfig = Field(
        default_factory=ReportConfig, description="results/<run>/report.html"
    )
    speed: SpeedConfig = Field(
        default_factory=SpeedConfig,
        description="latency of single pictures and throughput of full batches (docs/performance.md)",
    )

    def asks_for(self, detector: str, model: str) -> bool:
        """Whether the model is to run behind the detector."""
        return any(fnmatchcase(detector, pattern) for pattern in self.models[model].detectors)

    def members(self, *patterns: str) -> Iterator[tuple[str, str]]:
        """The detector x model cells that one of these detector/model globs names, sorted."""
        for detector in sorted(self.detectors):
            for model in sorted(self.models):
                if self.asks_for(detector, model) and any(
                    fnmatchcase(f"{detector}/{model}", pattern) for pattern in patterns
                ):
                    yield detector, model


def _fields_at(
    model: type[BaseModel], location: tuple[Any, ...], options: Mapping[str, type[BaseModel]]
) -> list[str]:
    """Names of the fields valid at an error's location, following sections and name -> section mappings."""
    current: Any = model
    path = list(location[:-1])
    while path:
        key = path.pop(0)
        if current is model and key == "datasets" and path:
            current = options.get(path.pop(0), DatasetConfig)
            continue
        annotation = (
            current.model_fields[key].annotation
            if key in getattr(current, "model_fields", {})
            else current
        )
        arguments = getattr(annotation, "__args__", ())
        if getattr(annotation, "__origin__", None) is dict and path:
            path.pop(0)
            annotation = arguments[1]
        # `Section | None` is the section.
        current = next(
            (part for part in getattr(annotation, "__args__", ()) if hasattr(part, "model_fields")),
            annotation,
        )
    return list(getattr(current, "model_fields", {}))


def _explain(
    error: ValidationError, options: Mapping[str, type[BaseModel]], prefix: tuple[Any, ...] = ()
) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        location = (
            *prefix,
            *[
                part
                for part in fault["loc"]
                if part != "[key]" and not str(part).startswith(("function-", "constrained-"))
            ],
        )
        where = ".".join(str(part) for part in location)
        if fault["type"] == "extra_forbidden":
            valid = _fields_at(RunConfig, location, options)
            lines.append(f"unknown key {where!r}{suggestion(str(location[-1]), valid)}")
        elif fault["type"] == "missing":
            lines.append(f"key {where!r} is missing")
        elif fault["type"] == "literal_error":
            valid = re.findall(r"'([^']+)'", str(fault["ctx"]["expected"]))
            lines.append(
                f"{where}: {fault['input']!r} is not valid{suggestion(str(fault['input']), valid)}"
            )
        else:
            given = (
                ""
                if isinstance(fault["input"], Mapping | list) and fault["input"]
                else f" (given: {fault['input']!r})"
            )
            lines.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}{given}")
    return lines


def _dataset_options(
    raw: Mapping[str, Any], folders: tuple[Path, ...], faults: list[str]
) -> dict[str, type[DatasetConfig]]:
    found: dict[str, type[DatasetConfig]] = {}
    for name, section in raw.items():
        kind = (
            (section or {}).get("type") or name
            if isinstance(section, Mapping) or section is None
            else name
        )
        try:
            plugin = registry.get("dataset", str(kind), folders)
            dataset = registry.load(plugin.source, plugin.class_name)
            found[name] = dataset.Options
            if (
                isinstance(section, Mapping)
                and section.get("multiverse")
                and not hasattr(dataset, "universes")
            ):
                faults.append(
                    f"datasets.{name}.multiverse: dataset {plugin.name!r} knows one label rule only, so there is nothing to compare: remove the key"
                )
        except RegistryError as error:
            faults.append(f"datasets.{name}: {error}")
    return found


def _check_names(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    """Every name and glob that points at another section, at a plug-in or at its options finds something, and no name takes a fusion's place."""
    for kind in ("datasets", "detectors"):
        if "fusion" in getattr(config, kind):
            faults.append(f"{kind}.fusion: this name is reserved for fusions")
    for name, detector in config.detectors.items():
        plugin = _known("detector", detector.detector or name, f"detectors.{name}", folders, faults)
        faults += [
            f"detectors.{name}.options: {fault}"
            for fault in (plugin.unknown_options(detector.options) if plugin else ())
        ]
    _check_models(config, folders, faults)
    _check_datasets(config, faults)
    for name, fusion in config.fusions.items():
        for pattern in fusion.members:
            if not any(config.members(pattern)):
                faults.append(
                    f"fusions.{name}.members: {pattern!r} matches no detector/model cell of this run{_nearest_member(config, pattern)}"
                )


def _check_models(config: RunConfig, folders: tuple[Path, ...], faults: list[str]) -> None:
    for name, model in config.models.items():
        plugin = _known("model", model.model or name, f"models.{name}", folders, faults)
        faults += [
            f"models.{name}.options: {fault}"
            for fault in (plugin.unknown_options(model.options) if plugin else ())
        ]
        for pattern in model.detectors:
            if not any(fnmatchcase(detector, pattern) for detector in config.detectors):
                faults.append(
                    f"models.{name}.detectors: {pattern!r} matches no detector of this run{suggestion(pattern, config.detectors)}"
                )
        trainable = bool(plugin and plugin.card.get("trainable"))
        if trainable and not model.train:
            faults.append(
                f"models.{name}: this model learns from data: name a dataset of role train in 'models.{name}.train'"
            )
        if plugin and model.train and not trainable:
            faults.append(
                f"models.{name}.train: model {plugin.name!r} has fixed weights and cannot be trained"
            )
        if plugin and model.precision != "float32" and not plugin.torch:
            faults.append(
                f"models.{name}.precision: model {plugin.name!r} runs in {plugin.framework}, not in PyTorch: it computes in the type of its weights"
            )
        if model.train and model.train not in config.datasets:
            faults.append(
                f"models.{name}.train: no dataset {model.train!r} in this run{suggestion(model.train, config.datasets)}"
            )
        elif model.train and config.datasets[model.train].role != "train":
            faults.append(
                f"models.{name}.train: dataset {model.train!r} has the role {config.datasets[model.train].role!r}, not 'train'"
            )


def _check_datasets(config: RunConfig, faults: list[str]) -> None:
    for name, dataset in config.datasets.items():
        if dataset.validation and dataset.validation not in config.datasets:
            faults.append(
                f"datasets.{name}.validation: no dataset {dataset.validation!r} in this run{suggestion(dataset.validation, config.datasets)}"
            )
        elif dataset.validation == name:
            faults.append(f"datasets.{name}.validation: a dataset cannot validate itself")
        elif dataset.validation and config.datasets[dataset.validation].role != "validation":
            role = config.datasets[dataset.validation].role
            faults.append(
                f"datasets.{name}.validation: dataset {dataset.validation!r} has the role {role!r}, not 'validation'"
            )
        if dataset.space is not None:
            try:
                emotions.space(dataset.space)
            except ValueError as error:
                faults.append(f"datasets.{name}.space: {error}")
        if dataset.shards == "auto" and getattr(dataset, "download", False):
            # Jobs are planned before the download: the next plan, and that of each job on a cluster, would be another one.
            faults.append(
                f"datasets.{name}.shards: auto counts what is there, and {name} is yet to be downloaded; give a number"
            )
    if not any(dataset.role == "test" for dataset in config.datasets.values()):
        faults.append("datasets: none has the role 'test', so nothing would be scored")


def _nearest_member(config: RunConfig, pattern: str) -> str:
    """What ends the message on a detector/model glob without a cell: the nearest name to the part that finds none."""
    detector, _, model = pattern.partition("/")
    for part, names in ((detector, config.detectors), (model, config.models)):
        if not any(fnmatchcase(name, part) for name in names):
            return suggestion(part, names)
    return (
        f"; models.{model}.detectors leaves it out"
        if model in config.models
        else "; the models' `detectors` leave it out"
    )


def _known(
    kind: str, name: str, where: str, folders: tuple[Path, ...], faults: list[str]
) -> Plugin | None:
    try:
        return registry.get(kind, name, folders)
    except RegistryError as error:
        faults.append(f"{where}: {error}")
        return None


def parse(raw: Mapping[str, Any]) -> RunConfig:
    """Validate a configuration as read from YAML. Raises ConfigError with one line per fault."""
    faults: list[str] = []
    raw = {
        key: {}
        if value is None and key in {"fusions", "faces", "figures", "report", "speed"}
        else value
        for key, value in raw.items()
    }
    for key in ("datasets", "detectors", "models", "fusions"):
        if isinstance(raw.get(key), Mapping):
            raw[key] = {
                str(name): {} if section is None else section for name, section in raw[key].items()
            }
    if not isinstance(raw.get("plugins") or [], list):
        raise ConfigError("plugins: expected a list of folders")
    try:
        folders = tuple(Path(expand(str(folder))) for folder in raw.get("plugins") or ())
        registry.discover(folders)
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    datasets = raw.get("datasets") if isinstance(raw.get("datasets"), Mapping) else {}
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
    _check_names(config, folders, faults)
    if faults:
        raise ConfigError("\n".join(faults))
    return config


def load(path: Path | str) -> Mapping[str, Any]:
    """The sections of a YAML file, not yet validated. Raises ConfigError naming the file, and the line of each key that stands twice."""
    try:
        loader = _Loader(Path(path).read_text(encoding="utf-8"))
        raw = loader.get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{path}: {error.strerror if isinstance(error, OSError) else error}"
        ) from None
    if loader.twice:
        raise ConfigError("\n".join(f"{path}, {fault}" for fault in loader.twice))
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{path}: expected sections such as datasets, detectors and models")
    return raw


def read(path: Path | str) -> RunConfig:
    """Read and validate a YAML file. Raises ConfigError."""
    return parse(load(path))


def schema() -> dict[str, Any]:
    """JSON schema of a configuration with the options of every built-in dataset (for editors; `parse` is stricter)."""
    document = RunConfig.model_json_schema()
    variants = []
    for name in registry.names("dataset"):
        plugin = registry.get("dataset", name)
        options = registry.load(plugin.source, plugin.class_name).Options.model_json_schema()
        document["$defs"].update(options.pop("$defs", {}))
        document["$defs"][f"dataset_{name}"] = {**options, "title": f"dataset {name}"}
        variants.append({"$ref": f"#/$defs/dataset_{name}"})
    document["properties"]["datasets"]["additionalProperties"] = {"anyOf": variants}
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return document


def commented(values: Mapping[str, Any]) -> str:
    """YAML of a configuration's values, each section under its description and the keys that it may have."""
    lines = ["# Faceoff: what to run. How to run it (cores, cluster, GPU) is in profiles/.", "# Generated by `faceoff config --write` from the values below; "
             "comments come from workflow/scripts/faceoff/plan/config.py.", ""]  # fmt: skip
    entry_models = {
        "detectors": DetectorConfig,
        "models": ModelConfig,
        "fusions": FusionConfig,
        "datasets": DatasetConfig,
    }
    for key, field in RunConfig.model_fields.items():
        lines.append(f"# {field.description}")
        entry = entry_models.get(key) or (
            field.annotation
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            else None
        )
        if entry:
            lines += [
                f"#   {name}: {option.description}" for name, option in entry.model_fields.items()
            ]
        value = values.get(key, field.get_default(call_default_factory=True))
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json")
        text = (
            yaml.safe_dump(
                value, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
            )
            .removesuffix("\n...\n")
            .rstrip()
        )
        block = "\n" in text or (isinstance(value, Mapping) and not text.startswith("{"))
        lines += [f"{key}:\n{textwrap.indent(text, '  ')}" if block else f"{key}: {text}", ""]
    return "\n".join(lines)


def comments(text: str) -> list[str]:
    """The comments of a YAML text, each from its "#" on: what stands between two tokens."""
    tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))
    return [
        found
        for before, after in pairwise(tokens)
        for found in re.findall("#.*", text[before.end_mark.index : after.start_mark.index])
    ]
