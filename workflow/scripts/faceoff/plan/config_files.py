"""Read configuration files, and write what is generated from the models: schema and comments.

`faceoff config --write` writes the JSON schema in workflow/schemas, the comments of config.yaml and
docs/reference.md.
"""

import re
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from faceoff import layout
from faceoff.plan.config import ConfigError, parse, shortened
from faceoff.plan.sections import DetectorConfig, FusionConfig, ModelConfig, RunConfig
from faceoff.plugins import registry
from faceoff.plugins.options import DatasetConfig, Section
from faceoff.storage import files

SCHEMA = layout.workflow_folder() / "workflow" / "schemas" / "config.schema.json"
# The repository's own configuration: all its comments are generated.
OWN = layout.workflow_folder().resolve() / "config.yaml"


class _Loader(yaml.SafeLoader):
    """Reads YAML and notes each key that a mapping has twice: YAML silently keeps the last one."""

    def __init__(self, text: str):
        super().__init__(text)
        self.twice: list[str] = []

    # The stubs take `anchor`, the text of an anchor or None, for a mapping.
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                self.twice.append(
                    f"line {line}: key {key.value!r} appears a second time, "
                    f"first in line {first[key.value]}"
                )
            first.setdefault(key.value, line)
        return node


def load(path: Path | str) -> Mapping[str, Any]:
    """Return the sections of a YAML file, not yet validated.

    Raises ConfigError naming the file, and the line of each key that a mapping has twice.
    """
    try:
        loader = _Loader(files.read_written(path))
        node = loader.get_single_node()
        if node is not None:
            _refuse_tangles(node)
        raw = None if node is None else loader.construct_document(node)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: {_TOO_DEEP}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {shortened(str(error.problem))}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigError(f"{path}: {reason}") from None
    if loader.twice:
        raise ConfigError("\n".join(f"{path}, {fault}" for fault in loader.twice))
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{path}: expected sections such as datasets, detectors and models")
    return raw


_DEEPEST = 40  # levels of a configuration
_LARGEST = 100_000  # values of a configuration, with what its anchors repeat
_TOO_DEEP = f"nested deeper than {_DEEPEST} levels"


def _refuse_tangles(root: yaml.Node) -> None:
    """Raise yaml.MarkedYAMLError for what no configuration holds and no reader can print.

    That is an anchor that contains itself, deep nesting, anchors that repeat each other to more
    than a hundred thousand values, and half a character (a lone surrogate).
    """
    sizes: dict[int, int] = {}  # of a node, with everything in it
    open_nodes: set[int] = set()

    def size(node: yaml.Node, depth: int) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        problem = None
        if id(node) in open_nodes:
            problem = "an anchor contains itself"
        elif depth > _DEEPEST:
            problem = _TOO_DEEP
        elif isinstance(node, yaml.ScalarNode) and _has_half_characters(node.value):
            problem = "the text has half a character (a lone surrogate)"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        open_nodes.add(id(node))
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        total = 1 + sum(size(part, depth + 1) for part in inner)
        if total > _LARGEST:
            problem = f"more than {_LARGEST:,} values, with what its anchors repeat"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        open_nodes.remove(id(node))
        sizes[id(node)] = total
        return total

    size(root, 0)


def _has_half_characters(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def read(path: Path | str) -> RunConfig:
    """Read and validate a YAML file. Raises ConfigError."""
    return parse(load(path))


def schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration, with the options of every built-in dataset.

    It helps editors; `parse` is stricter.
    """
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
    """Return a configuration as YAML.

    Comments above each section describe it and the keys that it may have.
    """
    lines = [
        "# Faceoff: what to run. How to run it (cores, cluster, GPU) is in profiles/.",
        "# Generated by `faceoff config --write` from the values below; "
        "comments come from workflow/scripts/faceoff/plan/sections.py.",
        "",
    ]
    entry_models: Mapping[str, type[Section]] = {
        "detectors": DetectorConfig,
        "models": ModelConfig,
        "fusions": FusionConfig,
        "datasets": DatasetConfig,
    }
    for key, field in RunConfig.model_fields.items():
        lines.append(f"# {field.description}")
        entry = entry_models.get(key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            entry = field.annotation
        if entry:
            lines += [
                f"#   {name}: {option.description}" for name, option in entry.model_fields.items()
            ]
        value = values.get(key, field.get_default(call_default_factory=True))
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json")
        text = yaml.safe_dump(
            value, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
        )
        text = text.removesuffix("\n...\n").rstrip()
        block = "\n" in text or (isinstance(value, Mapping) and not text.startswith("{"))
        lines += [f"{key}:\n{textwrap.indent(text, '  ')}" if block else f"{key}: {text}", ""]
    return "\n".join(lines)


def comments(text: str) -> list[str]:
    """Return the comments of a YAML text, each from its "#" on."""
    tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))
    return [
        found
        for before, after in pairwise(tokens)
        for found in re.findall("#.*", text[before.end_mark.index : after.start_mark.index])
    ]
