"""Write the page of all configuration keys (docs/reference.md) from the pydantic models.

It has type, bounds, default and meaning of each.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from faceoff import layout
from faceoff.plan import sections
from faceoff.plugins import registry
from faceoff.plugins.options import DatasetConfig
from faceoff.plugins.plugin import KINDS

PATH = layout.workflow_folder() / "docs" / "reference.md"

_HEAD = """# Configuration reference

Written by `faceoff config --write` from the models in
[config.py](../workflow/scripts/faceoff/plan/config.py) and the plug-ins; a test fails when it is
stale. [configuration.md](configuration.md) says what the keys are for. `faceoff config FILE` checks
a file against all of this before any work starts.
"""
_ENTRIES = {
    "datasets": "NAME",
    "detectors": "NAME",
    "models": "NAME",
    "training": "NAME",
    "fusions": "NAME",
    "temporal": "NAME",
    "signals": "NAME",
    "segmenters": "NAME",
    "speech_models": "NAME",
    "corruptions": "NAME",
    "groups": "MEASURE",
}  # sections of one's own names
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "mapping",
}
_NONE = "–"


def page() -> str:
    """Return Markdown of every section and key.

    The keys of every built-in dataset, and the options of the other plug-ins, are among them.
    """
    models = {
        name: model
        for name, field in sections.RunConfig.model_fields.items()
        if (model := _section(field.annotation))
    }
    parts = [_HEAD, "## Top level", _table(_HEADS, _rows(sections.RunConfig, "", skip=models))]
    for name, model in models.items():
        title = f"{name}.{_ENTRIES[name]}" if name in _ENTRIES else name
        parts += [
            f"## {title}",
            f"{_sentence(sections.RunConfig.model_fields[name].description)}",
            _table(_HEADS, _rows(model, "")),
        ]
        if name == "datasets":
            parts += _datasets()
    parts += [
        "## Options of plug-ins",
        _OPTIONS_TEXT,
        _table(("kind", "name", "option", "default"), _options()),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_HEADS = ("key", "type", "default", "meaning")
_OPTIONS_TEXT = """A plug-in takes these under `options` of its section in `detectors`, `models`,
`signals`, `segmenters` or `speech_models`, as `models: {geometry: {options: {sharpness: 4.0}}}`.
The plug-in's file or page says what each option does, and what a default of – means."""


def _section(annotation: Any) -> type[BaseModel] | None:
    """Return the model in a key's annotation.

    It is the annotation itself, one that may be null, or the value of a mapping of names.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        (found for part in reversed(get_args(annotation)) if (found := _section(part))), None
    )


def _datasets() -> Iterator[str]:
    common = DatasetConfig.model_fields
    for name in registry.names("dataset"):
        plugin = registry.get("dataset", name)
        loaded: Any = registry.load(plugin.source, plugin.class_name)
        options = loaded.Options
        own = [
            key
            for key, field in options.model_fields.items()
            if key not in common or field.default != common[key].default
        ]
        yield f"### `type: {name}`"
        yield f"{_sentence(plugin.card['title'])} Keys besides those above:"
        yield _table(_HEADS, _rows(options, "", only=own))


def _rows(
    model: type[BaseModel], prefix: str, only: Sequence[str] | None = None, skip: Iterable[str] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield a row per key.

    The keys of a mapping with keys of its own follow it, as `columns.path`.
    """
    schema = model.model_json_schema()
    for key, field in model.model_fields.items():
        if key in skip or (only is not None and key not in only):
            continue
        inner = _section(field.annotation)
        meaning = (field.description or "").replace("<", "&lt;")  # <run> is no tag
        if inner is not None:
            yield f"`{prefix}{key}`", "mapping, see below", _NONE, meaning
            yield from _rows(inner, f"{prefix}{key}.")
        else:
            default = (
                "**required**"
                if field.is_required()
                else _value(field.get_default(call_default_factory=True))
            )
            yield f"`{prefix}{key}`", _type(schema["properties"][key]), default, meaning


def _type(schema: Mapping[str, Any]) -> str:
    """Return a JSON schema in words; that a key may be null is what its default says."""
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "prefixItems" in schema:
        return f"{len(schema['prefixItems'])} × {_type(schema['prefixItems'][0])}"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" + (
            ", not empty" if schema.get("minItems") else ""
        )
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping of names to {_type(schema['additionalProperties'])}"
    if "pattern" in schema:
        # A bar in `code` would end the cell in one of the two renderers.
        return f"text like <code>{schema['pattern'].replace('|', '&#124;')}</code>"
    return ("path" if schema.get("format") == "path" else _TYPES[schema["type"]]) + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    stated = [f"{sign} {schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
    return f", {' and '.join(stated)}" if stated else ""


def _value(value: Any) -> str:
    return (
        _NONE
        if value is None or value in ({}, [])
        else f"`{json.dumps(value, ensure_ascii=False)}`"
    )


def _sentence(text: str | None) -> str:
    text = (text or "").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _options() -> Iterator[tuple[str, ...]]:
    for kind in KINDS:
        for name in registry.names(kind):
            for option, default in sorted(
                (registry.get(kind, name).card.get("options") or {}).items()
            ):
                yield kind.replace("_", " "), f"`{name}`", f"`{option}`", _value(default)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
        for cells in lines
    )
