"""Run the workflow from anywhere, with the Snakefile of this package."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import ConfigPath, configuration_of, fail

_CORES = ("--cores", "-c", "--jobs", "-j")
# Options with which Snakemake says itself what the user wants to know.
_SPEAKS = {
    "--quiet", "-q", "--dry-run", "--dryrun", "-n", "--verbose", "--logger", "--help", "-h",
    "--version", "-v", "--list-rules", "--list", "-l", "--list-target-rules", "--lt", "--summary",
    "-S", "--detailed-summary", "-D", "--list-changes", "--lint", "--unlock", "--touch", "-t",
    "--cleanup-metadata", "--delete-all-output", "--report", "--dag", "--rulegraph",
    "--printshellcmds", "-p", "--debug-dag",
}  # fmt: skip
_ELSEWHERE = {"--directory", "-d", "--config", "-C"}  # the run may have another name or place


def run(
    context: typer.Context,
    path: ConfigPath = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="show what Snakemake says, instead of a bar")
    ] = False,
) -> None:
    """Run the workflow on a configuration; options that follow go to Snakemake.

    For example `faceoff run mine.yaml --cores 4`, `faceoff run mine.yaml --dry-run`. Results go to
    results/NAME in the current folder, by the `run:` of the configuration.
    """
    path = configuration_of(context, path)
    follow(path, context.args, verbose)


def follow(path: Path, more: list[str], verbose: bool = False) -> None:
    """Run the workflow with a bar, or with Snakemake's own lines where it is asked for more."""
    command = snakemake(path, more, verbose)
    sys.stdout.flush()
    if verbose or _SPEAKS & {word.split("=")[0] for word in more}:
        os.execv(command[0], command)
    else:
        _watch(path, command[3:], more)


def _watch(path: Path, arguments: list[str], more: list[str]) -> None:
    """Run Snakemake here with a bar instead of its own lines; exit with its status."""
    from faceoff.commands import run_progress
    from faceoff.plan import config_files
    from faceoff.results import leaderboard

    place = arguments.index("--quiet")
    del arguments[place : place + 2]  # its log in .snakemake/log is a whole one
    status = run_progress.run(arguments)
    if run_progress.is_idle() and not _ELSEWHERE & {word.split("=")[0] for word in more}:
        leaderboard.show(str(config_files.load(path).get("run", "demo")))
    if status:
        raise typer.Exit(status)


def snakemake(path: Path, more: list[str], verbose: bool = False) -> list[str]:
    """Return the command line that runs the workflow; end the program if it cannot run.

    more: arguments for Snakemake, which win over those given here.
    """
    from faceoff.layout import workflow_folder
    from faceoff.plan import config_files

    if not path.is_file():
        fail(f"{path}: no such configuration; `faceoff init` writes one")
    if importlib.util.find_spec("snakemake") is None:
        fail("Snakemake is not installed here: pip install 'snakemake>=9.20,<10'")
    config_files.load(path)  # says what is wrong with the file, where Snakemake shows a traceback
    folder = workflow_folder()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(folder / "Snakefile")]
    command += ["--configfile", str(path)]
    if "--workflow-profile" not in more:
        command += ["--workflow-profile", str(folder / "profiles" / "default")]
    if not verbose and not {"--quiet", "-q", "--dry-run", "-n", "--verbose"} & set(more):
        command += ["--quiet", "rules"]
    # Last of ours, as the others would take a target that follows for a value of theirs.
    if not any(word.split("=")[0] in _CORES for word in more):
        command += ["--cores", "all"]
    return [*command, *more]
