"""Commands on a configuration: check it, fetch what it needs, look its datasets over."""

import json
from pathlib import Path
from typing import Annotated

import typer

from faceoff.commands.command_line import check_dataset, configuration_here, console, fail, plan_of
from faceoff.storage import files


def config(
    path: Annotated[
        Path | None,
        typer.Argument(help="the configuration to check; default: faceoff.yaml or config.yaml"),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="write its comments anew; of the repository's own, the JSON schema and"
            " docs/reference.md too",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="with --write: even where comments of your own are lost")
    ] = False,
) -> None:
    """Check a configuration; with --write, write every key into it.

    The check is that of a run before its first job: data, columns, packages and weights that are
    here. Model cards of your own whose weights are here are tried on noise. With --write, each key
    comes under its generated comment.
    """
    from faceoff.commands import card_probe, reference_page
    from faceoff.plan import config_files, preflight

    path = configuration_here(path)
    plan = plan_of(path)
    try:
        card_probe.refuse(plan, path)
    except ValueError as error:
        fail(error)
    own = path.resolve() == config_files.OWN
    if write:
        text = config_files.commented(config_files.load(path))
        generated = set(config_files.comments(text))
        lost = [
            comment
            for comment in config_files.comments(path.read_text(encoding="utf-8"))
            if comment not in generated
        ]
        if lost and not (own or force):
            fail(
                f"{path}: --write would delete {len(lost)} comments, the first is {lost[0]!r};"
                " --force writes it all the same"
            )
        files.write_text(path, text)
    if write and own:
        files.write_text(
            config_files.SCHEMA,
            json.dumps(config_files.schema(), indent=1, sort_keys=True) + "\n",
        )
        files.write_text(reference_page.PATH, reference_page.page())
    if not write:
        try:
            preflight.check(plan, download=False)
        except preflight.PreflightError as error:
            fail(f"{path}: valid, but a run would stop here:\n{error}")
    console.print(f"{path}: valid")


def fetch(
    path: Annotated[
        Path | None, typer.Argument(help="a configuration; default: faceoff.yaml or config.yaml")
    ] = None,
) -> None:
    """Fetch the weights and datasets that a run needs and may download.

    For example on a login node, before the jobs run without a network.
    """
    from faceoff.plan import preflight

    path = configuration_here(path)
    try:
        preflight.check(plan_of(path), every_weight=True)
    except preflight.PreflightError as error:
        fail(str(error))
    console.print(f"{path}: everything is here")


def validate(
    path: Annotated[
        Path | None, typer.Argument(help="a configuration; default: faceoff.yaml or config.yaml")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="only this dataset; may be repeated")
    ] = None,
) -> None:
    """Look over the datasets of a configuration before a run.

    It counts samples and finds missing and unreadable files, duplicates, label conflicts, and
    pictures and people that two datasets share. Of a dataset with `part` or `limit` it reads only
    the samples that these leave. It says what a published dataset has and this copy lacks.

    Exits 1 when a dataset cannot be opened, has no sample, is incomplete or holds an unreadable or
    damaged file.
    """
    from faceoff.commands import audit
    from faceoff.plugins.open_dataset import selected
    from faceoff.progress import track

    path = configuration_here(path)
    plan = plan_of(path)
    names = dataset or plan.datasets()
    for name in names:
        check_dataset(name, plan, path)
    try:
        opened = {name: plan.open(name) for name in names}
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}")
    chosen = {
        name: selected(source, plan.config.datasets[name], plan.config.seed)
        for name, source in opened.items()
    }
    audits = [
        audit.audit(name, source, track(chosen[name], name)) for name, source in opened.items()
    ]
    audit.show(
        str(path), audits, {name: source.version for name, source in opened.items()}, console
    )
    if any(found.unreadable or found.damaged or found.missing or not found.n for found in audits):
        raise typer.Exit(1)
