"""Prepare a run before its first job; the Snakefile calls these functions.

They take the run's lock, fetch weights and data, and name what is missing.
"""

import fcntl
import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from faceoff import emotions
from faceoff.assets import dataset_archives, fetch
from faceoff.assets.asset import AssetError
from faceoff.layout import PACKAGE, scripts_folder
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins.plugin import RegistryError
from faceoff.plugins.protocols import CheckedDataset
from faceoff.storage import files


class PreflightError(Exception):
    """The run needs something that is missing.

    The message says what, where it belongs and how to get it.
    """


def check(plan: Plan, every_weight: bool = False) -> None:
    """Fetch every asset and dataset that may be downloaded, and open every dataset.

    every_weight: also fetch weights if the run makes do with those that are present.

    Raises PreflightError with one line per missing thing.
    """
    problems = []
    for name in plan.datasets():
        try:
            archives = plan.archives(name)
            if archives:
                folder: Path = getattr(plan.config.datasets[name], "path")  # noqa: B009
                dataset_archives.obtain(archives, folder)
            dataset, space = plan.open(name), plan.config.datasets[name].space
            if isinstance(dataset, CheckedDataset):
                dataset.check()
            if isinstance(space, list):
                emotions.space(space, dataset.space)
        except (OSError, ValueError, AssetError) as error:
            problems.append(f"dataset {name}: {error}")
    for name in plan.config.models:
        card = plan.model(name)[1].card
        if "reads" not in card:
            continue
        option = f"models.{name}.options.{card['reads']}"
        path = plan.config.models[name].options.get(card["reads"])
        if not path:
            problems.append(f"{option} is missing: the file with the predictions")
        elif not Path(path).is_file():
            problems.append(f"{option}: {path} is not there")
    fetched = every_weight or plan.config.weights == "fetch"
    for user, asset in plan.assets().items() if fetched else ():
        # A job in another environment looks into its own packages; fetch the download for a job
        # whose environment lacks the package.
        elsewhere = bool(asset.package) and not plan.check_modules
        if elsewhere and not asset.urls:
            continue
        try:
            fetch.fetch_for_others(asset) if elsewhere else fetch.fetch(asset)
        except AssetError as error:
            problems.append(f"{user}: {error}")
    if problems:
        raise PreflightError("\n".join(problems))


def lock(plan: Plan) -> TextIO:
    """Take the run's lock for the life of this process; the kernel frees it at the end.

    Raises PreflightError.
    """
    folder = Path(plan.layout.folder)
    folder.mkdir(parents=True, exist_ok=True)
    # It stays open until the process ends.
    handle = open(folder / ".lock", "w", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PreflightError(f"another run is working in {folder}") from None
    except OSError as error:
        raise PreflightError(
            f"{folder}: its file system has no locks ({error.strerror}); "
            "use another one with --directory"
        ) from None
    files.clear_leftovers(folder)
    return handle


def prepare_environment() -> None:
    """Let jobs find this interpreter first, and no user site.

    This holds also when Snakemake runs from a virtual environment that is not activated.
    """
    here = str(Path(sys.executable).parent)
    if os.environ.get("PATH", "").split(os.pathsep)[0] != here:
        os.environ["PATH"] = here + os.pathsep + os.environ.get("PATH", "")
    os.environ["PYTHONNOUSERSITE"] = "1"
    if not (scripts_folder() / PACKAGE.name).is_dir():
        # An installed package does not lie beside its scripts; conda's environments look here.
        os.environ["PYTHONPATH"] = str(_package_alone())
    fetch.isolate_caches()


def _package_alone() -> Path:
    """Return a folder that holds this package and nothing else, as a link."""
    name = hashlib.sha256(str(PACKAGE.resolve()).encode()).hexdigest()[:16]
    folder = fetch.cache_folder() / "package" / name
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / PACKAGE.name
    with suppress(FileExistsError):  # the folder's name says what it links to
        link.symlink_to(PACKAGE.resolve(), target_is_directory=True)
    return folder


def stop(action: Callable[[], Any]) -> Any:
    """Run a step; if it refuses to start, print its reasons without a traceback and exit 1."""
    try:
        return action()
    except (ConfigError, PreflightError, RegistryError, AssetError) as error:
        for line in str(error).splitlines():
            print(f"faceoff: {line}", file=sys.stderr)
        sys.exit(1)
