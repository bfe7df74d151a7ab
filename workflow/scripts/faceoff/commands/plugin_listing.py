"""List the plug-ins for the terminal, and say whether each can be used here."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from faceoff.assets import fetch
from faceoff.plugins import given_weights, registry
from faceoff.plugins.plugin import Plugin


def show(table: Table) -> None:
    """Print a list.

    In a terminal it is at least 100 columns wide, so that names stay readable; in a file or pipe it
    has a line per plug-in.
    """
    console = Console()
    natural = console.measure(table, options=console.options.update(width=10_000)).maximum
    Console(width=max(100, console.width) if console.is_terminal else natural).print(table)


def detectors(folders: Sequence[Path]) -> Table:
    """Return every face detector, those of plug-in folders included."""
    return _of_kind("detector", "box calibration", folders)


def models(folders: Sequence[Path]) -> Table:
    """Return every emotion model, those of plug-in folders included."""
    return _of_kind("model", "lineage", folders)


def signals(folders: Sequence[Path]) -> Table:
    """Return every signal of faces, those of plug-in folders included."""
    return _of_kind("signal", "notes", folders)


def segmenters(folders: Sequence[Path]) -> Table:
    """Return everything that finds speech, plug-in folders included."""
    return _of_kind("segmenter", "notes", folders)


def speech_models(folders: Sequence[Path]) -> Table:
    """Return every model of emotion in speech, those of plug-in folders included."""
    return _of_kind("speech_model", "notes", folders)


def datasets(folders: Sequence[Path]) -> Table:
    """Return every dataset, its terms and how to get it."""
    table = Table(title="datasets", title_justify="left")
    for name in ("type", "what", "terms", "how to get it"):
        table.add_column(name, overflow="fold")
    for name in registry.names("dataset", tuple(folders)):
        card = registry.get("dataset", name, tuple(folders)).card
        table.add_row(name, *(str(card.get(key, "")) for key in ("title", "terms", "how_to_get")))
    return table


def _of_kind(kind: str, detail: str, folders: Sequence[Path]) -> Table:
    table = Table(title=f"{kind.replace('_', ' ')}s", title_justify="left")
    for name in ("name", "framework", "licence", detail, "here"):
        table.add_column(name, no_wrap=name in {"name", "framework"}, overflow="fold")
    for name in registry.names(kind, tuple(folders)):
        plugin = registry.get(kind, name, tuple(folders))
        told = _calibration(plugin) if kind == "detector" else str(plugin.card.get(detail, ""))
        table.add_row(
            name, plugin.framework, str(plugin.card.get("licence", "")), told, _here(plugin)
        )
    return table


def _calibration(plugin: Plugin) -> str:
    return (
        "whole frame"
        if plugin.card.get("whole_frame")
        else "fitted"
        if plugin.card.get("calibration")
        else "none"
    )


def _here(plugin: Plugin) -> str:
    lacking = (given_weights.missing(plugin, {}) or "").partition(";")[0]  # without addresses
    reason = plugin.skip() or lacking
    absent = [asset for asset in plugin.assets.values() if not fetch.is_there(asset)]
    lost = [asset.name for asset in absent if not asset.urls]
    problems = (
        [reason]
        if reason
        else fetch.availability([asset for asset in plugin.assets.values() if asset not in absent])
    )
    if lost and not reason:
        problems.append(f"weights missing: {', '.join(lost)} (`faceoff assets` says from where)")
    if problems:
        return escape("; ".join(problems))
    return "[yellow]weights missing: to be downloaded[/yellow]" if absent else "[green]yes[/green]"
