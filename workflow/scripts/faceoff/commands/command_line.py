"""Share among the commands: the console, arguments that several take, and how a command fails.

Modules of commands import nothing heavy at their top, since `faceoff --help` imports all of them.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from faceoff.spelling import suggestion

if TYPE_CHECKING:
    from faceoff.plan.job_specs import Plan

console = Console()
RunName = Annotated[str, typer.Argument(help="the run: its name in results/, or its folder")]
ConfigPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="CONFIG", help="a configuration; default: faceoff.yaml or config.yaml here"
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="exit 3 where the run is unfinished, failed or has gaps")
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugins", help="folder with more plug-ins; may be repeated"),
]


def fail(reason: object) -> NoReturn:
    """End the program with a reason, which may have several lines."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = f"{reason.filename}: {reason.strerror}" if reason.filename else reason.strerror
    for line in str(reason).splitlines():
        print(f"faceoff: {line}", file=sys.stderr)
    raise typer.Exit(1)


@contextmanager
def lacking(lines: Sequence[str], strict: bool, said: bool = False) -> Iterator[None]:
    """Say what a run lacks after the work on it; then exit 3 if `strict` is asked for.

    lines: from `run_folder.lacks`; said: the work itself says them if it ends well. Where the run
    has nothing to work on yet, its reason is printed too, and the exit status is 1 or 3.
    """
    try:
        yield
    except FileNotFoundError as error:
        if not lines:
            raise
        lines, said = [str(error), *lines], False
        status = 3 if strict else 1
    else:
        status = 3 if lines and strict else 0
    for line in () if said else lines:
        print(f"faceoff: {line}", file=sys.stderr)
    if status:
        raise typer.Exit(status)


def plan_of(path: Path) -> "Plan":
    """Return the plan of a configuration file; end the program with the reason if it is wrong."""
    from faceoff.plan import config_files
    from faceoff.plan.job_specs import Plan

    raw = config_files.load(path)
    try:
        return Plan(raw)
    except (OSError, ValueError) as error:
        fail(f"{path}:\n{error}")


# Looked for in the current folder, in this order.
CONFIGURATIONS = ("faceoff.yaml", "config.yaml")


def configuration_here(path: Path | None) -> Path:
    """Return the path, or the configuration in the current folder; end the program without one."""
    if path is not None:
        return path
    default = next((Path(name) for name in CONFIGURATIONS if Path(name).is_file()), None)
    return default or fail(
        f"no {' or '.join(CONFIGURATIONS)} in this folder: name a configuration, or let"
        " `faceoff init FOLDER` write one for your pictures"
    )


def configuration_of(context: typer.Context, path: Path | None) -> Path:
    """Return the configuration of a command whose other options go to Snakemake.

    The first of these may stand where the configuration would.
    """
    if path is not None and str(path).startswith("-"):
        context.args.insert(0, str(path))
        path = None
    return configuration_here(path)


def check_dataset(name: str, plan: "Plan", path: Path) -> None:
    """End the program where a configuration has no dataset of this name."""
    if name not in plan.datasets():
        fail(
            f"{path}: no dataset {name!r} in this configuration{suggestion(name, plan.datasets())}"
        )
