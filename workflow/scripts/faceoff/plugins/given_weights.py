"""Look at the weights that a run's options give: files whose hash nobody has published."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faceoff.assets import fetch
from faceoff.assets.asset import AssetError
from faceoff.plugins.plugin import Plugin


def missing(plugin: Plugin, options: Mapping[str, Any]) -> str | None:
    """Return what to do where a plug-in needs such weights and has none, else None."""
    needed = _needed(plugin)
    if needed is None or options.get(needed):
        return None
    published = plugin.card.get("checkpoint") or {}
    if "git_blob" in published and any(place.is_file() for place in _places(published["file"])):
        return None  # the plug-in compares its hash
    name = published.get("file", "the authors' file")
    source = published.get("url") or plugin.card.get("source", "its authors")
    how = "`weights` and `sha256`" if needed == "weights" else f"`{needed}: {{path: …, sha256: …}}`"
    also = (
        f", or put it at {' or '.join(map(str, _places(name)))}" if "git_blob" in published else ""
    )
    return f"weights missing: give them as options {how}{also}; {name} is at {source}"


def wrong(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with each file that these options give; nothing is loaded without."""
    files = [(name, value) for name, value in options.items() if isinstance(value, Mapping)]
    if options.get("weights") and not isinstance(options["weights"], Mapping):
        about = {"path": options["weights"], "sha256": options.get("sha256")}
        files.append(("weights", about))
    for name, value in files:
        if "path" in value and isinstance(value["path"], str):
            try:
                fetch.given(value["path"], value.get("sha256"), name)
            except (AssetError, OSError) as error:
                yield str(error)


def _needed(plugin: Plugin) -> str | None:
    """Return the option that must give weights, None where there is none.

    It is the first option of a plug-in whose header has no hash of its weights.
    """
    options = plugin.card.get("options", {})
    unhashed = "sha256" in options or "checkpoint" in plugin.card
    return next(iter(options), None) if unhashed and not plugin.assets else None


def _places(name: str) -> list[Path]:
    return [
        place / name for place in (fetch.mirror_folder(), fetch.cache_folder() / "weights") if place
    ]
