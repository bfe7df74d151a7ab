"""Say where a run lies, which version wrote it, what belongs to it and what it lacks."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from faceoff.layout import RESULTS, VERSION, Layout
from faceoff.storage import checksums, files


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

    A cell is 'detector/model', 'fusion/name' or 'temporal/name'.
    """
    detector, _, model = cell.partition("/")
    if dataset not in config.get("datasets", {}):
        return False
    if detector == "temporal":  # named rule.detector.model or rule.fusion.name
        rule, _, of = model.partition(".")
        named = rule in config.get("temporal", {})
        return named and configures(config, dataset, of.replace(".", "/", 1))
    if detector == "fusion":  # one per detector is named fusion.detector
        return not {model, model.partition(".")[0]}.isdisjoint(config.get("fusions", {}))
    return names_pair(config, detector, model)


def names_pair(config: Mapping[str, Any], front: str, model: str) -> bool:
    """Return whether a configuration names a detector and its model, or those of a voice."""
    return any(
        front in config.get(fronts, {}) and model in config.get(models, {})
        for fronts, models in (("detectors", "models"), ("segmenters", "speech_models"))
    )


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


def failures(folder: Path) -> list[dict[str, str]]:
    """Return what failed in the last run in this folder: dataset, name of the cell, reason."""
    path = Path(Layout(str(folder)).failed)
    return list(files.read_json(path)["failed"]) if path.is_file() else []


def lacks(folder: Path, *wanted: str) -> list[str]:
    """Return a line for each thing that the run in this folder lacks; none for a whole run.

    Cells failed, jobs are yet to run, or files are gone that the run has made. wanted: paths of the
    layout with `*` for names; only files that fit are named. Raises ValueError for a damaged list.
    """
    layout = Layout(str(folder))
    failed, unfinished = Path(layout.failed), Path(layout.unfinished)
    if failed.is_file():
        found = files.read_json(failed)
        rows, cells = found["failed"], found["cells"] + found["timings"]
        return [f"failed: {len(rows)} of {cells} cells; the next run tries them again"]
    if unfinished.is_file():
        found = files.read_json(unfinished)
        waiting = sum(_time(folder / name) == time for name, time in found["pending"].items())
        done = found["jobs"] - waiting
        return [f"unfinished: {done} of {found['jobs']} jobs are done; run it again to go on"]
    # A run of an older version left no list of its jobs.
    if Path(layout.lock).is_file() and not Path(layout.check).is_file():
        return ["unfinished: the run has not come to its end; run it again to go on"]
    patterns = [str(Path(path).relative_to(folder)) for path in wanted]
    return [
        f"missing: {folder / name}; run it again, which makes this file again"
        for name in sorted(checksums.read(Path(layout.checksums)))
        if any(fnmatchcase(name, pattern) for pattern in patterns) and not (folder / name).is_file()
    ]


def lacks_votes(folder: Path) -> list[str]:
    """Return a line for each thing that a reader of all predictions lacks in this run."""
    layout = Layout(str(folder))
    return lacks(folder, layout.predictions("*", "*", "*"), layout.fusion("*", "*"))


def _time(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


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
