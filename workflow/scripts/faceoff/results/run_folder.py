"""Say where a run lies, which version wrote it, and which files belong to its configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faceoff.layout import RESULTS, VERSION, Layout
from faceoff.storage import files


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of the run in this folder, None where there is none (yet).

    Raises ValueError for a run in another layout.
    """
    path = Path(Layout(str(folder)).manifest)
    if not path.is_file():
        return None
    manifest: dict[str, Any] = files.read_json(path)
    layout = manifest.get("layout", 0)
    if layout > VERSION:
        raise ValueError(
            f"{folder} was written by a newer version of Faceoff (layout {layout}, this version"
            f" reads layout {VERSION}): update Faceoff"
        )
    if layout < VERSION:
        raise ValueError(
            f"{folder} was written by an older version of Faceoff; run snakemake again with its"
            " configuration, which makes the manifest and everything else again that this version"
            " computes in another way (snakemake -n lists it)"
        )
    return manifest


def configures(config: Mapping[str, Any], dataset: str, cell: str) -> bool:
    """Return whether a configuration names the parts of a cell.

    A cell is 'detector/model' or 'fusion/name'.
    """
    detector, _, model = cell.partition("/")
    if dataset not in config.get("datasets", {}):
        return False
    if detector == "fusion":  # one per detector is named fusion.detector
        return not {model, model.partition(".")[0]}.isdisjoint(config.get("fusions", {}))
    return detector in config.get("detectors", {}) and model in config.get("models", {})


def belongs(folder: Path) -> Callable[[str, str], bool]:
    """Return a function that says whether a dataset's cell is of the run's present configuration.

    Files of cells that have left the configuration since stay on disk. Without a manifest every
    cell belongs. Raises as `manifest_of`.
    """
    config = (manifest_of(folder) or {}).get("config") or {}
    return lambda dataset, cell: not config or configures(config, dataset, cell)


def of_run(folder: Path) -> list[Path]:
    """Return the score files in results/RUN of the cells of its configuration, sorted."""
    present = belongs(folder)
    layout = Layout(str(folder))
    return [
        path
        for path in layout.existing(layout.score("*", "*", "*"))
        if present(path.parts[-3], f"{path.parts[-2]}/{path.stem}")
    ]


def run_folder(name: str | Path) -> Path:
    """Return a run's folder by its name below results/, or by its own path.

    Raises FileNotFoundError where neither is there.
    """
    found = next((path for path in (Path(RESULTS) / name, Path(name)) if path.is_dir()), None)
    if found is None:
        raise FileNotFoundError(
            f"{name}: neither results/{name} nor {name} is the folder of a run; run snakemake"
            " first, or name another run"
        )
    return found
