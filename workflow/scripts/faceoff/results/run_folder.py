"""Where a run lies, and which files of its folder belong to its present configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faceoff.storage import files


def configures(config: Mapping[str, Any], dataset: str, cell: str) -> bool:
    """Whether a configuration names the parts of a cell: 'detector/model' or 'fusion/name'."""
    detector, _, model = cell.partition("/")
    if dataset not in config.get("datasets", {}):
        return False
    if detector == "fusion":  # one per detector is named fusion.detector
        return not {model, model.partition(".")[0]}.isdisjoint(config.get("fusions", {}))
    return detector in config.get("detectors", {}) and model in config.get("models", {})


def belongs(folder: Path) -> Callable[[str, str], bool]:
    """Whether a dataset's cell is one of the present configuration of the run in this folder; without a manifest every cell is.

    Files of cells that have left the configuration since stay on disk.
    """
    manifest = folder / "manifest.json"
    config = (files.read_json(manifest).get("config") if manifest.is_file() else None) or {}
    return lambda dataset, cell: not config or configures(config, dataset, cell)


def of_run(folder: Path) -> list[Path]:
    """The score files in results/<run> of the cells that belong to its configuration, sorted."""
    present = belongs(folder)
    return [
        path
        for path in sorted((folder / "scores").glob("*/*/*.json"))
        if present(path.parts[-3], f"{path.parts[-2]}/{path.stem}")
    ]


def run_folder(name: str | Path) -> Path:
    """A run's folder by its name below results/, or by its own path. Raises FileNotFoundError where neither is there."""
    found = next((path for path in (Path("results") / name, Path(name)) if path.is_dir()), None)
    if found is None:
        raise FileNotFoundError(
            f"{name}: neither results/{name} nor {name} is the folder of a run; run snakemake first, or name another run"
        )
    return found
