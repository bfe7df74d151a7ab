"""Write the page of all cards (docs/cards.md) from the plug-ins' headers and cards.

It says what each one is, takes and gives, and whose it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faceoff import layout
from faceoff.faces import emfacs
from faceoff.plugins import registry
from faceoff.plugins.plugin import KINDS, Plugin

PATH = layout.workflow_folder() / "docs" / "cards.md"

_HEAD = """# Cards of the plug-ins

Written by `faceoff cards --write` from the plug-ins' headers and the models' cards; a test fails
when it is out of date. What was compared with whose library, and with which weights, is in
[detectors.md](detectors.md), [models.md](models.md) and [models_networks.md](models_networks.md).
What is *published* is the authors' statement, not measured here. A result's `train_status` follows
from *trained on* and *chosen on*.
"""
_NONE = "–"


def page(plugins: Iterable[Plugin]) -> str:
    """Return Markdown of these detectors, models, signals and what listens, sorted by name.

    It imports the plug-ins, so it needs the full environment.
    """
    known = sorted(plugins, key=lambda plugin: plugin.name)
    detectors, models, signals, segmenters, speech_models = (
        [plugin for plugin in known if plugin.kind == kind] for kind in KINDS
    )
    parts = [
        _HEAD,
        "## Detectors",
        _table(_DETECTOR_COLUMNS, [_detector_row(plugin) for plugin in detectors]),
        "## Models",
    ]
    parts.append(_table(_MODEL_COLUMNS, [_model_row(plugin) for plugin in models]))
    if signals:
        rows = [_signal_row(plugin) for plugin in signals]
        parts += ["## Signals", _table(_SIGNAL_COLUMNS, rows)]
    for title, listeners in (("Segmenters", segmenters), ("Speech models", speech_models)):
        if listeners:
            rows = [_listener_row(plugin) for plugin in listeners]
            parts += [f"## {title}", _table(_LISTENER_COLUMNS, rows)]
    parts += [
        "## Weights",
        "Searched for in the order that [assets.md](assets.md) states, and loaded only with this"
        " hash.",
        _weights([*detectors, *models, *signals, *segmenters, *speech_models]),
    ]
    parts += [
        "## Training data and published results",
        "\n".join(_about(plugin) for plugin in [*models, *speech_models]),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_DETECTOR_COLUMNS = (
    "name",
    "environment",
    "threshold, smallest face",
    "box calibration: dx, dy, width ×, height ×",
    "licence",
    "source",
)
_MODEL_COLUMNS = (
    "name",
    "environment",
    "input",
    "classes, in output order",
    "also",
    "lineage",
    "licence",
    "source",
)
_SIGNAL_COLUMNS = ("name", "environment", "input", "columns", "notes", "licence", "source")
_LISTENER_COLUMNS = ("name", "environment", "notes", "licence", "source")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)
    )


def _link(source: Any) -> str:
    text = str(source or _NONE)
    return (
        f"[{'/'.join(text.split('/')[2:5]).removeprefix('github.com/')}]({text})"
        if text.startswith("https://")
        else text
    )


def _detector_row(plugin: Plugin) -> tuple[str, ...]:
    card = plugin.card
    found = card.get("calibration")
    calibration = (
        ", ".join(f"{found[key]:.3f}" for key in ("dx", "dy", "sx", "sy"))
        if found
        else "the whole picture"
        if card.get("whole_frame")
        else "none"
    )
    limits = (
        f"{card['threshold']:g}, {card['min_size']:g} px"
        if card["threshold"] or card["min_size"]
        else _NONE
    )
    return (
        f"`{plugin.name}`",
        plugin.framework,
        limits,
        calibration,
        str(card.get("licence", _NONE)),
        _link(card.get("source")),
    )


def _model_row(plugin: Plugin) -> tuple[str, ...]:
    card = plugin.card
    given = card.get("input") or _crop_of(plugin)
    classes = ", ".join(classes_of(plugin)) or (
        "those of the file" if "reads" in card else "those it is trained on"
    )
    units = len(getattr(_class_of(plugin), "aus", ()))
    also = [
        *card.get("outputs", ["emotions"])[1:],
        *([f"{units} action units"] if units else []),
        *(["by option: valence, arousal"] if "va" in card.get("options", {}) else []),
    ]
    seen = _input(given) if "reads" not in card else _NONE
    whose = (
        str(card.get("lineage", _NONE)),
        str(card.get("licence", _NONE)),
        _link(card.get("source")),
    )
    return f"`{plugin.name}`", plugin.framework, seen, classes, ", ".join(also) or _NONE, *whose


def _signal_row(plugin: Plugin) -> tuple[str, ...]:
    card, columns = plugin.card, _class_of(plugin).columns
    units = [name for name in columns if name.startswith("au_")]
    given = [name for name in columns if name not in units]
    if units:
        given.append(f"{len(units)} action units")
    frame = [f"gaze in the frame of the {card['gaze_frame']}"] if "gaze_frame" in card else []
    return (
        f"`{plugin.name}`",
        plugin.framework,
        _input(_crop_of(plugin)),
        ", ".join(given),
        "; ".join([*frame, *([str(card["notes"])] if card.get("notes") else [])]) or _NONE,
        str(card.get("licence", _NONE)),
        _link(card.get("source")),
    )


def _listener_row(plugin: Plugin) -> tuple[str, ...]:
    card = plugin.card
    said = (str(card.get(key, _NONE)) for key in ("notes", "licence"))
    return f"`{plugin.name}`", plugin.framework, *said, _link(card.get("source"))


def _class_of(plugin: Plugin) -> Any:
    """Return a plug-in's class, whose attributes depend on its kind."""
    return registry.load(plugin.source_name, plugin.class_name)


