"""Which score files of a run's folder belong to its present configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceoff import tables


def configures(config: Mapping[str, Any], dataset: str, cell: str) -> bool:
    """Whether a configuration names the parts of a cell: 'detector/model' or 'fusion/name'."""
    detector, _, model = cell.partition("/")
    if dataset not in config.get("datasets", {}):
        return False
    if detector == "fusion":  # one per detector is named fusion.detector
        return not {model, model.partition(".")[0]}.isdisjoint(config.get("fusions", {}))
    return detector in config.get("detectors", {}) and model in config.get("models", {})


def of_run(folder: Path) -> list[Path]:
    """The score files in results/<run>, sorted; those of cells that have left the configuration since stay on disk and are not among them."""
    manifest = folder / "manifest.json"
    config = (tables.read_json(manifest).get("config") if manifest.is_file() else None) or {}
    found = sorted((folder / "scores").glob("*/*/*.json"))
    return [path for path in found if not config or configures(config, path.parts[-3], f"{path.parts[-2]}/{path.stem}")]
