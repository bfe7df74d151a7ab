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
from faceoff.plan import trained_nets
from faceoff.plan.config import ConfigError
from faceoff.plan.group_jobs import twice
from faceoff.plan.job_specs import Plan
from faceoff.plugins import given_weights
from faceoff.plugins.group_files import read_groups
from faceoff.plugins.options import DEFAULT_DATA
from faceoff.plugins.plugin import RegistryError
from faceoff.plugins.protocols import CheckedDataset
from faceoff.storage import files


class PreflightError(Exception):
    """The run needs something that is missing.

    The message says what, where it belongs and how to get it.
    """


def check(plan: Plan, every_weight: bool = False, download: bool = True) -> None:
    """Fetch every asset and dataset that may be downloaded, and open every dataset.

    every_weight: also fetch weights if the run makes do with those that are present; download:
    False looks only, and takes what may be downloaded as there.

    Raises PreflightError with one line per missing thing.
    """
    problems = []
    for name in plan.datasets():
        try:
            archives = plan.archives(name)
            folder: Path | None = getattr(plan.config.datasets[name], "path", None)
            if archives and folder and download:
                dataset_archives.obtain(archives, folder)
            elif archives and folder and not folder.exists():
                continue
            dataset, space = plan.open(name), plan.config.datasets[name].space
            if isinstance(dataset, CheckedDataset):
                dataset.check()
            tables = [read_groups(each) for each in plan.config.datasets[name].groups_from]
            problems += [f"dataset {name}: {fault}" for fault in twice(plan.config, tables)]
            if isinstance(space, list):
                emotions.space(space, dataset.space)
        except (OSError, ValueError, AssetError) as error:
            problems.append(f"dataset {name}: {error}{_data_hint(plan, name)}")
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
        else:
            try:
                plan.read_recorded(name)
            except (OSError, ValueError) as error:
                problems.append(f"models.{name}: {error}")
    problems += [*plan.temporal_faults(), *plan.corruption_faults(), *plan.saliency_faults()]
    problems += _weights(plan, every_weight, download)
    if not plan.cells and not problems:
        reasons = dict.fromkeys(plan.skip(*cell) for cell in plan.pairs)
        problems.append("no pair of detector and model can run here:")
        problems += [f"  {reason}" for reason in reasons]
    if problems:
        raise PreflightError("\n".join([*problems, *_wrong_folders()]))


def check_training(plan: Plan, training: str) -> None:
    """Raise PreflightError if a network cannot be trained in this environment."""
    reason = trained_nets.plugin_of(plan.config, training).skip() if plan.check_modules else None
    if reason:
        raise PreflightError(f"training.{training}: {reason}")


def _wrong_folders() -> list[str]:
    """Return a line for each variable of the environment that names no folder."""
    return [
        f"{name}={os.environ[name]} is no folder"
        for name in ("FACEOFF_MIRROR", "FACEOFF_DATA")
        if os.environ.get(name) and not Path(os.environ[name]).is_dir()
    ]


def _weights(plan: Plan, every_weight: bool, download: bool) -> list[str]:
    """Return one line for each file of weights that is missing or has another hash than it must.

    Fetch those that are missing, where the run does not make do with those that are there.
    """
    problems = []
    fetched = every_weight or plan.config.weights == "fetch"
    for user, plugin, options in plan.plugin_options():
        if plan.check_modules and plugin.skip():
            continue
        lacking = given_weights.missing(plugin, options) if fetched else None
        faults = [lacking, *given_weights.wrong(options)]
        problems += [f"{user}: {fault}" for fault in faults if fault]
    for user, asset in plan.assets().items():
        # A job in another environment looks into its own packages; fetch the download for a job
        # whose environment lacks the package.
        elsewhere = bool(asset.package) and not plan.check_modules
        if elsewhere and not asset.urls:
            continue
        try:
            if not fetched or not download:
                found = fetch.locate(asset)
                if found is None and fetched and not asset.urls:
                    fetch.fetch(asset)  # says where it belongs
            elif elsewhere:
                fetch.fetch_for_others(asset)
            else:
                fetch.fetch(asset)
        except AssetError as error:
            problems.append(f"{user}: {error}")
    return problems


def lock(plan: Plan) -> TextIO:
    """Take the run's lock for the life of this process; the kernel frees it at the end.

    Raises PreflightError.
    """
    folder = Path(plan.layout.folder)
    _need_folders(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # It stays open until the process ends.
        handle = open(plan.layout.lock, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise PreflightError(
            f"{error.filename}: {error.strerror}; results go there: run in another folder, or give "
            "one with --directory"
        ) from None
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


def _data_hint(plan: Plan, name: str) -> str:
    """Return the cure where a dataset is looked for in the folder that FACEOFF_DATA defaults to."""
    path = getattr(plan.config.datasets[name], "path", None)
    default = Path(DEFAULT_DATA)
    if os.environ.get("FACEOFF_DATA") or path is None or default not in [path, *path.parents]:
        return ""
    return "; FACEOFF_DATA is not set: set it to the folder with your datasets"


def _need_folders(plan: Plan) -> None:
    """Raise PreflightError where a file lies in the place of a folder of the run."""
    for folder in sorted({parent for path in plan.files() for parent in Path(path).parents}):
        if folder.exists() and not folder.is_dir():
            raise PreflightError(f"{folder} is a file, where the run needs a folder: move it away")


def limit_jobs(plan: Plan) -> None:
    """Tell jobs how long a detector or model may take.

    Not through their params: another limit must not run them again.
    """
    os.environ["FACEOFF_JOB_HOURS"] = str(plan.config.job_hours)


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
