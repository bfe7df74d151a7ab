"""What happens before the first job: the run's lock is taken, weights and data are got, and what is missing is said. The Snakefile asks."""

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from faceoff import emotions
from faceoff.assets import dataset_archives, fetch
from faceoff.assets.asset import AssetError
from faceoff.layout import PACKAGE, scripts_folder
from faceoff.plan.config import ConfigError
from faceoff.plan.job_specs import Plan
from faceoff.plugins.plugin import RegistryError
from faceoff.storage import files


class PreflightError(Exception):
    """Something that the run needs is not there; the message says what, where and how to get it."""


def check(plan: Plan, every_weight: bool = False) -> None:
    """Fetch every asset and dataset that is to be downloaded, and open every dataset. Raises PreflightError with one line per thing that is missing.

    every_weight: fetch weights also where the run does with those present.
    """
    problems = []
    for name in plan.datasets():
        try:
            archives = plan.archives(name)
            if archives:
                dataset_archives.obtain(archives, plan.config.datasets[name].path)
            dataset, space = plan.open(name), plan.config.datasets[name].space
            if isinstance(space, list):
                emotions.space(space, dataset.space)
        except (OSError, ValueError, AssetError) as error:
            problems.append(f"dataset {name}: {error}")
    for name in plan.config.models:
        plugin = plan.model(name)[1]
        if "reads" in plugin.card and not (
            path := plan.config.models[name].options.get(plugin.card["reads"])
        ):
            problems.append(
                f"models.{name}.options.{plugin.card['reads']} is missing: the file with the predictions"
            )
        elif "reads" in plugin.card and not Path(path).is_file():
            problems.append(f"models.{name}.options.{plugin.card['reads']}: {path} is not there")
    for user, asset in (
        plan.assets().items() if every_weight or plan.config.weights == "fetch" else ()
    ):
        # In other environments than this one the job looks into its packages; what may be downloaded instead is got ready for those that have not.
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
    """Take the run's lock for the life of this process; the kernel frees it however the process ends. Raises PreflightError."""
    folder = Path(plan.layout.folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = open(folder / ".lock", "w", encoding="utf-8")  # noqa: SIM115 - it stays open until the process ends
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PreflightError(f"another run is working in {folder}") from None
    except OSError as error:
        raise PreflightError(
            f"{folder}: its file system has no locks ({error.strerror}); use another one with --directory"
        ) from None
    files.clear_leftovers(folder)
    return handle


def prepare_environment() -> None:
    """Let jobs find this interpreter first and no user site, also when Snakemake runs from a virtual environment that is not activated."""
    here = str(Path(sys.executable).parent)
    if os.environ.get("PATH", "").split(os.pathsep)[0] != here:
        os.environ["PATH"] = here + os.pathsep + os.environ.get("PATH", "")
    os.environ["PYTHONNOUSERSITE"] = "1"
    if not (scripts_folder() / PACKAGE.name).is_dir():
        # An installed package does not lie beside its scripts: environments of conda's look here.
        os.environ["PYTHONPATH"] = str(_package_alone())
    fetch.isolate_caches()


def _package_alone() -> Path:
    """Return a folder that holds this package and nothing else, as a link."""
    folder = fetch.cache_folder() / "package"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / PACKAGE.name
    if not link.is_symlink() or link.resolve() != PACKAGE.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(PACKAGE.resolve(), target_is_directory=True)
    return folder


def stop(action: Callable[[], Any]) -> Any:
    """Run a step that may refuse to start; print its reasons without a traceback and end the process."""
    try:
        return action()
    except (ConfigError, PreflightError, RegistryError, AssetError) as error:
        for line in str(error).splitlines():
            print(f"faceoff: {line}", file=sys.stderr)
        sys.exit(1)