def _crop_of(plugin: Plugin) -> dict[str, Any]:
    crop = _class_of(plugin).crop
    return {
        "size": crop.size,
        "channels": crop.channels,
        "margin": crop.margin,
        "scaled": "by the plug-in",
    }


def _input(given: Mapping[str, Any]) -> str:
    height, width = given["size"]
    side = f"{width}" if width == height else f"{width} × {height}"
    grey = given.get("channels", 3) == 1
    colours = "grey" if grey else given.get("colours", "rgb").upper()
    text = f"{side} px, {colours}, margin {given.get('margin', 0.0):g}"
    if "scaled" in given:
        return text
    divisor, mean, std = given.get("divisor", 255), given.get("mean", 0.0), given.get("std", 1.0)
    scaled = ("x" if divisor == 1 else f"x / {divisor:g}") + (
        f" − {_numbers(mean)}" if mean else ""
    )
    return f"{text}; " + (scaled if std == 1.0 else f"({scaled}) / {_numbers(std)}")


def _numbers(value: Any) -> str:
    return (
        f"({', '.join(f'{one:g}' for one in value)})"
        if isinstance(value, (list, tuple))
        else f"{value:g}"
    )


def classes_of(plugin: Plugin) -> tuple[str, ...]:
    """Return a model's classes in output order with its default options.

    None where they come from its training or from a file.
    """
    card, loaded = plugin.card, _class_of(plugin)
    if "emotions" in card:
        return tuple(card["emotions"])
    if getattr(loaded, "emotions", None):
        return tuple(loaded.emotions)
    return (
        emfacs.evaluable(loaded.aus, emfacs.rules(card["options"]["variants"]))
        if card.get("recipe") == "emfacs"
        else ()
    )


def _weights(plugins: Iterable[Plugin]) -> str:
    users: dict[tuple[str, ...], list[str]] = {}
    for plugin in plugins:
        for asset in plugin.assets.values():
            carried = f"in the package {asset.package}" if asset.package else ""
            size = f"{asset.size:,}" if asset.size else "not stated"
            origin = " or ".join(
                part for part in (carried, _link(asset.urls[0]) if asset.urls else "") if part
            )
            users.setdefault((asset.name, f"`{asset.digest}`", size, origin), []).append(
                plugin.name
            )
        if not plugin.assets and "checkpoint" in plugin.card:
            pin = plugin.card["checkpoint"]
            known = (
                f"git's id of the content: `{pin['git_blob']}`"
                if "git_blob" in pin
                else "none published: given by the options, with the file"
            )
            users.setdefault((pin["file"], known, "not stated", _link(pin["url"])), []).append(
                plugin.name
            )
    rows = [
        (name, digest, size, origin, ", ".join(f"`{user}`" for user in who))
        for (name, digest, size, origin), who in sorted(users.items())
    ]
    return _table(("file", "sha256", "bytes", "from", "for"), rows)


def _about(plugin: Plugin) -> str:
    """Return one entry of the list.

    It says what a model was trained and chosen on, what is published of it, and what to mind.
    """
    card = plugin.card
    said = [f"trained on {_splits(card['training_data'])}"] if card.get("training_data") else []
    if not said:
        own = (
            "nothing is trained"
            if card.get("trained") is False
            else "by you, on a dataset of the configuration"
            if card.get("trainable")
            else None
        )
        said = [
            own
            or (
                "whatever the predictions' author did"
                if "reads" in card
                else "training data not stated"
            )
        ]
    if card.get("selected_on"):
        said.append(f"chosen on {_splits(card['selected_on'])}")
    if card.get("recipe"):
        said.append("emotions by EMFACS rules, so circular on the drawn datasets")
    said += [_published(result) for result in card.get("published", ())]
    said += [str(card["notes"])] if card.get("notes") else []
    return f"- `{plugin.name}`: " + "; ".join(said)


def _splits(data: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{name} ({' and '.join(splits)})" for name, splits in data.items())


def _published(result: Mapping[str, Any]) -> str:
    counts = (
        f" ({result['correct']}/{result['n']})"
        if "correct" in result
        else f" (n = {result['n']})"
        if "n" in result
        else ""
    )
    note = f", {result['note']}" if result.get("note") else ""
    return f"published: {100 * result['accuracy']:.4g} % on {result['task']}{counts}{note}"
